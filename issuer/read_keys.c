/* read_keys.c - the keyring, read for the mint. */
#include "issuer/read_keys.h"

#include "common/log.h"
#include "keys/rotation.h"

/* Somebody meant the files to be encrypted: these are not yet. */
static void warn_plain(const char *dir, const struct keyring *r)
{
	for (size_t i = 0; r->sealed && i < r->count; i++)
		if (r->at[i].kept == KEY_PLAIN)
			log_event(LOG_WARNING, "keys.plain",
				  "kid=%s file=%s/%s/%s.pem detail=not "
				  "encrypted although there is a passphrase: "
				  "run mintmark key protect",
				  jwk_kid(r->at[i].key), dir,
				  key_state_name(r->at[i].state),
				  jwk_kid(r->at[i].key));
}

static void say_stays(const char *kid, const struct why *why)
{
	log_event(LOG_ERR, "keys.stolen_stays",
		  "kid=%s detail=it was said to be stolen, and its file stays "
		  "(%s): run mintmark key compromise %s%s",
		  kid, why->text, kid[0] == '-' ? "-- " : "", kid);
}

/* A compromise that was cut off is finished here: who began it had said that
 * there is no way back, and may not come again. */
enum mm_err read_keys(struct keyring_at at, struct keyring *ring, bool *stays,
		      struct why *why)
{
	struct why said = { .text = "" };
	char kid[KID_SIZE];
	for (;;) {
		TRY(keyring_load(at, ring, why));
		*stays = keyring_finish(at, ring, rotation_alg(ring), kid,
					&said) != MM_OK;
		if (*stays || kid[0] == '\0')
			break;
		log_event(LOG_WARNING, "keys.thrown_out",
			  "kid=%s detail=mintmark key compromise was cut off "
			  "before it had removed its file",
			  kid);
		keyring_free(ring);
	}
	if (*stays)
		say_stays(kid, &said);
	warn_plain(at.dir, ring);
	return MM_OK;
}
