/* fuzz_negotiate.c - a header as Accept-Encoding and as If-None-Match: what
 * is found in it stands there. */
#include "common/negotiate.h"

#include <stdlib.h>

#include "common/error.h"
#include "tests/fuzz/fuzz.h"

#define ETAG "\"24L-OMeqFgjrNkdHD4vtSA\""

/* In memory that ends with the text: the sanitizers see who reads on. */
static char *text_of(struct span input)
{
	char *text = malloc(input.len + 1);
	MM_ASSERT(text != NULL);
	if (input.len != 0)
		memcpy(text, input.at, input.len);
	text[input.len] = '\0';
	return text;
}

bool fuzz_one(struct span input)
{
	char *text = text_of(input);
	bool gzip = accepts_gzip(text), known = etag_listed(text, ETAG);
	bool star = strchr(text, '*') != NULL;
	MM_ASSERT(!gzip || star || strcasestr(text, "gzip") != NULL);
	MM_ASSERT(!known || star || strstr(text, ETAG) != NULL);
	free(text);
	return gzip || known;
}
