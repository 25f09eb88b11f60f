/* state_head.c - what a state file will hold, and where: its header, keys and
 * lists. */
#include "verifier/state_make.h"

#define ROOM_STEP 4096u /* tokens: of their uses, four pages */
#define LOOK_STEP 1024u /* bytes of an array that are looked at at once */

static uint64_t in_pages(uint64_t n)
{
	return (n + STATE_PAGE - 1) / STATE_PAGE * STATE_PAGE;
}

/* ---- how much of a list ---- */

/* The bytes up to the last step with a value in it. */
static size_t values_end(const void *array, size_t n)
{
	static const uint8_t zeros[LOOK_STEP];
	const uint8_t *at = array;
	while (n != 0) {
		size_t step = (n - 1) / LOOK_STEP * LOOK_STEP;
		if (memcmp(at + step, zeros, n - step) != 0)
			break;
		n = step;
	}
	return n;
}

uint32_t state_needed(const struct list *l, uint32_t at_least)
{
	size_t n = values_end(l->status, l->touched / 4) * 4, used = 0;
	if (l->last_use != NULL)
		used = values_end(l->last_use, (size_t)l->touched * 4) / 4;
	n = n > used ? n : used;
	return n > at_least ? (uint32_t)n : at_least;
}

/* A quarter more than is needed: so the new files that a growing list asks for
 * are few. */
static uint32_t room_for(const struct list *l, uint32_t at_least)
{
	uint64_t n = state_needed(l, at_least);
	n = (n + n / 4) / ROOM_STEP * ROOM_STEP + ROOM_STEP;
	return n < l->size ? (uint32_t)n : l->size;
}

/* ---- the rows ---- */

static enum mm_err fill_keys(const struct replica *r, struct state_key *rows)
{
	for (size_t i = 0; i < r->keys.count; i++) {
		AUTO_BUF struct buf text = buf_new(JWK_TEXT_MAX - 1);
		struct span jwk;
		TRY(jwk_to_json(r->keys.key[i], &text));
		TRY(buf_done(&text, &jwk));
		(void)span_copy(rows[i].kid, sizeof rows[i].kid,
				span_str(jwk_kid(r->keys.key[i])));
		(void)span_copy(rows[i].jwk, sizeof rows[i].jwk, jwk);
	}
	return MM_OK;
}

/* Give each list its rows behind `end`; returns the new end. */
static uint64_t fill_lists(const struct replica *r, const uint32_t *room,
			   struct state_list *rows, uint64_t end)
{
	for (size_t i = 0; i < r->list_count; i++) {
		const struct list *l = &r->lists[i];
		uint32_t held = room_for(l, room ? room[i] : 0);
		rows[i] = (struct state_list){ .list = l->list,
					       .kind = l->kind,
					       .size = l->size,
					       .held = held,
					       .expires = l->expires,
					       .status_at = end };
		end += in_pages(held / 4);
		if (l->last_use == NULL)
			continue;
		rows[i].renewals_at = end;
		end += in_pages((uint64_t)held * 4);
	}
	return end;
}

enum mm_err state_make_head(const struct replica *r, const uint32_t *room,
			    int64_t max_staleness, struct state_header **out)
{
	size_t keys_at = sizeof(struct state_header);
	size_t lists_at = keys_at + r->keys.count * sizeof(struct state_key);
	size_t size =
		in_pages(lists_at + r->list_count * sizeof(struct state_list));
	if (r->list_count > STATE_LIST_MAX)
		return MM_ERR_TOO_LARGE;
	AUTO_HEAD struct state_header *h = calloc(1, size);
	if (h == NULL)
		return MM_ERR_NOMEM;

	memcpy(h->magic, STATE_MAGIC, sizeof h->magic);
	h->version = STATE_VERSION;
	h->head_size = (uint32_t)size;
	h->max_staleness = max_staleness;
	h->key_count = (uint32_t)r->keys.count;
	h->list_count = (uint32_t)r->list_count;
	h->keys_at = (uint32_t)keys_at;
	h->lists_at = (uint32_t)lists_at;
	memcpy(h->iss, r->iss, sizeof r->iss);
	memcpy(h->epoch, r->epoch, sizeof r->epoch);
	atomic_init(&h->seq, r->seq);
	atomic_init(&h->fresh_at, 0);

	uint8_t *bytes = (uint8_t *)h;
	void *keys = bytes + keys_at, *lists = bytes + lists_at;
	TRY(fill_keys(r, keys));
	h->file_size = fill_lists(r, room, lists, size);
	TRY(state_checksum(h, size, h->checksum));
	*out = h;
	h = NULL;
	return MM_OK;
}
