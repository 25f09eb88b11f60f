/* key_issuer.c - the mint's side of the key commands: what it knows, and
 * telling it that the folders have changed. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/key.h"
#include "cli/output.h"
#include "cli/place.h"

static const char *from_env(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] != '\0' ? value : NULL;
}

/* The keyring of --data, MINTMARK_DATA, beside MINTMARK_SOCKET, or the usual
 * place. */
static enum mm_err find_data(struct key_place *p, const struct args *a,
			     struct why *why)
{
	char socket[480] = "";
	const char *data = a->data ? a->data : from_env("MINTMARK_DATA");
	const char *env = from_env("MINTMARK_SOCKET");
	if (data == NULL && env != NULL &&
	    span_copy(socket, sizeof socket, span_str(env)))
		data = dirname(socket);
	if (data == NULL)
		data = DATA_STANDARD;
	if (!span_copy(p->data, sizeof p->data, span_str(data)))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the path of the data folder is too long");
	snprintf(p->keys, sizeof p->keys, "%s/keys", p->data);
	p->dir.dir = p->keys;
	p->dir.passphrase_file =
		a->passphrase_file ? a->passphrase_file
				   : from_env("MINTMARK_KEY_PASSPHRASE_FILE");
	return MM_OK;
}

enum mm_err key_place_find(struct key_place *p, const struct args *a,
			   struct why *why)
{
	*p = (struct key_place){ .known = NULL, .say = stdout };
	TRY(find_data(p, a, why));
	return client_open_data(&p->client, p->data, why);
}

enum mm_err key_check_stopped(const struct key_place *p, struct why *why)
{
	if (!place_is_held(p->data))
		return MM_OK;
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "mintmarkd at %.120s is starting (or stopping): run "
		       "this again; if it does not pass, its admin.sock was "
		       "removed: systemctl reload mintmarkd (SIGHUP) has it "
		       "read the keys, and a restart makes the socket anew",
		       p->data);
}

enum mm_err key_place_ask(struct key_place *p, struct why *why)
{
	enum mm_err e = client_call(&p->client, "GET", "/v1/keys", NULL,
				    &p->known, why);
	p->running = e == MM_OK;
	p->shared = json_is_true(json_object_get(p->known, "shared"));
	return e == MM_ERR_UNAVAILABLE ? key_check_stopped(p, why) : e;
}

enum mm_err key_place_open(struct key_place *p, const struct args *a,
			   struct why *why)
{
	TRY(key_place_find(p, a, why));
	return key_place_ask(p, why);
}

void key_place_close(struct key_place *p)
{
	json_decref(p->known);
	client_close(&p->client);
}

enum mm_err key_refusal(enum mm_err e)
{
	return e == MM_ERR_INVALID ? MM_ERR_CONFLICT : e;
}

enum mm_err key_place_load(const struct key_place *p, struct keyring *out,
			   struct why *why)
{
	return key_refusal(keyring_load(p->dir, out, why));
}

const json_t *key_known(const struct key_place *p, const char *kid)
{
	size_t i;
	const json_t *key;
	json_array_foreach(json_object_get(p->known, "keys"), i,
			   key) if (strcmp(json_text(key, "kid", ""), kid) ==
				    0) return key;
	return NULL;
}

static bool lists(const json_t *kids, const char *kid)
{
	size_t i;
	const json_t *one;
	json_array_foreach(kids, i, one)
	{
		const char *name = json_string_value(one);
		if (name != NULL && strcmp(name, kid) == 0)
			return true;
	}
	return false;
}

bool key_former(const struct key_place *p, const char *kid)
{
	return lists(json_object_get(p->known, "former"), kid);
}

bool key_published(const struct key_place *p, const char *kid)
{
	return key_known(p, kid) != NULL ||
	       lists(json_object_get(p->known, "missing"), kid);
}

enum mm_err key_tell(struct key_place *p, const char *compromised,
		     json_t **reply, struct why *why)
{
	AUTO_JSON json_t *body =
		compromised ? json_pack("{s:[s]}", "compromised", compromised)
			    : json_object();
	return client_call(&p->client, "POST", "/v1/keys/reload", body, reply,
			   why);
}

enum mm_err key_reload(struct key_place *p, struct why *why)
{
	AUTO_JSON json_t *reply = NULL;
	struct why inner = { .text = "" };
	enum mm_err e = key_tell(p, NULL, &reply, &inner);
	if (e == MM_ERR_UNAVAILABLE) {
		printf("No mintmarkd runs at %s: it will read the keys when it "
		       "starts.\n",
		       p->data);
		return MM_OK;
	}
	if (e != MM_OK)
		return why_say(why, e, NULL,
			       "%s (the files are changed, but not in force)",
			       inner.text);
	warn_unpublished(reply);
	if (!json_is_false(json_object_get(reply, "published")))
		puts("mintmarkd has read the keys and tells the verifiers.");
	return MM_OK;
}
