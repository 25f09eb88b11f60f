/* replica.c - lists and keys, moved from one event number to the next.
 *
 * Each event is checked whole before it changes anything, so a replica
 * always holds exactly what the issuer held at r->seq.  The arrays come from
 * calloc(): what no token has touched costs no memory.
 */
#include "common/replica.h"

#include <stdlib.h>

#include "common/duration.h"

#define LISTS_MAX 4096

/* ---- lists ---- */

static void list_free(struct list *l)
{
	free(list_status(l));
	free(list_last_use(l));
}

void replica_free(struct replica *r)
{
	jwk_set_clear(&r->keys);
	for (size_t i = 0; i < r->list_count; i++)
		list_free(&r->lists[i]);
	free(r->lists);
	memset(r, 0, sizeof *r);
}

/* Where the list stands, or would have to. */
static size_t list_place(const struct replica *r, uint32_t list)
{
	size_t low = 0, high = r->list_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (r->lists[mid].list < list)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct list *replica_list(const struct replica *r, uint32_t list)
{
	size_t at = list_place(r, list);
	return at < r->list_count && r->lists[at].list == list ? &r->lists[at]
							       : NULL;
}

static bool list_fits(const struct list *l)
{
	return (l->kind == LIST_FIXED || l->kind == LIST_AUTO_REFRESH) &&
	       l->size != 0 && l->size <= LIST_SIZE_MAX && l->size % 4 == 0 &&
	       l->expires > 0 && l->expires <= DATE_MAX;
}

static bool list_same(const struct list *a, const struct list *b)
{
	return a->kind == b->kind && a->size == b->size &&
	       a->expires == b->expires;
}

static enum mm_err make_room(struct replica *r)
{
	if (r->list_count < r->list_cap)
		return MM_OK;
	if (r->list_count == LISTS_MAX)
		return MM_ERR_TOO_LARGE;
	size_t cap = r->list_cap ? 2 * r->list_cap : 16;
	struct list *more = realloc(r->lists, cap * sizeof *more);
	if (more == NULL)
		return MM_ERR_NOMEM;
	r->lists = more;
	r->list_cap = cap;
	return MM_OK;
}

static enum mm_err list_insert(struct replica *r, struct list l)
{
	TRY(make_room(r));
	l.status = calloc(l.size / 4, 1);
	if (l.kind == LIST_AUTO_REFRESH)
		l.last_use = calloc(l.size, sizeof *l.last_use);
	if (l.status == NULL ||
	    (l.kind == LIST_AUTO_REFRESH && l.last_use == NULL)) {
		list_free(&l);
		return MM_ERR_NOMEM;
	}
	size_t at = list_place(r, l.list);
	memmove(r->lists + at + 1, r->lists + at,
		(r->list_count - at) * sizeof *r->lists);
	r->lists[at] = l;
	r->list_count++;
	return MM_OK;
}

enum mm_err replica_add_list(struct replica *r, uint32_t list,
			     enum list_kind kind, uint32_t size,
			     int64_t expires, struct list **out)
{
	const struct list l = {
		.list = list, .kind = kind, .size = size, .expires = expires
	};
	struct list *known = replica_list(r, list);
	if (!list_fits(&l) || (known != NULL && !list_same(known, &l)))
		return MM_ERR_MALFORMED;
	if (known == NULL)
		TRY(list_insert(r, l));
	*out = replica_list(r, list);
	return MM_OK;
}

/* ---- copies ---- */

/* Into zeros: a page of zeros is not touched, and costs nothing there, too. */
static void copy_touched(void *to, const void *from, size_t size)
{
	static const uint8_t zeros[4096];
	for (size_t at = 0; at < size; at += sizeof zeros) {
		size_t n = size - at < sizeof zeros ? size - at : sizeof zeros;
		const uint8_t *page = (const uint8_t *)from + at;
		if (memcmp(page, zeros, n) != 0)
			memcpy((uint8_t *)to + at, page, n);
	}
}

static enum mm_err copy_list(const struct list *l, struct replica *out)
{
	struct list *own;
	TRY(replica_add_list(out, l->list, l->kind, l->size, l->expires, &own));
	copy_touched(list_status(own), l->status, l->touched / 4);
	if (l->last_use != NULL)
		copy_touched(list_last_use(own), l->last_use,
			     l->touched * sizeof *l->last_use);
	own->touched = l->touched;
	return MM_OK;
}

enum mm_err replica_copy(const struct replica *r, struct replica *out)
{
	memcpy(out->iss, r->iss, sizeof out->iss);
	memcpy(out->epoch, r->epoch, sizeof out->epoch);
	memcpy(out->history, r->history, sizeof out->history);
	out->seq = r->seq;
	out->iat = r->iat;
	for (size_t i = 0; i < r->keys.count; i++)
		TRY(jwk_set_add(&out->keys, r->keys.key[i]));
	for (size_t i = 0; i < r->list_count; i++)
		TRY(copy_list(&r->lists[i], out));
	return MM_OK;
}

/* ---- events ---- */

static enum mm_err apply_status(struct replica *r, const struct event *e)
{
	struct list *l = replica_list(r, e->list);
	if (l == NULL || e->idx >= l->size || e->value > STATUS_SUSPENDED)
		return MM_ERR_MALFORMED;
	list_put_status(l, e->idx, e->value);
	return MM_OK;
}

static enum mm_err apply_renew(struct replica *r, const struct event *e)
{
	struct list *l = replica_list(r, e->list);
	if (l == NULL || l->kind != LIST_AUTO_REFRESH || e->idx >= l->size ||
	    e->last_use <= 0 || e->last_use > UINT32_MAX)
		return MM_ERR_MALFORMED;
	if (l->last_use[e->idx] < e->last_use)
		list_put_last_use(l, e->idx, (uint32_t)e->last_use);
	return MM_OK;
}

static enum mm_err apply_list_new(struct replica *r, const struct event *e)
{
	struct list *l;
	return replica_add_list(r, e->list, e->kind, e->size, e->expires, &l);
}

/* A list that is not there is dead enough. */
static enum mm_err apply_list_dead(struct replica *r, const struct event *e)
{
	struct list *l = replica_list(r, e->list);
	if (l == NULL)
		return MM_OK;
	list_free(l);
	size_t behind = (size_t)(r->lists + r->list_count - (l + 1));
	memmove(l, l + 1, behind * sizeof *l);
	r->list_count--;
	return MM_OK;
}

static enum mm_err apply_key_new(struct replica *r, const struct event *e)
{
	AUTO_JWK struct jwk *k = NULL;
	enum mm_err err = jwk_from_json(span_str(e->jwk), &k, NULL);
	if (err == MM_ERR_INVALID)
		return MM_ERR_MALFORMED;
	TRY(err);
	if (strcmp(jwk_kid(k), e->kid) != 0)
		return MM_ERR_MALFORMED;
	/* the kid is a hash of the key: one that we have is this key */
	if (jwk_set_find(&r->keys, e->kid) != NULL)
		return MM_OK;
	return jwk_set_add(&r->keys, k);
}

/* Retired or compromised, it verifies nothing any more.  The order of the
 * others stays. */
static enum mm_err apply_key_gone(struct replica *r, const struct event *e)
{
	struct jwk_set *s = &r->keys;
	struct jwk *gone = jwk_set_find(s, e->kid);
	if (gone == NULL)
		return MM_OK;
	size_t i = 0;
	while (s->key[i] != gone)
		i++;
	s->count--;
	memmove(s->key + i, s->key + i + 1, (s->count - i) * sizeof s->key[0]);
	jwk_drop(gone);
	return MM_OK;
}

static enum mm_err (*const apply[])(struct replica *, const struct event *) = {
	[EVENT_STATUS] = apply_status,
	[EVENT_RENEW] = apply_renew,
	[EVENT_LIST_NEW] = apply_list_new,
	[EVENT_LIST_DEAD] = apply_list_dead,
	[EVENT_KEY_NEW] = apply_key_new,
	[EVENT_KEY_RETIRED] = apply_key_gone,
	[EVENT_KEY_COMPROMISED] = apply_key_gone,
};

enum mm_err replica_apply(struct replica *r, const struct event *e)
{
	if (e->seq <= r->seq)
		return MM_ERR_ROLLBACK;
	if (e->seq != r->seq + 1)
		return MM_ERR_GAP;
	if (e->type < EVENT_STATUS || e->type > EVENT_KEY_COMPROMISED)
		return MM_ERR_MALFORMED;
	TRY(apply[e->type](r, e));
	r->seq = e->seq;
	return MM_OK;
}
