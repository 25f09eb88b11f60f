/* model.h - a replica as plain as can be, for the harnesses of the feed: a
 * byte for each token's status and a word for its last use, read from
 * jansson's trees by json_unpack(), and from OpenSSL's base64 and zlib's
 * uncompress().  It shares with common/feed*.c and common/replica.c the
 * names of the limits, and jwk_from_json(), which fuzz_jwk.c has by itself.
 */
#ifndef MM_TESTS_FUZZ_MODEL_H
#define MM_TESTS_FUZZ_MODEL_H

#include "common/feed.h"

enum { MODEL_LISTS = 256, MODEL_KEYS = 64 };
#define MODEL_TOKENS (1u << 21) /* of all lists: more take too long */

struct model_list {
	int64_t list, size, expires;
	bool slides;
	uint8_t *status; /* size of them */
	uint32_t *uses;	 /* likewise; NULL: it does not slide */
};

struct model {
	char iss[ISS_SIZE], epoch[EPOCH_SIZE], history[HISTORY_SIZE];
	int64_t seq, iat;
	struct model_list list[MODEL_LISTS];
	size_t lists;
	char kid[MODEL_KEYS][KID_SIZE];
	size_t keys;
};

/* What the replica says. */
void model_of(const struct replica *r, struct model *out);
void model_free(struct model *m);
/* Are they the same, down to the last bit? */
void model_check(const struct model *m, const struct replica *r);

enum model_answer { MODEL_TAKEN, MODEL_REFUSED, MODEL_TOO_MUCH };

/* Apply a batch's payload to *m, as far as its events fit; *count: how many
 * did.  MODEL_REFUSED: not all of them, or the batch was no good. */
enum model_answer model_apply(struct model *m, struct span payload,
			      size_t *count);
/* What a snapshot's payload says; whether it may take the place of another
 * is not asked. */
enum model_answer model_read(struct span payload, struct model *out);

/* The replica that both harnesses begin with: two keys, two lists, and some
 * tokens in them that are revoked, suspended or used. */
void model_base(struct replica *r);
#define MODEL_ISS   "https://pat.example.org"
#define MODEL_EPOCH "00112233445566778899aabbccddeeff"

#endif
