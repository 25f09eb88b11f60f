/* fuzz_state.c - a state file, changed as the input says, beside a reader
 * that takes every number out of the bytes by itself and looks whether it is
 * inside: a file is mapped if that one would read it, and then every token
 * of every list has the status and the last use that stand in the bytes.  So
 * nothing is read that is not in the file.
 *
 *	0	1: the checksum is made to fit again (a mad agent);
 *		2: so is the file's size in the header
 *	1	how many bytes longer the file is than it was, 16 bits, signed
 *	3	changes: where (16 bits), how many bytes (1 to 8), these bytes
 */
#include "verifier/state.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/model.h"

enum { FILE_MAX = 64 * 1024 };

static struct buf base;

/* As an agent writes it. */
static void begin(void)
{
	struct replica r;
	struct state_writer w = STATE_WRITER_NONE;
	char path[256];
	if (base.len != 0)
		return;
	snprintf(path, sizeof path, "%s/state", fuzz_folder());
	model_base(&r);
	MM_ASSERT(state_create(&w, path, &r, NULL, 86400, NULL) == MM_OK);
	state_put_head(&w, r.seq, r.iat);
	MM_ASSERT(state_install(&w, NULL) == MM_OK);
	base = buf_new(FILE_MAX);
	MM_ASSERT(buf_read_file(&base, path, NULL) == MM_OK);
	state_writer_close(&w);
	replica_free(&r);
	unlink(path);
	fuzz_folder_end();
}

/* ---- the changes ---- */

struct file {
	uint8_t *at; /* exactly its size */
	size_t size;
};

static void put(struct file *f, size_t at, struct span bytes)
{
	if (at <= f->size && bytes.len <= f->size - at)
		memcpy(f->at + at, bytes.at, bytes.len);
}

static void sum(const struct file *f, size_t head_size, uint8_t out[32])
{
	uint8_t *both = malloc(f->size);
	MM_ASSERT(both != NULL);
	memcpy(both, f->at, STATE_SUM_FROM);
	memcpy(both + STATE_SUM_FROM, f->at + STATE_SUM_TO,
	       head_size - STATE_SUM_TO);
	SHA256(both, STATE_SUM_FROM + head_size - STATE_SUM_TO, out);
	free(both);
}

static uint64_t number(const struct file *f, uint64_t at, size_t bytes)
{
	uint64_t v = 0;
	MM_ASSERT(at <= f->size && bytes <= f->size - at);
	for (size_t i = bytes; i-- > 0;) /* this machine's order */
		v = v << 8 | f->at[at + i];
	return v;
}
#define HEAD(f, member)                                                        \
	number(f, offsetof(struct state_header, member),                       \
	       sizeof(((struct state_header *)0)->member))

static struct file change(struct span in)
{
	int16_t longer;
	memcpy(&longer, in.at + 1, 2);
	long size = (long)base.len + longer;
	struct file f = { .size = size > 0 ? (size_t)size : 0 };
	f.at = calloc(f.size + 1, 1);
	MM_ASSERT(f.at != NULL);
	memcpy(f.at, base.at, f.size < base.len ? f.size : base.len);
	for (size_t i = 3; i + 3 < in.len;) {
		size_t at = in.at[i] | (size_t)in.at[i + 1] << 8;
		size_t n = in.at[i + 2] % 8 + 1u;
		if (n > in.len - i - 3)
			break;
		put(&f, at, span_of(in.at + i + 3, n));
		i += 3 + n;
	}
	uint64_t whole = f.size;
	uint8_t checksum[32];
	if (in.at[0] & 2)
		put(&f, offsetof(struct state_header, file_size),
		    span_of(&whole, 8));
	if ((in.at[0] & 1) == 0 || f.size < sizeof(struct state_header))
		return f;
	uint64_t head_size = HEAD(&f, head_size);
	if (head_size >= STATE_SUM_TO && head_size <= f.size) {
		sum(&f, head_size, checksum);
		put(&f, STATE_SUM_FROM, span_of(checksum, 32));
	}
	return f;
}

/* ---- the other reader ---- */

/* A row of the directory. */
struct row {
	uint64_t list, kind, size, held, status_at, renewals_at;
};

static struct row row_of(const struct file *f, uint64_t i)
{
	uint64_t at = HEAD(f, lists_at) + i * sizeof(struct state_list);
	return (struct row){ number(f, at, 4),	    number(f, at + 4, 4),
			     number(f, at + 8, 4),  number(f, at + 12, 4),
			     number(f, at + 24, 8), number(f, at + 32, 8) };
}

/* n bytes at `at`, which is a multiple of 8, in [from, to)? */
static bool inside(uint64_t at, uint64_t n, uint64_t from, uint64_t to)
{
	return at % 8 == 0 && at >= from && at <= to && n <= to - at;
}

static bool row_good(const struct file *f, const struct row *r)
{
	uint64_t from = HEAD(f, head_size);
	if ((r->kind != LIST_FIXED && r->kind != LIST_AUTO_REFRESH) ||
	    r->size == 0 || r->size % 4 != 0 || r->size > LIST_SIZE_MAX ||
	    r->held > r->size || r->held % 4 != 0 ||
	    !inside(r->status_at, r->held / 4, from, f->size))
		return false;
	return r->kind == LIST_FIXED
		       ? r->renewals_at == 0
		       : inside(r->renewals_at, r->held * 4, from, f->size);
}

static bool key_good(const struct file *f, uint64_t at, char kid[KID_SIZE])
{
	const char *text = (const char *)f->at + at;
	AUTO_JWK struct jwk *k = NULL;
	size_t n = strnlen(text + 16, JWK_TEXT_MAX);
	if (jwk_from_json(span_of(text + 16, n), &k, NULL) != MM_OK)
		return false;
	memcpy(kid, jwk_kid(k), KID_SIZE);
	return memcmp(kid, text, KID_SIZE) == 0;
}

static bool keys_good(const struct file *f)
{
	char kid[STATE_KEYS_MAX][KID_SIZE];
	for (uint64_t i = 0; i < HEAD(f, key_count); i++) {
		uint64_t at = HEAD(f, keys_at) + i * sizeof(struct state_key);
		if (!key_good(f, at, kid[i]))
			return false;
		for (uint64_t k = 0; k < i; k++)
			if (strcmp(kid[i], kid[k]) == 0)
				return false;
	}
	return true;
}

static bool head_good(const struct file *f)
{
	uint8_t want[32];
	uint64_t head_size = HEAD(f, head_size);
	if (memcmp(f->at, STATE_MAGIC, 8) != 0 || HEAD(f, version) != 2 ||
	    HEAD(f, file_size) != f->size || head_size % STATE_PAGE != 0 ||
	    head_size < sizeof(struct state_header) || head_size > f->size)
		return false;
	sum(f, head_size, want);
	if (memcmp(want, f->at + STATE_SUM_FROM, 32) != 0)
		return false;
	const uint8_t *iss = f->at + offsetof(struct state_header, iss);
	const uint8_t *epoch = f->at + offsetof(struct state_header, epoch);
	return memchr(iss, 0, ISS_SIZE) && memchr(epoch, 0, 40) &&
	       (int64_t)HEAD(f, max_staleness) > 0 &&
	       HEAD(f, key_count) <= STATE_KEYS_MAX &&
	       HEAD(f, list_count) <= STATE_LIST_MAX &&
	       inside(HEAD(f, keys_at),
		      HEAD(f, key_count) * sizeof(struct state_key),
		      sizeof(struct state_header), head_size) &&
	       inside(HEAD(f, lists_at),
		      HEAD(f, list_count) * sizeof(struct state_list),
		      sizeof(struct state_header), head_size);
}

static bool file_good(const struct file *f)
{
	if (f->size < sizeof(struct state_header) || !head_good(f))
		return false;
	for (uint64_t i = 0; i < HEAD(f, list_count); i++) {
		struct row r = row_of(f, i);
		if (!row_good(f, &r) ||
		    (i != 0 && r.list <= row_of(f, i - 1).list))
			return false;
	}
	return keys_good(f);
}

/* ---- what both say of the tokens ---- */

static void check_row(const struct file *f, const struct state_header *h,
		      const struct row *r)
{
	const struct state_list *l = state_find(h, (uint32_t)r->list);
	MM_ASSERT(l != NULL && l->list == r->list && l->size == r->size);
	for (uint32_t i = 0; i < r->size; i++) {
		bool held = i < r->held;
		uint64_t byte = held ? number(f, r->status_at + i / 4, 1) : 0;
		MM_ASSERT(state_status(h, l, i) == (byte >> i % 4 * 2 & 3));
		uint64_t use = r->kind == LIST_FIXED || !held
				       ? 0
				       : number(f, r->renewals_at + i * 4, 4);
		MM_ASSERT((uint64_t)state_last_use(h, l, i) == use);
	}
}

static void check_missing(const struct file *f, const struct state_header *h,
			  uint32_t list)
{
	bool there = false;
	for (uint64_t i = 0; i < HEAD(f, list_count); i++)
		there |= row_of(f, i).list == list;
	MM_ASSERT(there == (state_find(h, list) != NULL));
}

static void check(const struct file *f, const struct state_map *m)
{
	MM_ASSERT(m->size == f->size && m->keys.count == HEAD(f, key_count));
	MM_ASSERT(state_superseded(m) == (HEAD(f, superseded) != 0));
	MM_ASSERT((uint64_t)state_fresh_at(m) == HEAD(f, fresh_at));
	check_missing(f, m->head, 0);
	check_missing(f, m->head, UINT32_MAX);
	for (uint64_t i = 0; i < HEAD(f, list_count); i++) {
		struct row r = row_of(f, i);
		check_row(f, m->head, &r);
		check_missing(f, m->head, (uint32_t)r.list - 1);
		check_missing(f, m->head, (uint32_t)r.list + 1);
	}
}

bool fuzz_one(struct span input)
{
	struct why why = { .text = "" };
	AUTO_MAP struct state_map *m = NULL;
	begin();
	if (input.len < 3)
		return false;
	struct file f = change(input);
	const char *path = fuzz_file(span_of(f.at, f.size));
	bool good = state_map_open(path, &m, &why) == MM_OK;
	MM_ASSERT(good == file_good(&f) && good == (why.text[0] == '\0'));
	if (good)
		check(&f, m);
	free(f.at);
	return good;
}
