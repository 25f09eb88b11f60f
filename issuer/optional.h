/* optional.h - JSON members that may be absent, and never are for want of
 * memory.
 *
 * json_pack() leaves out what is NULL where its format says "o*" or "s*", also
 * when it is NULL because there was no memory: a token would then say nothing
 * of its scopes, which is "all".  So such members are put in one by one.
 */
#ifndef MM_ISSUER_OPTIONAL_H
#define MM_ISSUER_OPTIONAL_H

#include <jansson.h>
#include <stdint.h>

/* `object` with one member more; takes both over.  NULL: out of memory, now or
 * before (either of them NULL), and nothing is left to be freed. */
json_t *json_with(json_t *object, const char *name, json_t *value);
/* The same; a text of NULL and a number of 0 are absent. */
json_t *json_with_text(json_t *object, const char *name, const char *text);
json_t *json_with_number(json_t *object, const char *name, int64_t number);

/* "a b c" as a list, of at least one.  NULL: out of memory. */
json_t *json_words(const char *words);
/* The claim aud (RFC 7519 s4.1.3): one text, or several, which lie one behind
 * the other; there is one at least.  NULL: out of memory. */
json_t *audience_json(const char *first, size_t count);

#endif
