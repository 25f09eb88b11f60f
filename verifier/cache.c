/* cache.c - the tokens seen before: one index, and a ring of segments.
 *
 * The index finds an entry by 8 characters of the token's own signature,
 * which nobody can choose for a token that verifies: they are a hash
 * already.  It is a table of rows of 8 words, a cache line each; a word is
 * 32 bits of the hash, and where the entry lies.
 *
 * Entries lie one behind the other in segments.  One segment is being
 * filled; when it is full the next one is, and the one behind that, which
 * holds the oldest entries, is emptied: its words are taken out of the
 * index and it is retired (epoch.h).
 *
 * Why nobody reads what is half written.  An entry's bytes are written
 * before its word is put into the index, and never again while any word
 * leads there (but `told`, one atomic value that nothing hangs on): the only
 * bytes that are ever written are those of the
 * segment that is being filled, behind what it holds.  That segment was
 * emptied before the last one began to be filled, so no word has led into
 * it since, and it is filled only when epoch_over() has said that all have
 * left who might have found one earlier.  A reader, then, either finds a
 * word whose entry was whole before and stays whole until it leaves, or it
 * finds none.  The word itself is one atomic value.
 */
#include "verifier/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/jws.h"

#define SIZE_MOST   ((size_t)1 << 30) /* a word could name 256 times that */
#define SEGMENTS    16u		      /* or more, */
#define SEGMENT_MAX (512u << 10)      /* so that emptying one is soon done */
#define SEGMENT_MIN 1024u
#define WAYS	    8u
#define UNIT	    64u	 /* entries begin on cache lines */
#define FETCH_MORE  256u /* what an entry mostly holds besides the token */

/* Counted from the token's end, these 8 characters are well inside the
 * signature, whatever its algorithm. */
#define HASH_FROM 24u
#define HASH_SIZE 8u

struct entry {
	uint64_t hash;
	uint64_t key;
	uint32_t size; /* to the next one */
	uint32_t token_len;
	_Atomic uint32_t told; /* may change: see cache.h */
	uint8_t token[]; /* then, aligned, struct claims as far as in use */
};

struct segment {
	size_t used;
	uint64_t retired; /* when it was emptied */
};

struct cache {
	_Atomic uint64_t *index; /* mapped, with the arena behind it */
	size_t size;
	unsigned shift; /* a hash's highest bits are its row */
	uint8_t *arena;
	size_t segment_size;
	struct epoch *epoch;

	pthread_mutex_t putting; /* only ever tried; guards what follows */
	unsigned filling;
	unsigned turn; /* whose place is taken in a full row */
	unsigned segments;
	struct segment segment[];
};

/* ---- places ---- */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* Their 48 bits, spread over all but the lowest of 64. */
static uint64_t hash_of(struct span token)
{
	uint64_t h;
	memcpy(&h, token.at + token.len - HASH_FROM, HASH_SIZE);
	return h * UINT64_C(0x9E3779B97F4A7C15);
}

static _Atomic uint64_t *row_of(const struct cache *c, uint64_t hash)
{
	return c->index + (hash >> c->shift) * WAYS;
}

/* The highest bits of a hash are its row; 32 from below them tell the row's
 * entries apart. */
static uint64_t tag_of(uint64_t hash)
{
	return hash << 14 >> 32;
}

/* Never 0, which is an empty place. */
static uint64_t word_of(const struct cache *c, const struct entry *e)
{
	uint64_t at = (uint64_t)((const uint8_t *)e - c->arena) / UNIT;
	return tag_of(e->hash) << 32 | (at + 1);
}

static struct entry *entry_at(const struct cache *c, uint64_t word)
{
	return (void *)(c->arena + ((word & UINT32_MAX) - 1) * UNIT);
}

static bool same_hash(uint64_t word, uint64_t hash)
{
	return word != 0 && word >> 32 == tag_of(hash);
}

static struct claims *claims_of(struct entry *e)
{
	size_t at = round_up(offsetof(struct entry, token) + e->token_len,
			     _Alignof(struct claims));
	return (void *)((uint8_t *)e + at);
}

/* ---- finding ---- */

/* Bring the entry's lines nearer, all at once: most of the time of a check
 * would go into waiting for one after the other. */
static void fetch_entry(const struct entry *e, size_t token_len)
{
	const char *at = (const char *)e;
	for (size_t n = 0; n < token_len + FETCH_MORE; n += UNIT)
		__builtin_prefetch(at + n);
}

struct cache_query cache_look(const struct cache *c, struct span token)
{
	struct cache_query q = { .token = token };
	if (c == NULL || token.len < HASH_FROM || token.len > TOKEN_MAX)
		return q;
	uint64_t hash = hash_of(token);
	const _Atomic uint64_t *row = row_of(c, hash);
	for (size_t i = 0; i < WAYS; i++) {
		q.word = atomic_load_explicit(&row[i], memory_order_relaxed);
		if (!same_hash(q.word, hash))
			continue;
		q.place = &row[i];
		fetch_entry(entry_at(c, q.word), token.len);
		break;
	}
	return q;
}

/* memcmp() tells a stranger by its time how much of his token is right, but
 * only after he has got 48 bits of a signature right that he has not got. */
bool cache_find(const struct cache *c, const struct cache_query *q,
		struct cached *out)
{
	if (q->place == NULL || atomic_load(q->place) != q->word)
		return false;
	struct entry *e = entry_at(c, q->word);
	if (e->token_len != q->token.len ||
	    memcmp(e->token, q->token.at, q->token.len) != 0)
		return false;
	*out = (struct cached){ e->key, claims_of(e), &e->told };
	return true;
}

/* ---- putting, with `putting` held ---- */

static uint8_t *segment_begin(const struct cache *c, unsigned n)
{
	return c->arena + n * c->segment_size;
}

/* Take the word out of the index, if it is still there. */
static void unlink_entry(struct cache *c, const struct entry *e)
{
	_Atomic uint64_t *row = row_of(c, e->hash);
	uint64_t word = word_of(c, e);
	for (size_t i = 0; i < WAYS; i++)
		if (atomic_load_explicit(&row[i], memory_order_relaxed) == word)
			atomic_store(&row[i], 0);
}

static void empty_segment(struct cache *c, unsigned n)
{
	struct segment *s = &c->segment[n];
	for (size_t at = 0; at < s->used;) {
		const struct entry *e = (void *)(segment_begin(c, n) + at);
		unlink_entry(c, e);
		at += e->size;
	}
	s->used = 0;
	s->retired = epoch_retire(c->epoch);
}

/* Room for one more entry, or NULL: there is none just now. */
static struct entry *make_room(struct cache *c, size_t size)
{
	if (size > c->segment_size)
		return NULL;
	if (c->segment[c->filling].used + size > c->segment_size) {
		unsigned next = (c->filling + 1) % c->segments;
		if (!epoch_over(c->epoch, c->segment[next].retired))
			return NULL;
		c->filling = next;
		empty_segment(c, (next + 1) % c->segments);
	}
	struct segment *s = &c->segment[c->filling];
	struct entry *e = (void *)(segment_begin(c, c->filling) + s->used);
	s->used += size;
	return e;
}

/* The place of the same token as it was known before, or a free one, or
 * somebody's. */
static _Atomic uint64_t *choose_place(struct cache *c, uint64_t hash)
{
	_Atomic uint64_t *row = row_of(c, hash), *place = NULL;
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t word =
			atomic_load_explicit(&row[i], memory_order_relaxed);
		if (same_hash(word, hash))
			return &row[i];
		if (word == 0 && place == NULL)
			place = &row[i];
	}
	return place ? place : &row[c->turn++ % WAYS];
}

static _Atomic uint32_t *put(struct cache *c, struct span token,
			     const struct cached *what)
{
	size_t head = round_up(offsetof(struct entry, token) + token.len,
			       _Alignof(struct claims));
	size_t size = round_up(head + claims_size(what->claims), UNIT);
	struct entry *e = make_room(c, size);
	if (e == NULL)
		return NULL;
	e->hash = hash_of(token);
	e->key = what->key;
	e->size = (uint32_t)size;
	e->token_len = (uint32_t)token.len;
	atomic_init(&e->told, 0);
	memcpy(e->token, token.at, token.len);
	memcpy(claims_of(e), what->claims, claims_size(what->claims));
	atomic_store(choose_place(c, e->hash), word_of(c, e));
	return &e->told;
}

_Atomic uint32_t *cache_put(struct cache *c, struct span token,
			    const struct cached *what)
{
	if (c == NULL || token.len < HASH_FROM ||
	    pthread_mutex_trylock(&c->putting) != 0)
		return NULL;
	_Atomic uint32_t *told = put(c, token, what);
	pthread_mutex_unlock(&c->putting);
	return told;
}

/* ---- opening ---- */

/* So many rows that they are seldom full: a place for each 256 bytes. */
static size_t count_rows(size_t size, unsigned *shift)
{
	size_t rows = 2;
	for (*shift = 63; rows < size / (WAYS * 256); rows *= 2)
		--*shift;
	return rows;
}

/* One piece of memory: the index, and the arena.  Behind the last entry
 * there is room for the rest of a struct claims that is not used.  Live
 * tokens are in it: it is no part of a core dump. */
static enum mm_err allocate(struct cache *c, size_t size)
{
	size_t index_size =
		count_rows(size, &c->shift) * WAYS * sizeof *c->index;
	size_t taken = index_size + sizeof(struct claims) + UNIT;
	size_t each = size > taken ? (size - taken) / c->segments : 0;
	c->segment_size = each / UNIT * UNIT;
	if (c->segment_size < SEGMENT_MIN)
		return MM_OK;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return MM_ERR_NOMEM;
	(void)madvise(memory, size, MADV_DONTDUMP);
	c->size = size;
	c->index = memory;
	c->arena = (uint8_t *)memory + index_size;
	return MM_OK;
}

enum mm_err cache_open(size_t size, struct epoch *e, struct cache **out)
{
	size = size < SIZE_MOST ? size : SIZE_MOST;
	size_t n =
		size / SEGMENT_MAX > SEGMENTS ? size / SEGMENT_MAX : SEGMENTS;
	struct cache *c = calloc(1, sizeof *c + n * sizeof c->segment[0]);
	*out = NULL;
	if (c == NULL)
		return MM_ERR_NOMEM;
	c->segments = (unsigned)n;
	c->epoch = e;
	pthread_mutex_init(&c->putting, NULL);
	enum mm_err err = allocate(c, size);
	if (c->index != NULL)
		*out = c;
	else
		cache_close(c);
	return err;
}

void cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	if (c->index != NULL)
		munmap(c->index, c->size);
	pthread_mutex_destroy(&c->putting);
	free(c);
}
