/* key.h - what the key commands share: the folder, and the mint beside it. */
#ifndef MM_CLI_KEY_H
#define MM_CLI_KEY_H

#include <jansson.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/client.h"
#include "keys/keyring.h"

/* A data folder: its keyring, and what its mintmarkd knows of the keys. */
struct key_place {
	char data[480];
	char keys[512];	       /* data/keys */
	struct keyring_at dir; /* that, and what opens it */
	bool running;	       /* is there a mintmarkd, and did it answer? */
	json_t *known;	       /* its GET /v1/keys; NULL when not running */
	bool shared;	       /* ... and it says that its store is */
	struct client client;
	FILE *say;	/* what was done, for people: standard output */
	bool said_next; /* and what is to be done first */
};

/* Find it, and ask its mint.  That none runs is an answer (p->running is
 * false); one that is starting, or does not answer, is MM_ERR_UNAVAILABLE or
 * another failure. */
MM_MUST_USE enum mm_err key_place_open(struct key_place *p,
				       const struct args *a, struct why *why);
/* The two halves of that; for who goes on without an answer. */
MM_MUST_USE enum mm_err key_place_find(struct key_place *p,
				       const struct args *a, struct why *why);
enum mm_err key_place_ask(struct key_place *p, struct why *why);
void key_place_close(struct key_place *p);
#define AUTO_PLACE __attribute__((cleanup(key_place_close)))

/* The keyring, with its errors as refusals: the flags were right. */
MM_MUST_USE enum mm_err key_place_load(const struct key_place *p,
				       struct keyring *out, struct why *why);
enum mm_err key_refusal(enum mm_err e);

/* Say what a removed key leaves behind, if it was in a PKCS#11 token. */
void key_say_left(const struct key_place *p, const struct keyring *ring,
		  const char *kid);

/* Files are written encrypted when we have a passphrase: has a mint that runs
 * one, too?  It would not start any more. */
MM_MUST_USE enum mm_err key_check_readable(const struct key_place *p,
					   struct why *why);

/* What the folders show of a key, and what the mint knows besides (NULL:
 * nothing); the caller's to free. */
json_t *key_entry_json(const struct keyring_entry *e, const json_t *known);
/* What the mint knows of a key, or NULL. */
const json_t *key_known(const struct key_place *p, const char *kid);
/* Does the mint publish it, whether it has its file or not? */
bool key_published(const struct key_place *p, const char *kid);
/* Was it a key once, and is gone? */
bool key_former(const struct key_place *p, const char *kid);
/* Where nobody listens: MM_ERR_UNAVAILABLE if a mintmarkd holds the data
 * folder all the same, so that it starts or stops just now. */
MM_MUST_USE enum mm_err key_check_stopped(const struct key_place *p,
					  struct why *why);
/* Have the mint read the folders again; *reply is its answer, the caller's
 * to free.  Errors as client_call(). */
MM_MUST_USE enum mm_err key_tell(struct key_place *p, const char *compromised,
				 json_t **reply, struct why *why);
/* The same if it runs, and say which. */
MM_MUST_USE enum mm_err key_reload(struct key_place *p, struct why *why);

/* The live tokens that a key has signed, the caller's to free, by user.
 * (Live: active or suspended, and not an agent's old one, which goes on to
 * open the feed when it has been replaced.) */
MM_MUST_USE enum mm_err key_tokens(struct key_place *p, const char *kid,
				   json_t **out, struct why *why);
MM_MUST_USE enum mm_err key_report_put(const char *kid, const json_t *tokens,
				       bool json);
/* May it be a mintmark-agent's own token? */
bool key_token_of_agent(const json_t *token);

/* New tokens in place of those that a key, now gone, has signed: into the
 * folder a->reissue, or to standard output ("-").  It is opened before
 * anything is done: then it is known to be good, and of this key. */
struct handout; /* key_handout.h */
MM_MUST_USE enum mm_err key_reissue_open(struct handout *out, const char *kid,
					 const struct args *a, struct why *why);
MM_MUST_USE enum mm_err key_reissue(struct key_place *p, const char *kid,
				    struct handout *out, const struct args *a,
				    struct why *why);

#endif
