/* fuzz_audit.c - lines of an audit: as far as they are taken, jansson finds
 * in each the number behind the last one's and that one's hash, which is
 * worked out here; and a line that was changed in any one bit breaks the
 * chain there or at the next line.
 */
#include "common/audit.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "common/base64url.h"
#include "tests/fuzz/fuzz.h"

static void digest(struct span line, char out[AUDIT_DIGEST_SIZE])
{
	uint8_t raw[32];
	SHA256(line.at, line.len, raw);
	size_t n = base64url_encode(span_of(raw, sizeof raw), out,
				    AUDIT_DIGEST_SIZE);
	out[n] = '\0';
}

/* Should it be taken?  *seq and `last` are of the line before; 0: none. */
static bool follows(struct span line, json_int_t *seq, char *last)
{
	json_auto_t *o = json_loadb((const char *)line.at, line.len,
				    JSON_REJECT_DUPLICATES, NULL);
	const json_t *n = json_object_get(o, "seq");
	const char *before = json_string_value(json_object_get(o, "before"));
	json_int_t number = json_integer_value(n);
	if (!json_is_integer(n) || number < 1 ||
	    (before == NULL) != (number == 1))
		return false;
	if (*seq != 0 && (number - 1 != *seq || strcmp(before, last) != 0))
		return false;
	*seq = number;
	digest(line, last);
	return true;
}

/* The chain up to here, then `line` with a bit of it turned, then `next`. */
static void check_changed(struct audit_chain c, struct span line,
			  struct span next)
{
	if (line.len == 0)
		return;
	uint8_t *copy = malloc(line.len);
	MM_ASSERT(copy != NULL);
	memcpy(copy, line.at, line.len);
	copy[line.at[line.len / 2] % line.len] ^= 1;
	MM_ASSERT(audit_chain_take(&c, span_of(copy, line.len), NULL) !=
			  MM_OK ||
		  audit_chain_take(&c, next, NULL) != MM_OK);
	free(copy);
}

/* Two lines or more, all of them taken? */
bool fuzz_one(struct span input)
{
	struct audit_chain c = { .seq = 0 }, before = c;
	struct span rest = input, line, last_line = span_of("", 0);
	char last[AUDIT_DIGEST_SIZE] = "";
	json_int_t seq = 0;
	size_t n = 0;
	for (; span_cut(&rest, '\n', &line); n++) {
		struct why why = { .text = "" };
		const struct audit_chain now = c;
		bool good = audit_chain_take(&c, line, &why) == MM_OK;
		MM_ASSERT(good == (why.text[0] == '\0'));
		MM_ASSERT(good == follows(line, &seq, last));
		if (!good) {
			MM_ASSERT(memcmp(&c, &now, sizeof c) == 0);
			return false;
		}
		MM_ASSERT(c.seq == (uint64_t)seq && !strcmp(c.digest, last));
		if (n != 0)
			check_changed(before, last_line, line);
		before = now;
		last_line = line;
	}
	return n > 1;
}
