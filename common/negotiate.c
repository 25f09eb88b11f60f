/* negotiate.c - Accept-Encoding and If-None-Match, read as they stand. */
#include "common/negotiate.h"

#include <string.h>
#include <strings.h>

#include "common/span.h"

static struct span trim(struct span s)
{
	while (s.len != 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = span_of(s.at + 1, s.len - 1);
	while (s.len != 0 &&
	       (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Take the next piece off the front; false after the last. */
static bool next_piece(struct span *rest, uint8_t sep, struct span *piece)
{
	if (rest->at == NULL)
		return false;
	if (!span_cut(rest, sep, piece)) {
		*piece = *rest;
		*rest = span_of(NULL, 0);
	}
	*piece = trim(*piece);
	return true;
}

static bool is_word(struct span s, const char *word)
{
	return s.len == strlen(word) &&
	       strncasecmp((const char *)s.at, word, s.len) == 0;
}

/* ---- Accept-Encoding (s12.5.3) ---- */

#define UNSAID (-1)

/* "q=0.123" in thousandths; what is none is 0: not wanted (s12.4.2). */
static int read_weight(struct span s)
{
	int q = 0, scale = 1000;
	if (s.len < 3 || s.len > 7 || (s.at[0] | 0x20) != 'q' ||
	    s.at[1] != '=' || (s.len > 3 && s.at[3] != '.'))
		return 0;
	for (size_t i = 2; i < s.len; i++) {
		if (i == 3)
			continue;
		if (s.at[i] < '0' || s.at[i] > '9')
			return 0;
		q += (s.at[i] - '0') * scale;
		scale /= 10;
	}
	return q <= 1000 ? q : 0;
}

/* What the header says of a coding by its name; UNSAID if nothing. */
static int weight_of(const char *header, const char *coding)
{
	struct span rest = span_str(header), item, name;
	while (next_piece(&rest, ',', &item)) {
		struct span weight = item;
		bool weighed = span_cut(&weight, ';', &name);
		if (!is_word(trim(weighed ? name : item), coding))
			continue;
		return weighed ? read_weight(trim(weight)) : 1000;
	}
	return UNSAID;
}

bool accepts_gzip(const char *accept_encoding)
{
	if (accept_encoding == NULL)
		return false;
	int any = weight_of(accept_encoding, "*");
	int gzip = weight_of(accept_encoding, "gzip");
	int plain = weight_of(accept_encoding, "identity");
	if (gzip == UNSAID) /* s8.4.1.3: the same by its old name */
		gzip = weight_of(accept_encoding, "x-gzip");
	if (gzip == UNSAID)
		gzip = any;
	/* Plain is acceptable unless it is excluded, and preferred only when
	 * that is said. */
	return gzip > 0 && gzip >= plain;
}

/* ---- If-None-Match (s13.1.2) ---- */

bool etag_listed(const char *if_none_match, const char *etag)
{
	struct span rest, item;
	if (if_none_match == NULL)
		return false;
	rest = span_str(if_none_match);
	if (is_word(trim(rest), "*"))
		return true;
	/* ours have no comma, so that one inside another's does no harm */
	while (next_piece(&rest, ',', &item)) {
		if (item.len > 2 && memcmp(item.at, "W/", 2) == 0)
			item = span_of(item.at + 2, item.len - 2);
		if (span_is(item, etag))
			return true;
	}
	return false;
}
