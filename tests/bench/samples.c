/* samples.c - a mint of our own: see samples.h. */
#include "tests/bench/samples.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "common/clock.h"

#define STRIDE 508u /* all over the list; a multiple of 4: see live.c */
#define WINDOW (30 * DAY)

/* ---- tokens ---- */

/* About as long as tokens may be everywhere (511 bytes). */
static enum mm_err make_token(const struct mint *m, size_t i, struct buf *out)
{
	AUTO_BUF struct buf json = buf_new(TOKEN_MAX);
	struct span text;
	int64_t now = clock_now();
	uint32_t list = i % 2 ? LIST_OF_AUTO : LIST_OF_FIXED;
	uint32_t idx = (uint32_t)(i / 2 * STRIDE % LIST_SIZE_MAX);
	buf_fmt(&json,
		"{\"iss\":\"" SAMPLE_ISSUER "\",\"sub\":\"alice\","
		"\"aud\":\"files\",\"iat\":%" PRId64 ",\"exp\":%" PRId64
		",\"jti\":\"%u.%u\",",
		now, now + 365 * DAY, list, idx);
	if (list == LIST_OF_AUTO)
		buf_fmt(&json, "\"auto_refresh\":%" PRId64 ",", WINDOW);
	else
		buf_str(&json, "\"scope\":\"node:1b9d6bcd-bbfd-4b2d-9b5d-"
			       "ab8dfbbd4bed:rw photos:read\",");
	buf_fmt(&json,
		"\"status\":{\"status_list\":{\"idx\":%u,"
		"\"uri\":\"" SAMPLE_ISSUER "/s/%u\"}}}",
		idx, list);
	TRY(buf_done(&json, &text));
	return jws_sign(m->key, TYP_PAT, text, out);
}

void tokens_free(struct tokens *t)
{
	free(t->text);
	free(t->at);
	*t = (struct tokens){ 0 };
}

static enum mm_err tokens_room(struct tokens *t, size_t count)
{
	t->text = malloc(count * (TOKEN_PORTABLE + 1));
	t->at = calloc(count, sizeof *t->at);
	return t->text != NULL && t->at != NULL ? MM_OK : MM_ERR_NOMEM;
}

/* Behind the last one. */
static void tokens_put(struct tokens *t, struct span token)
{
	const struct span *last = t->count ? &t->at[t->count - 1] : NULL;
	size_t at =
		last ? (size_t)(last->at - (uint8_t *)t->text) + last->len + 1
		     : 0;
	MM_ASSERT(token.len <= TOKEN_PORTABLE);
	memcpy(t->text + at, token.at, token.len);
	t->text[at + token.len] = '\0';
	t->at[t->count++] = span_of(t->text + at, token.len);
}

enum mm_err mint_tokens(const struct mint *m, size_t from, size_t count,
			struct tokens *out)
{
	TRY(tokens_room(out, count));
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf b = buf_new(TOKEN_MAX);
		struct span token;
		TRY(make_token(m, from + i, &b));
		TRY(buf_done(&b, &token));
		tokens_put(out, token);
	}
	return MM_OK;
}

static void free_order(struct span **o)
{
	free(*o);
}

enum mm_err tokens_shuffled(const struct tokens *t, size_t count, uint64_t seed,
			    struct tokens *out)
{
	__attribute__((cleanup(free_order))) struct span *order =
		calloc(count, sizeof *order);
	if (order == NULL)
		return MM_ERR_NOMEM;
	TRY(tokens_room(out, count));
	memcpy(order, t->at, count * sizeof *order);
	for (size_t left = count; left > 0; left--) {
		size_t pick = random_below(&seed, left);
		tokens_put(out, order[pick]);
		order[pick] = order[left - 1];
	}
	return MM_OK;
}

/* ---- the state ---- */

/* As if each had been used a moment ago: then there is nothing to report. */
static void use_all(struct list *l, int64_t now)
{
	for (uint32_t i = 0; i < l->size; i++)
		list_put_last_use(l, i, (uint32_t)now);
}

static enum mm_err make_state(struct mint *m, struct why *why)
{
	static const uint32_t all[] = { LIST_SIZE_MAX, LIST_SIZE_MAX };
	struct replica *r = &m->replica;
	struct list *l;
	(void)span_copy(r->iss, sizeof r->iss, span_str(SAMPLE_ISSUER));
	memset(r->epoch, '0', sizeof r->epoch - 1);
	r->seq = 1;
	r->iat = clock_now();
	TRY(jwk_set_add(&r->keys, m->key));
	TRY(replica_add_list(r, LIST_OF_FIXED, LIST_FIXED, LIST_SIZE_MAX,
			     r->iat + 400 * DAY, &l));
	TRY(replica_add_list(r, LIST_OF_AUTO, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
			     r->iat + 400 * DAY, &l));
	use_all(l, r->iat);
	TRY(state_create(&m->writer, m->state, r, all, DAY, why));
	state_put_head(&m->writer, r->seq, r->iat);
	return state_install(&m->writer, why);
}

enum mm_err mint_open(struct bench *b, struct mint **out)
{
	AUTO_MINT struct mint *m = calloc(1, sizeof *m);
	if (m == NULL)
		return MM_ERR_NOMEM;
	m->writer = STATE_WRITER_NONE;
	snprintf(m->state, sizeof m->state, "%s/state", b->folder);
	TRY(jwk_generate(JWK_ES256, &m->key));
	TRY(make_state(m, &b->why));
	TRY(mint_tokens(m, 0, bench_count(b, 2048, 128), &m->first));
	*out = m;
	m = NULL;
	return MM_OK;
}

void mint_close(struct mint *m)
{
	if (m == NULL)
		return;
	tokens_free(&m->first);
	state_writer_close(&m->writer);
	replica_free(&m->replica);
	jwk_drop(m->key);
	free(m);
}

/* ---- for others ---- */

enum mm_err mint_pem(const struct mint *m, struct buf *out)
{
	char *text;
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio == NULL || PEM_write_bio_PUBKEY(bio, jwk_evp(m->key)) != 1) {
		BIO_free(bio);
		return MM_ERR_CRYPTO;
	}
	long n = BIO_get_mem_data(bio, &text);
	buf_add(out, span_of(text, n > 0 ? (size_t)n : 0));
	BIO_free(bio);
	struct span all;
	return buf_done(out, &all);
}

static enum mm_err write_file(const char *folder, const char *name,
			      struct buf *b, struct why *why)
{
	char path[PATH_MAX];
	struct span all;
	int n = snprintf(path, sizeof path, "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= sizeof path)
		return why_say(why, MM_ERR_INVALID, "tokens",
			       "the path is too long");
	TRY(buf_done(b, &all));
	return file_replace(path, all, 0600, why);
}

enum mm_err mint_write(const struct mint *m, size_t count, const char *folder,
		       struct why *why)
{
	AUTO_BUF struct buf pem = buf_new(4096);
	AUTO_BUF struct buf lines = buf_new(count * (TOKEN_PORTABLE + 1));
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return why_say(why, MM_ERR_IO, "tokens", "cannot make %s: %s",
			       folder, strerror(errno));
	for (size_t i = 0; i < count && i < m->first.count; i++) {
		buf_add(&lines, m->first.at[i]);
		buf_str(&lines, "\n");
	}
	TRY(mint_pem(m, &pem));
	TRY(write_file(folder, "key.pem", &pem, why));
	return write_file(folder, "tokens.txt", &lines, why);
}
