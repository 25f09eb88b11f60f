/* read_keys.c - the keyring, read for the mint. */
#include "issuer/read_keys.h"

#include "common/log.h"
#include "keys/rotation.h"

/* Somebody meant the files to be encrypted: these are not yet. */
void read_keys_warn(const char *dir, const struct keyring *r)
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

static void say_thrown_out(const char *kid, const struct keyring_thrown *did,
			   const struct why *why)
{
	log_event(LOG_WARNING, "keys.thrown_out",
		  "kid=%s detail=mintmark key compromise was cut off before it "
		  "had removed its file",
		  kid);
	if (did->no_next)
		log_event(LOG_ERR, "keys.no_next",
			  "detail=no key waits to sign next (%s): mintmark key "
			  "rotate makes one, when that is mended",
			  why->text);
}

/* A compromise that was cut off is finished here: who began it had said that
 * there is no way back, and may not come again. */
static enum mm_err read_and_finish(struct keyring_at at, struct keyring *ring,
				   struct why *stays, struct why *why)
{
	for (;;) {
		struct why said = { .text = "" };
		struct keyring_thrown did;
		char kid[KID_SIZE];
		TRY(keyring_load(at, ring, why));
		enum mm_err e = keyring_finish(at, ring, rotation_alg(ring),
					       kid, &did, &said);
		if (e != MM_OK && kid[0] == '\0') {
			keyring_free(ring);
			return why_say(why, e, NULL, "%s", said.text);
		}
		if (e != MM_OK) {
			(void)why_say(stays, MM_ERR_IO, NULL,
				      "the key %s was said to be stolen, and "
				      "its file stays (%s): run mintmark key "
				      "compromise %s%s",
				      kid, said.text,
				      kid[0] == '-' ? "-- " : "", kid);
			return MM_OK;
		}
		if (kid[0] == '\0')
			return MM_OK;
		say_thrown_out(kid, &did, &said);
		keyring_free(ring);
	}
}

enum mm_err read_keys(struct keyring_at at, struct keyring *ring,
		      struct why *stays, struct why *why)
{
	struct why said = { .text = "" };
	TRY(read_and_finish(at, ring, stays, why));
	if (keyring_unmark_kept(at, ring, &said) != MM_OK)
		log_event(LOG_WARNING, "keys.mark_stays", "detail=%s",
			  said.text);
	return MM_OK;
}
