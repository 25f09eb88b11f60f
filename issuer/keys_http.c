/* keys_http.c - GET /v1/keys and POST /v1/keys/reload, for mintmark key. */
#include <stddef.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/body.h"
#include "issuer/caller.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"
#include "keys/secret.h"

_Static_assert(KEYRING_KNOWN_SECONDS >= PUBLIC_SECONDS,
	       "a key that is to sign is in every JWKS that is kept");

struct key_page {
	json_t *items;
	int64_t now, access; /* seconds that what it signs last is of use */
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	bool counted; /* their live tokens */
};

static const struct key_row *row_of(const struct key_page *p, const char *kid)
{
	static const struct key_row none = { 0 };
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->rows[i].kid, kid) == 0)
			return &p->rows[i];
	return &none;
}

/* Its tokens are in the store.  Not so the access tokens that it signed, and
 * the lists that somebody keeps: those are of use for a while after its
 * last moment. */
static int64_t needed_until(const struct key_page *p, const struct key_row *row)
{
	int64_t last = row->signs ? p->now : row->stopped_at;
	int64_t access = last ? last + p->access : 0;
	return access > row->live_until ? access : row->live_until;
}

static void add_key(void *ctx, const struct keyring_entry *e)
{
	struct key_page *p = ctx;
	const struct key_row *row = row_of(p, jwk_kid(e->key));
	json_t *live = NULL, *until = NULL;
	if (p->counted) {
		live = json_integer((json_int_t)row->live_tokens);
		until = time_json(needed_until(p, row));
	}
	json_array_append_new(
		p->items,
		json_pack(
			"{s:s, s:s, s:s, s:b, s:o, s:I, s:o, s:o, s:o*, s:o*}",
			"kid", jwk_kid(e->key), "alg", jwk_alg_name(e->key),
			"state", key_state_name(e->state), "offline",
			keyring_is_offline(e), "created_at",
			time_json(e->created), "announced_seq",
			(json_int_t)row->announced_seq, "announced_at",
			time_json(row->announced_at), "last_exp",
			time_json(row->last_exp), "needed_until", until,
			"live_tokens", live));
}

enum mm_err keys_json(struct issuer *is, int64_t now, json_t **out)
{
	struct key_page p = {
		.now = now,
		.access = is->set.exchange_life + is->set.list_ttl,
		.counted = now != 0,
	};
	TRY(store_keys(is->store, now, p.rows, &p.count));
	p.items = *out = json_array();
	signing_each(is->signing, add_key, &p);
	return *out ? MM_OK : MM_ERR_NOMEM;
}

/* So that nobody encrypts the files of a mint that could not read them. */
static bool has_passphrase(const struct issuer *is)
{
	AUTO_SECRET struct secret s = { .len = 0 };
	return secret_read(is->set.key_passphrase_file, CREDENTIAL_KEYS, &s,
			   NULL) == MM_OK &&
	       s.len != 0;
}

static void add_kid(void *kids, const char *kid)
{
	json_array_append_new(kids, json_string(kid));
}

static bool is_listed(const json_t *keys, const char *kid)
{
	size_t i;
	const json_t *key;
	json_array_foreach(keys, i, key)
	{
		if (strcmp(json_string_value(json_object_get(key, "kid")),
			   kid) == 0)
			return true;
	}
	return false;
}

/* Published still, and not in force: whoever ends one has to find it. */
static enum mm_err add_missing(struct store *store, json_t *all)
{
	json_t *missing = json_object_get(all, "missing");
	const json_t *keys = json_object_get(all, "keys");
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	TRY(store_keys(store, 0, rows, &count));
	for (size_t i = 0; i < count; i++)
		if (!is_listed(keys, rows[i].kid))
			add_kid(missing, rows[i].kid);
	return MM_OK;
}

enum mm_err key_list(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	json_t *keys;
	TRY(keys_json(is, clock_now(), &keys));
	json_t *all =
		json_pack("{s:o, s:[], s:[], s:b, s:b}", "keys", keys,
			  "missing", "former", "passphrase", has_passphrase(is),
			  "shared", store_is_shared(is->store));
	enum mm_err e = add_missing(is->store, all);
	if (e == MM_OK)
		e = store_former_keys(is->store, add_kid,
				      json_object_get(all, "former"));
	if (e == MM_OK)
		return reply_json(rq, 200, all);
	json_decref(all);
	return e;
}

struct reload_body {
	struct body_texts compromised;
};

static const struct body_field reload_fields[] = {
	{ "compromised", BODY_TEXTS_OF,
	  offsetof(struct reload_body, compromised),
	  sizeof(struct body_texts) },
};

enum mm_err key_reload(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct reload_body body = { .compromised.count = 0 };
	const char *kids[BODY_TEXTS];
	TRY(body_read(http_body_bytes(rq), reload_fields, 1, &body,
		      http_why(rq)));
	for (size_t i = 0; i < body.compromised.count; i++)
		kids[i] = body.compromised.at[i];
	struct stamp stamp = caller_stamp(rq);
	enum mm_err e =
		signing_reload(is->signing, kids, body.compromised.count,
			       &stamp, http_why(rq));
	if (e != MM_OK && e != MM_ERR_NOT_FOUND) {
		log_event(LOG_ERR, "keys.reload_failed", "request=%s detail=%s",
			  http_request_id(rq), http_why(rq)->text);
		return e;
	}
	bool published = publisher_settle(is->publisher, "keys", rq);
	TRY(e); /* a kid that nobody knows: the others are done with */
	return reply_json(
		rq, 200,
		json_pack("{s:b, s:b}", "reloaded", 1, "published", published));
}
