/* key.c - mintmark key list. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/key.h"
#include "cli/output.h"
#include "cli/table.h"
#include "common/duration.h"

static const char *const heads[] = { "STATE",	    "KID",     "ALG",
				     "KEPT",	    "CREATED", "LIVE TOKENS",
				     "NEEDED UNTIL" };
#define COLUMNS (sizeof heads / sizeof heads[0])

static void add_row(struct table *t, const struct keyring_entry *e,
		    const json_t *known)
{
	char created[32], live[32] = "?";
	date_write(created, e->created);
	if (known)
		snprintf(live, sizeof live, "%lld",
			 (long long)json_integer_value(
				 json_object_get(known, "live_tokens")));
	table_cell(t, key_state_name(e->state));
	table_cell(t, jwk_kid(e->key));
	table_cell(t, jwk_alg_name(e->key));
	table_cell(t, key_kept_name(e->kept));
	table_cell(t, created);
	table_cell(t, live);
	table_cell(t, json_text(known, "needed_until", known ? "-" : "?"));
}

/* Has the folder lost it, or another issuer on the same store got it? */
static void say_missing(const struct key_place *p, const struct keyring *ring)
{
	size_t i;
	const json_t *kid;
	json_array_foreach(json_object_get(p->known, "missing"), i, kid)
	{
		const char *name = json_string_value(kid);
		if (name != NULL && jwk_is_kid(name) &&
		    keyring_find(ring, name) == NULL)
			fprintf(stderr,
				"The mint publishes the key %s, which is not "
				"in %s.\n",
				name, p->keys);
	}
}

static enum mm_err put_table(const struct key_place *p,
			     const struct keyring *ring)
{
	AUTO_TABLE struct table t = table_new(heads, COLUMNS);
	for (size_t i = 0; i < ring->count; i++)
		add_row(&t, &ring->at[i],
			key_known(p, jwk_kid(ring->at[i].key)));
	TRY(table_print(&t));
	say_missing(p, ring);
	if (!p->running)
		fprintf(stderr,
			"No mintmarkd runs at %s: nobody knows the tokens.\n",
			p->data);
	return MM_OK;
}

json_t *key_entry_json(const struct keyring_entry *e, const json_t *known)
{
	char created[32];
	json_t *out =
		known ? json_copy((json_t *)(uintptr_t)known) : json_object();
	date_write(created, e->created);
	json_object_set_new(out, "kid", json_string(jwk_kid(e->key)));
	json_object_set_new(out, "alg", json_string(jwk_alg_name(e->key)));
	json_object_set_new(out, "state",
			    json_string(key_state_name(e->state)));
	json_object_set_new(out, "kept", json_string(key_kept_name(e->kept)));
	json_object_set_new(out, "created_at", json_string(created));
	json_object_set_new(out, "offline",
			    json_boolean(keyring_is_offline(e)));
	return out;
}

enum mm_err key_list(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	AUTO_RING struct keyring ring = { .count = 0 };
	TRY(key_place_open(&p, a, why));
	TRY(key_place_load(&p, &ring, why));
	if (!a->json)
		return put_table(&p, &ring);

	AUTO_JSON json_t *out = json_array();
	for (size_t i = 0; i < ring.count; i++)
		json_array_append_new(
			out,
			key_entry_json(&ring.at[i],
				       key_known(&p, jwk_kid(ring.at[i].key))));
	put_json(out);
	return MM_OK;
}
