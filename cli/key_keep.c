/* key_keep.c - mintmark key import, protect: how private keys are kept. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/key.h"
#include "keys/secret.h"

enum mm_err key_import(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	char kid[KID_SIZE];
	if (a->operand_count != 1)
		return why_say(why, MM_ERR_INVALID, NULL, "the URI is missing");
	TRY(key_place_open(&p, a, why));
	TRY(key_refusal(keyring_import(p.dir, a->operand[0], kid, why)));
	printf("The key %s signed, and rightly; it stays in its token, and "
	       "%s/*/%s.uri says where.\n",
	       kid, p.keys, kid);
	TRY(key_reload(&p, why));
	puts("It signs when its turn comes: mintmark key rotate (the first "
	     "key of all signs at once).");
	return MM_OK;
}

void key_say_left(const struct key_place *p, const struct keyring *ring,
		  const char *kid)
{
	const struct keyring_entry *e = keyring_find(ring, kid);
	if (e != NULL && e->kept == KEY_IN_TOKEN)
		fputs("Its object in the PKCS#11 token is still there: "
		      "delete it with the token's own tools.\n",
		      p->say);
}

enum mm_err key_check_readable(const struct key_place *p, struct why *why)
{
	AUTO_SECRET struct secret pass = { .len = 0 };
	TRY(key_refusal(secret_read(p->dir.passphrase_file, CREDENTIAL_KEYS,
				    &pass, why)));
	if (pass.len == 0 ||
	    !json_is_false(json_object_get(p->known, "passphrase")))
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, NULL,
		       "mintmarkd has no passphrase to read encrypted keys "
		       "with, so nothing was changed: name the file in its "
		       "setting key_passphrase_file (or bring its unit the "
		       "credential mintmark-keys), restart it, and run this "
		       "again");
}

enum mm_err key_protect(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	size_t n;
	enum key_kept kept = a->plain ? KEY_PLAIN : KEY_ENCRYPTED;
	TRY(key_place_open(&p, a, why));
	if (!a->plain)
		TRY(key_check_readable(&p, why));
	TRY(key_refusal(keyring_protect(p.dir, kept, &n, why)));
	printf("Wrote %zu key file%s again, %s.\n", n, n == 1 ? "" : "s",
	       a->plain ? "without a passphrase" : "encrypted");
	return key_reload(&p, why);
}
