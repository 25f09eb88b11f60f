/* state_read.c - map a state file, and believe nothing in it unchecked.
 *
 * All checks are made once, when the file is mapped; after that the offsets
 * and sizes are known to lie inside, and lookups only compare the index. */
#include "verifier/state.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

/* ---- checking ---- */

static void md_free_at(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

enum mm_err state_checksum(const void *head, size_t head_size, uint8_t out[32])
{
	const uint8_t *at = head;
	__attribute__((cleanup(md_free_at))) EVP_MD_CTX *c = EVP_MD_CTX_new();
	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(c, at, STATE_SUM_FROM) != 1 ||
	    EVP_DigestUpdate(c, at + STATE_SUM_TO, head_size - STATE_SUM_TO) !=
		    1 ||
	    EVP_DigestFinal_ex(c, out, NULL) != 1)
		return MM_ERR_CRYPTO;
	return MM_OK;
}

/* `count` rows of `row` bytes at `at`, aligned, inside [from, to)? */
static bool rows_fit(uint64_t at, uint64_t count, uint64_t row, uint64_t from,
		     uint64_t to)
{
	return at % 8 == 0 && at >= from && at <= to &&
	       count <= (to - at) / row;
}

static bool head_is_sound(const struct state_map *m)
{
	const struct state_header *h = m->head;
	uint8_t sum[32];
	return h->head_size % STATE_PAGE == 0 && h->head_size >= sizeof *h &&
	       h->head_size <= m->size &&
	       state_checksum(h, h->head_size, sum) == MM_OK &&
	       !memcmp(sum, h->checksum, sizeof sum) &&
	       memchr(h->iss, '\0', sizeof h->iss) != NULL &&
	       memchr(h->epoch, '\0', sizeof h->epoch) != NULL &&
	       h->max_staleness > 0 && h->key_count <= STATE_KEYS_MAX &&
	       h->list_count <= STATE_LIST_MAX &&
	       rows_fit(h->keys_at, h->key_count, sizeof(struct state_key),
			sizeof *h, h->head_size) &&
	       rows_fit(h->lists_at, h->list_count, sizeof(struct state_list),
			sizeof *h, h->head_size);
}

static bool list_is_sound(const struct state_map *m, const struct state_list *l)
{
	uint64_t from = m->head->head_size, to = m->size;
	bool slides = l->kind == LIST_AUTO_REFRESH;
	return (slides || l->kind == LIST_FIXED) && l->size != 0 &&
	       l->size % 4 == 0 && l->size <= LIST_SIZE_MAX &&
	       l->held <= l->size && l->held % 4 == 0 &&
	       rows_fit(l->status_at, l->held / 4, 1, from, to) &&
	       (slides ? rows_fit(l->renewals_at, l->held, 4, from, to)
		       : l->renewals_at == 0);
}

static bool lists_are_sound(const struct state_map *m)
{
	const struct state_list *l = state_at(m->head, m->head->lists_at);
	for (uint32_t i = 0; i < m->head->list_count; i++)
		if (!list_is_sound(m, &l[i]) ||
		    (i != 0 && l[i].list <= l[i - 1].list))
			return false;
	return true;
}

static bool parse_keys(struct state_map *m)
{
	const struct state_key *rows = state_keys(m->head);
	for (uint32_t i = 0; i < m->head->key_count; i++) {
		AUTO_JWK struct jwk *key = NULL;
		size_t n = strnlen(rows[i].jwk, sizeof rows[i].jwk);
		if (jwk_from_json(span_of(rows[i].jwk, n), &key, NULL) !=
			    MM_OK ||
		    strncmp(jwk_kid(key), rows[i].kid, sizeof rows[i].kid) !=
			    0 ||
		    jwk_set_add(&m->keys, key) != MM_OK)
			return false;
	}
	return true;
}

static enum mm_err check(struct state_map *m, const char *path, struct why *why)
{
	const struct state_header *h = m->head;
	if (memcmp(h->magic, STATE_MAGIC, sizeof h->magic) != 0)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s is not a state file of mintmark-agent",
			       path);
	if (h->version != STATE_VERSION)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s is a state file of version %u, this library "
			       "reads version %d: use an agent of the same "
			       "release",
			       path, h->version, STATE_VERSION);
	if (h->file_size != m->size || !head_is_sound(m) ||
	    !lists_are_sound(m) || !parse_keys(m))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s is damaged: restart mintmark-agent, which "
			       "makes it new",
			       path);
	return MM_OK;
}

/* ---- mapping ---- */

/* O_NONBLOCK: a FIFO in its place must not hang us. */
static enum mm_err open_file(const char *path, int *fd, struct stat *st,
			     struct why *why)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0 && errno == ENOENT)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "no state file at %s: is mintmark-agent "
			       "running, and has it reached its issuer?",
			       path);
	if (*fd < 0 || fstat(*fd, st) != 0)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(st->st_mode) ||
	    st->st_size < (off_t)sizeof(struct state_header))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s is not a state file of mintmark-agent",
			       path);
	return MM_OK;
}

enum mm_err state_map_open(const char *path, struct state_map **out,
			   struct why *why)
{
	AUTO_FD int fd = -1;
	struct stat st;
	TRY(open_file(path, &fd, &st, why));

	AUTO_MAP struct state_map *m = calloc(1, sizeof *m);
	if (m == NULL)
		return MM_ERR_NOMEM;
	m->size = (size_t)st.st_size;
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	void *at = mmap(NULL, m->size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "cannot map %s: %s", path, strerror(errno));
	m->head = at;
	TRY(check(m, path, why));
	m->iss = span_str(m->head->iss);
	*out = m;
	m = NULL;
	return MM_OK;
}

void state_map_close(struct state_map *m)
{
	if (m == NULL)
		return;
	jwk_set_clear(&m->keys);
	if (m->head != NULL) {
		union {
			const struct state_header *head;
			void *at; /* munmap() takes no const */
		} map = { .head = m->head };
		munmap(map.at, m->size);
	}
	free(m);
}
