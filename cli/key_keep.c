/* key_keep.c - mintmark key protect: how private keys are kept. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/key.h"

enum mm_err key_protect(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	size_t n;
	enum key_kept kept = a->plain ? KEY_PLAIN : KEY_ENCRYPTED;
	TRY(key_place_open(&p, a, why));
	TRY(key_refusal(keyring_protect(p.dir, kept, &n, why)));
	printf("Wrote %zu key files again, %s.\n", n,
	       a->plain ? "without a passphrase" : "encrypted");
	return key_reload(&p, NULL, why);
}
