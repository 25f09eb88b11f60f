/* doctor_keys.c - the signing keys: by their files, and by what the mint says
 * of them.  Where it takes a passphrase to read them that we have not, by the
 * mint alone. */
#include <stdio.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/doctor_key_files.h"
#include "cli/doctor_keys_gone.h"
#include "cli/key.h"
#include "cli/output.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/secrecy.h"

/* ---- what is said of them ---- */

static size_t count_state(const json_t *keys, const char *state,
			  const json_t **last)
{
	size_t i, n = 0;
	const json_t *key;
	*last = NULL;
	json_array_foreach(keys, i, key)
	{
		if (strcmp(json_text(key, "state", ""), state) != 0 ||
		    json_is_true(json_object_get(key, "offline")))
			continue;
		*last = key;
		n++;
	}
	return n;
}

/* A key that is made here is one more, and signs nothing that is out by now. */
static void say_no_signer(const struct key_place *p, bool waits, json_t *all)
{
	found(all, FOUND_WRONG, "keys", "no key signs in %s", p->keys);
	if (p->shared)
		advise(all,
		       "put back what was in %s/active, or copy the keys from "
		       "another issuer on this store: keys/README.md, Several "
		       "issuers",
		       p->keys);
	else
		advise(all,
		       "put back what was in %s/active; if it is lost: "
		       "mintmark key %s --data '%s'    # a start asks for the "
		       "end of the lost one while it has live tokens: mintmark "
		       "key retire --force KID",
		       p->keys, waits ? "rotate" : "generate", p->data);
}

static void say_signer(const struct key_place *p, const json_t *keys,
		       json_t *all)
{
	const json_t *key, *other;
	char age[JUDGED_SIZE], due[JUDGED_SIZE];
	if (count_state(keys, "active", &key) == 0) {
		say_no_signer(p, count_state(keys, "next", &other) != 0, all);
		return;
	}
	int64_t old = clock_now() - json_time(key, "created_at");
	judge_time(age, old);
	judge_time(due, JUDGE_KEY_DAYS * INT64_C(86400) - old);
	found(all, judge_key(old), "keys",
	      "%s (%s%s%s) signs, made %s ago; %zu wait, %zu retire; the next "
	      "rotation is due within %s",
	      json_text(key, "kid", "?"), json_text(key, "alg", "?"),
	      json_object_get(key, "kept") ? ", " : "",
	      json_text(key, "kept", ""), age,
	      count_state(keys, "next", &other),
	      count_state(keys, "retiring", &other), due);
	advise(all,
	       "mintmark key rotate --data '%s'; systemctl enable --now "
	       "mintmark-key-rotate.timer",
	       p->data);
}

static void say_next(const struct key_place *p, const json_t *keys, json_t *all)
{
	const json_t *key;
	if (count_state(keys, "next", &key) != 0)
		return;
	found(all, FOUND_NOTE, "keys.next",
	      "no key waits to sign after this one: it must be known before "
	      "it signs");
	advise(all,
	       "mintmark key generate --data '%s'    # or key import, "
	       "where they are in a PKCS#11 token",
	       p->data);
}

static void say_retired(const struct key_place *p, const json_t *keys,
			json_t *all)
{
	size_t i;
	const json_t *key;
	json_array_foreach(keys, i, key)
	{
		const json_t *live = json_object_get(key, "live_tokens");
		if (strcmp(json_text(key, "state", ""), "retiring") != 0 ||
		    !json_is_integer(live) || json_integer_value(live) != 0 ||
		    json_time(key, "needed_until") > clock_now())
			continue;
		found(all, FOUND_NOTE, "keys.retiring",
		      "nothing needs the retiring key %s any more",
		      json_text(key, "kid", "?"));
		advise(all,
		       "mintmark key retire --data '%s'; systemctl enable "
		       "--now mintmark-key-retire.timer",
		       p->data);
	}
}

static void say_all(const struct key_place *p, const json_t *keys, json_t *all)
{
	keys_gone_ended(p, all);
	say_signer(p, keys, all);
	say_next(p, keys, all);
	say_retired(p, keys, all);
}

/* ---- the files and the mint, together ---- */

static void say_plain(const struct key_place *p, const struct keyring *ring,
		      json_t *all)
{
	size_t plain = 0;
	for (size_t i = 0; i < ring->count; i++)
		plain += ring->at[i].kept == KEY_PLAIN;
	if (!ring->sealed || plain == 0)
		return;
	found(all, FOUND_NOTE, "keys.plain",
	      "there is a passphrase, and %zu of the key files are plain",
	      plain);
	advise(all,
	       "mintmark key protect --data '%s' --key-passphrase-file "
	       "FILE",
	       p->data);
}

/* It refuses them all while there is such a one. */
static void say_former(const struct key_place *p, const struct keyring_entry *e,
		       json_t *all)
{
	const char *kid = jwk_kid(e->key);
	found(all, FOUND_WRONG, "keys.former",
	      "the key %s was retired or compromised, and its file is back: "
	      "mintmarkd reads no keys while it is there",
	      kid);
	advise(all, "rm '%s/%s/%s'.*; systemctl reload mintmarkd", p->keys,
	       key_state_name(e->state), kid);
}

/* A compromise was cut off; a mint that starts or reloads finishes it. */
static void say_stolen(const struct key_place *p, const struct keyring_entry *e,
		       json_t *all)
{
	const char *kid = jwk_kid(e->key);
	if (!keys_gone_stolen(p, kid))
		return;
	found(all, FOUND_WRONG, "keys.stolen",
	      "the key %s was said to be stolen, and its file is there still",
	      kid);
	advise(all, "mintmark key compromise --data '%s' -- %s", p->data, kid);
}

/* A key that stands in the folder, and that the mint has not, or as it was. */
static void say_unread(const struct key_place *p, const struct keyring_entry *e,
		       json_t *all)
{
	const char *kid = jwk_kid(e->key), *here = key_state_name(e->state);
	const json_t *known = key_known(p, kid);
	const char *there = json_text(known, "state", here);
	if (known != NULL && strcmp(there, here) == 0)
		return;
	if (key_former(p, kid)) {
		say_former(p, e, all);
		return;
	}
	if (known == NULL)
		found(all, FOUND_WRONG, "keys.unread",
		      "mintmarkd has not read the key %s (%s)", kid, here);
	else
		found(all, FOUND_WRONG, "keys.unread",
		      "the key %s is %s in %s, and mintmarkd uses it as %s",
		      kid, here, p->keys, there);
	advise(all, "systemctl reload mintmarkd; journalctl -u mintmarkd -n 20 "
		    "   # keys.reload_failed");
}

/* As a mint that runs uses them, which may not be as they stand here. */
static json_t *keys_in_use(const struct key_place *p,
			   const struct keyring *ring)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < ring->count; i++) {
		const struct keyring_entry *e = &ring->at[i];
		const json_t *known = key_known(p, jwk_kid(e->key));
		json_t *key = key_entry_json(e, known);
		if (known != NULL)
			json_object_set(key, "state",
					json_object_get(known, "state"));
		if (!p->running || known != NULL)
			json_array_append(keys, key);
		json_decref(key);
	}
	return keys;
}

static void say_ring(const struct key_place *p, const struct keyring *ring,
		     json_t *all)
{
	AUTO_JSON json_t *keys = keys_in_use(p, ring);
	for (size_t i = 0; i < ring->count; i++) {
		say_stolen(p, &ring->at[i], all);
		if (p->running)
			say_unread(p, &ring->at[i], all);
	}
	keys_gone_missing(p, ring, keys, all);
	keys_gone_published(p, ring, all);
	say_all(p, keys, all);
	say_plain(p, ring, all);
}

/* Not by us; that alone is not wrong where a passphrase opens them. */
static void say_unreadable(const struct key_place *p, const struct key_files *f,
			   const struct why *why, json_t *all)
{
	bool ours = f->closed == 0 || p->dir.passphrase_file != NULL;
	found(all, ours ? FOUND_WRONG : FOUND_NOTE,
	      ours ? "keys" : "keys.closed", "%s",
	      why->text[0] ? why->text : "there are no keys");
	advise(all,
	       "mintmark key list --data '%s'    # --key-passphrase-file "
	       "FILE, where mintmarkd has one: keys/README.md",
	       p->data);
	if (!ours && p->running)
		say_all(p, json_object_get(p->known, "keys"), all);
}

void doctor_keys(const struct doctor *d, const char *arg, json_t *all)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	AUTO_RING struct keyring ring = { .count = 0 };
	struct why why = { .text = "" };
	struct key_files files = { 0, 0 };
	(void)arg;
	(void)secrecy_of_keys();
	if (access(d->data, R_OK | X_OK) != 0 || doctor_keys_lead_away(d) ||
	    key_place_find(&p, &d->args, &why) != MM_OK)
		return; /* the check of the folder says why */
	key_files_look(p.keys, &files, all);
	if (files.open != 0)
		return; /* keyring_load() says no more than that */
	client_hurry(&p.client, 3);
	(void)key_place_ask(&p, &why);
	p.shared = p.shared || d->elsewhere;
	why.text[0] = '\0';
	if (doctor_given_away(d)) {
		if (p.running)
			say_all(&p, json_object_get(p.known, "keys"), all);
		return;
	}
	if (keyring_load(p.dir, &ring, &why) == MM_OK)
		say_ring(&p, &ring, all);
	else if (!keys_gone_all(&p, all))
		say_unreadable(&p, &files, &why, all);
}
