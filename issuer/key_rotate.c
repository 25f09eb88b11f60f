/* key_rotate.c - POST /v1/keys/rotate: what mintmark key rotate does, where
 * the keys are. */
#include <stddef.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/body.h"
#include "issuer/caller.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"
#include "keys/rotation.h"

/* What this issuer has made of the keyring. */
struct known {
	struct store *store;
	char signer[KID_SIZE];
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
};

static bool signs(void *known, const char *kid)
{
	return strcmp(((struct known *)known)->signer, kid) == 0;
}

static const struct key_row *row_of(const struct known *k, const char *kid)
{
	static const struct key_row none = { 0 };
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->rows[i].kid, kid) == 0)
			return &k->rows[i];
	return &none;
}

static bool announced(void *known, const char *kid)
{
	return row_of(known, kid)->announced_seq > 0;
}

static int64_t announced_at(void *known, const char *kid)
{
	return row_of(known, kid)->announced_at;
}

static bool former(void *known, const char *kid)
{
	AUTO_JWK struct jwk *key = NULL;
	struct store *store = ((struct known *)known)->store;
	return store_former_key(store, kid, &key) == MM_OK;
}

static enum mm_err read_known(struct issuer *is, struct known *out)
{
	AUTO_JWK struct jwk *key = signing_key(is->signing);
	out->store = is->store;
	(void)span_copy(out->signer, sizeof out->signer,
			span_str(jwk_kid(key)));
	return store_keys(is->store, 0, out->rows, &out->count);
}

/* What is wrong with the folders is no fault of the request. */
static enum mm_err of_folders(enum mm_err e)
{
	return e == MM_ERR_INVALID || e == MM_ERR_NOT_FOUND ? MM_ERR_CONFLICT
							    : e;
}

static enum mm_err change_folders(struct keyring_at at,
				  const struct keyring *ring,
				  struct keyring_rotation *did, struct why *why)
{
	struct why said = { .text = "" };
	enum mm_err e = keyring_rotate(at, rotation_alg(ring), did, &said);
	return rotation_unfinished(of_folders(e), did, &said, why);
}

static enum mm_err tell(struct issuer *is, struct http_request *rq,
			struct why *why)
{
	const struct stamp stamp = caller_stamp(rq);
	return signing_reload(is->signing, NULL, 0, &stamp, why);
}

static json_t *name_json(const char *kid)
{
	return kid[0] ? json_string(kid) : json_null();
}

static enum mm_err reply(struct issuer *is, struct http_request *rq,
			 const struct keyring_rotation *did)
{
	bool published = publisher_settle(is->publisher, "keys", rq);
	log_event(LOG_NOTICE, "key.rotate",
		  "request=%s signing=%s retiring=%s next=%s by=%s",
		  http_request_id(rq), did->active, did->retiring, did->next,
		  caller_of(rq)->actor);
	return reply_json(
		rq, 200,
		json_pack("{s:b, s:o, s:o, s:o, s:b}", "rotated",
			  !did->only_prepared, "active", name_json(did->active),
			  "retiring", name_json(did->retiring), "next",
			  name_json(did->next), "published", published));
}

static void name(char out[KID_SIZE], const struct jwk *key)
{
	(void)span_copy(out, KID_SIZE, span_str(key ? jwk_kid(key) : ""));
}

struct rotate_keys_body {
	bool now;
};

static const struct body_field rotate_keys_fields[] = {
	{ "now", BODY_BOOL, offsetof(struct rotate_keys_body, now),
	  sizeof(bool) },
};

enum mm_err key_rotate(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct why *why = http_why(rq);
	struct keyring_at at = signing_keyring(is->signing);
	AUTO_RING struct keyring ring = { .count = 0 };
	struct known known;
	const struct mint_knows mint = { signs, announced, announced_at, former,
					 &known };
	struct keyring_rotation did = { .only_prepared = false };
	struct rotate_keys_body body = { .now = false };
	bool untold;
	TRY(body_read(http_body_bytes(rq), rotate_keys_fields, 1, &body, why));
	TRY(read_known(is, &known));
	TRY(of_folders(keyring_load(at, &ring, why)));
	TRY(rotation_check_former(&ring, &mint, why));
	switch (rotation_next(&ring, &mint, &untold)) {
	case ROTATION_TELL:
		name(did.active, keyring_signer(&ring));
		name(did.next, keyring_successor(&ring));
		break;
	case ROTATION_ANNOUNCE:
		TRY(tell(is, rq, why));
		return rotation_too_early(&ring, why);
	case ROTATION_DO:
		if (!body.now)
			TRY(rotation_check_age(&ring, &mint, clock_now(), why));
		TRY(change_folders(at, &ring, &did, why));
		did.only_prepared &= !untold;
	}
	struct why said = { .text = "" };
	enum mm_err e = tell(is, rq, &said);
	return e == MM_OK ? reply(is, rq, &did)
			  : rotation_unfinished(e, &did, &said, why);
}
