/* doctor_keys_gone.c - keys that are not in the folder any more, or that
 * another has ended. */
#include "cli/doctor_keys_gone.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/output.h"

/* The mint says it, and the mint's user may be who answers. */
static const char *pasted(const char *kid)
{
	return jwk_is_kid(kid) ? kid : "KID";
}

/* Of those that the mint uses.  The one that signs it has to do without; and it
 * reads none again, at a start either, while there is such a one. */
void keys_gone_ended(const struct key_place *p, json_t *all)
{
	size_t i;
	const json_t *key;
	json_array_foreach(json_object_get(p->known, "keys"), i, key)
	{
		const char *kid = json_text(key, "kid", "?");
		const char *state = json_text(key, "state", "?");
		bool signs = strcmp(state, "active") == 0;
		if (!key_former(p, kid))
			continue;
		found(all, FOUND_WRONG, "keys.ended",
		      "another issuer on this store has retired or compromised "
		      "the key %s (%s), and it is here still: %s",
		      kid, state,
		      signs ? "nothing is minted, and nobody takes what is "
			      "signed here"
			    : "mintmarkd does not read its keys again, nor "
			      "start");
		advise(all,
		       "copy the keys from that issuer (keys/README.md, "
		       "Several issuers), and: systemctl reload mintmarkd; "
		       "or, here alone: mintmark key compromise --data '%s' -- "
		       "%s",
		       p->data, pasted(kid));
	}
}

bool keys_gone_stolen(const struct key_place *p, const char *kid)
{
	enum key_end end;
	return keyring_marked(p->dir, kid, &end, NULL) == MM_OK &&
	       end == KEY_END_STOLEN;
}

/* Whoever lost it does not want it back.  A mint tries that by itself, too. */
static void say_untold(const struct key_place *p, const char *kid, json_t *all)
{
	found(all, FOUND_WRONG, "keys.stolen",
	      "the key %s was said to be stolen and is out of %s, and "
	      "mintmarkd "
	      "has not said so yet: its tokens are taken",
	      kid, p->keys);
	if (p->shared)
		advise(all,
		       "does the database answer, and has it room? then: "
		       "mintmark key compromise --data '%s' -- %s; if it does "
		       "not pass: journalctl -u mintmarkd -n 50",
		       p->data, pasted(kid));
	else
		advise(all,
		       "df -h '%s'    # make room, and then: mintmark key "
		       "compromise --data '%s' -- %s; if it does not pass: "
		       "journalctl -u mintmarkd -n 50",
		       p->data, p->data, pasted(kid));
}

void keys_gone_missing(const struct key_place *p, const struct keyring *ring,
		       json_t *keys, json_t *all)
{
	size_t i;
	const json_t *key;
	json_array_foreach(json_object_get(p->known, "keys"), i, key)
	{
		const char *kid = json_text(key, "kid", "?");
		long long live =
			json_integer_value(json_object_get(key, "live_tokens"));
		if (keyring_find(ring, kid) != NULL)
			continue;
		json_array_append(keys, (json_t *)(uintptr_t)key);
		if (keys_gone_stolen(p, kid)) {
			say_untold(p, kid, all);
			continue;
		}
		found(all, FOUND_WRONG, "keys.missing",
		      "mintmarkd uses the key %s (%s, %lld live tokens), and "
		      "its file is missing in %s",
		      kid, json_text(key, "state", "?"), live, p->keys);
		if (live == 0 && !p->shared)
			advise(all, "put it back; or, where it is to end: "
				    "systemctl reload mintmarkd");
		else
			advise(all,
			       "put it back%s; without a copy: mintmark key "
			       "retire --data '%s' --force -- %s    # refuses "
			       "its tokens",
			       live == 0
				       ? ""
				       : ", or mintmarkd does not start again",
			       p->data, pasted(kid));
	}
}

/* Tokens that another issuer signs are as good as ours. */
static void say_elsewhere(const struct key_place *p, const char *kid,
			  json_t *all)
{
	found(all, FOUND_NOTE, "keys.elsewhere",
	      "another issuer on this store has the key %s, and %s has not",
	      kid, p->keys);
	advise(all,
	       "copy it here if it is to sign here, too (keys/README.md); if "
	       "no issuer has it any more: mintmark key retire --data '%s' "
	       "--force -- %s    # refuses its tokens",
	       p->data, pasted(kid));
}

void keys_gone_published(const struct key_place *p, const struct keyring *ring,
			 json_t *all)
{
	size_t i;
	const json_t *one;
	json_array_foreach(json_object_get(p->known, "missing"), i, one)
	{
		const char *kid = json_string_value(one);
		if (kid == NULL || keyring_find(ring, kid) != NULL)
			continue;
		if (keys_gone_stolen(p, kid)) {
			say_untold(p, kid, all);
			continue;
		}
		if (p->shared) {
			say_elsewhere(p, kid, all);
			continue;
		}
		found(all, FOUND_WRONG, "keys.missing",
		      "mintmarkd publishes the key %s, and its file is missing "
		      "in %s",
		      kid, p->keys);
		advise(all,
		       "put it back, or: mintmark key retire --data '%s' "
		       "--force -- %s    # refuses its tokens; if it was "
		       "stolen: compromise",
		       p->data, pasted(kid));
	}
}

/* ---- all of them ---- */

/* Or we may not see that there are none. */
static bool has_folders(const struct key_place *p)
{
	char path[600];
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++) {
		snprintf(path, sizeof path, "%s/%s", p->keys,
			 key_state_name(s));
		if (access(path, F_OK) == 0 || errno != ENOENT)
			return true;
	}
	return false;
}

/* What it has published, or a store of its own. */
static bool has_begun(const struct key_place *p)
{
	static const char *const made[] = { "newest", "mintmark.db" };
	char path[600];
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		snprintf(path, sizeof path, "%s/%s", p->data, made[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

bool keys_gone_all(const struct key_place *p, json_t *all)
{
	if (has_folders(p) || !has_begun(p))
		return false;
	found(all, FOUND_WRONG, "keys",
	      p->running ? "there are no keys in %s any more: mintmarkd goes "
			   "on with those that it has read, and does not start "
			   "again without them"
			 : "there are no keys in %s, and the mint here has "
			   "begun: it does not start without those that its "
			   "tokens are signed by",
	      p->keys);
	if (p->shared)
		advise(all,
		       "bring the folder back, or copy the keys from another "
		       "issuer on this store: keys/README.md, Several issuers");
	else
		advise(all,
		       "bring the folder back; without a copy: mintmark key "
		       "generate --data '%s'    # a start asks for the end of "
		       "each lost one with live tokens: mintmark key retire "
		       "--force KID. Is the data folder another one?",
		       p->data);
	return true;
}
