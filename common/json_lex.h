/* json_lex.h - the lexemes of JSON: strings and numbers, for json.c. */
#ifndef MM_COMMON_JSON_LEX_H
#define MM_COMMON_JSON_LEX_H

#include "common/json.h"

struct reader {
	const uint8_t *at, *end;
	size_t names_used;
	uint8_t names[JSON_TEXT_MAX];
};

/* Where decoded string bytes go: at NULL means "check only". */
struct sink {
	uint8_t *at;
	size_t size, len;
};

void lex_skip_space(struct reader *r);
/* Skip white space, then take `c` if it is next. */
bool lex_take(struct reader *r, uint8_t c);
bool lex_string(struct reader *r, struct sink *s);
/* A number by the grammar of RFC 8259 s6; *integer says whether it had
 * neither fraction nor exponent.  Longer than 32 characters is nobody's. */
bool lex_number(struct reader *r, struct span *text, bool *integer);
/* Its value, if it fits. */
bool lex_int64(struct span text, int64_t *out);

#endif
