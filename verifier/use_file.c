/* use_file.c - the tables as bytes, written and read side by side. */
#include "verifier/use_file.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define SUMMED offsetof(struct use_file_head, seen_at)

static bool checksum(struct span file, uint8_t out[32])
{
	return EVP_Q_digest(NULL, "SHA256", NULL, file.at + SUMMED,
			    file.len - SUMMED, out, NULL) == 1;
}

/* ---- writing ---- */

size_t use_file_size(struct use_tables t)
{
	return sizeof(struct use_file_head) + 2 * USE_FILE_SLICE +
	       t.uses->count * sizeof(struct use_file_token) +
	       t.uses->times * sizeof(int64_t) +
	       t.seen->untold * sizeof(struct sighting);
}

/* Moving it would take twice the memory. */
void use_file_begin(struct buf *out, const char *iss, size_t about)
{
	struct use_file_head h = { .magic = USE_FILE_MAGIC };
	MM_ASSERT(span_copy(h.iss, sizeof h.iss, span_str(iss)));
	(void)buf_room(out, about);
	buf_add(out, span_of(&h, sizeof h));
}

bool use_file_room(struct buf *out)
{
	return buf_room(out, USE_FILE_SLICE) != NULL;
}

static void write_token(struct buf *out, const struct use_entry *e)
{
	struct use_file_token head = { .list = e->list,
				       .idx = e->idx,
				       .count = e->count,
				       .iat = e->iat,
				       .exp = e->exp,
				       .window = e->window,
				       .sent = e->sent,
				       .latest = e->latest };
	buf_add(out, span_of(&head, sizeof head));
	buf_add(out, span_of(e->at, e->count * sizeof *e->at));
}

/* From the last to the first: when one is forgotten the last comes into its
 * place, which was written then or is yet to be. */
size_t use_file_uses(struct buf *out, const struct use_table *t, size_t left)
{
	size_t end = out->len + USE_FILE_SLICE;
	left = left < t->count ? left : t->count;
	for (; left != 0; left--) {
		const struct use_entry *e = t->all[left - 1];
		size_t size = sizeof(struct use_file_token) +
			      e->count * sizeof *e->at;
		if (size > end - out->len)
			break;
		write_token(out, e);
	}
	return left;
}

static void write_seen(void *ctx, const struct sighting *s)
{
	buf_add(ctx, span_of(s, sizeof *s));
}

void use_file_seen(struct buf *out, const struct seen_table *t)
{
	uint64_t at = out->len;
	if (out->failed != MM_OK)
		return;
	memcpy(out->at + offsetof(struct use_file_head, seen_at), &at,
	       sizeof at);
	seen_table_each(t, write_seen, out);
}

enum mm_err use_file_end(struct buf *out)
{
	struct span whole;
	uint8_t sum[32];
	TRY(buf_done(out, &whole));
	if (!checksum(whole, sum))
		return MM_ERR_CRYPTO;
	memcpy(out->at + offsetof(struct use_file_head, checksum), sum,
	       sizeof sum);
	return MM_OK;
}

/* ---- reading ---- */

/* Numbers that a last_use can hold. */
static bool is_time(int64_t t)
{
	return t >= 0 && t <= INT64_C(253402300799);
}

static bool take(struct span *rest, void *out, size_t size)
{
	if (rest->len < size)
		return false;
	memcpy(out, rest->at, size);
	*rest = span_of(rest->at + size, rest->len - size);
	return true;
}

/* `at` has room for the longest chain. */
static enum mm_err read_token(struct span *rest, int64_t *at,
			      struct use_table *t)
{
	struct use_file_token h;
	if (!take(rest, &h, sizeof h) || h.count > USE_CHAIN_MAX ||
	    !take(rest, at, h.count * sizeof *at) || !is_time(h.iat) ||
	    !is_time(h.exp) || !is_time(h.window) || h.window == 0 ||
	    !is_time(h.sent) || !is_time(h.latest))
		return MM_ERR_INVALID;
	struct use_entry e = { .list = h.list,
			       .idx = h.idx,
			       .iat = h.iat,
			       .exp = h.exp,
			       .window = h.window,
			       .sent = h.sent,
			       .latest = h.latest,
			       .at = at,
			       .count = h.count };
	return use_table_put(t, &e);
}

static void free_at(int64_t **at)
{
	free(*at);
}

static enum mm_err read_uses(struct span text, struct use_table *t)
{
	__attribute__((cleanup(free_at))) int64_t *at =
		calloc(USE_CHAIN_MAX, sizeof *at);
	if (at == NULL)
		return MM_ERR_NOMEM;
	while (text.len != 0)
		TRY(read_token(&text, at, t));
	return MM_OK;
}

static bool is_door(const char door[DOOR_SIZE])
{
	return memchr(door, '\0', DOOR_SIZE) != NULL &&
	       (door[0] == '\0' || door_is_word(span_str(door)));
}

static bool is_from(const char from[FROM_SIZE])
{
	char again[FROM_SIZE];
	if (memchr(from, '\0', FROM_SIZE) == NULL)
		return false;
	from_write(again, span_str(from));
	return strcmp(from, again) == 0;
}

/* Where there is no room, it is not kept. */
static enum mm_err read_seen(struct span *rest, struct seen_table *t)
{
	struct sighting s;
	if (!take(rest, &s, sizeof s) || !is_time(s.hour) || !is_door(s.door) ||
	    !is_from(s.from))
		return MM_ERR_INVALID;
	s.hour = seen_hour(s.hour);
	(void)!seen_table_add(t, &s);
	return MM_OK;
}

static enum mm_err read_all(struct span file, uint64_t seen_at,
			    struct use_tables t)
{
	size_t from = sizeof(struct use_file_head);
	if (seen_at < from || seen_at > file.len)
		return MM_ERR_INVALID;
	struct span uses = span_of(file.at + from, seen_at - from);
	struct span seen = span_of(file.at + seen_at, file.len - seen_at);
	TRY(read_uses(uses, t.uses));
	while (seen.len != 0)
		TRY(read_seen(&seen, t.seen));
	return MM_OK;
}

static enum mm_err check(struct span file, const char *iss, const char *path,
			 struct use_file_head *h, struct why *why)
{
	uint8_t sum[32];
	if (file.len < sizeof *h ||
	    memcmp(file.at, USE_FILE_MAGIC, sizeof h->magic) != 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s is no list of uses of this version: going "
			       "on without it",
			       path);
	memcpy(h, file.at, sizeof *h);
	if (!checksum(file, sum))
		return MM_ERR_CRYPTO;
	if (memcmp(h->checksum, sum, sizeof sum) != 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s is damaged: going on without it", path);
	if (strncmp(h->iss, iss, sizeof h->iss) != 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s is of another issuer: going on without it",
			       path);
	return MM_OK;
}

enum mm_err use_file_load(struct use_tables t, const char *path,
			  const char *iss, struct why *why)
{
	AUTO_BUF struct buf text = buf_new(USE_FILE_MAX);
	struct use_file_head h;
	struct span file;
	TRY(buf_read_kept_file(&text, path, why));
	TRY(buf_done(&text, &file));
	TRY(check(file, iss, path, &h, why));
	enum mm_err e = read_all(file, h.seen_at, t);
	if (e == MM_OK)
		return MM_OK;
	use_table_free(t.uses);
	seen_table_free(t.seen);
	if (e == MM_ERR_NOMEM)
		return e;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%s is damaged: going on without it", path);
}
