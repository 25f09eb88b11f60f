/* key_uri.c - see key_uri.h.
 *
 *	pkcs11:token=mint;object=2026-1;type=private?pin-source=file:/etc/pin
 *
 * pin-source is ours to read, so that the PIN's file is held to the same
 * rules as a passphrase's whatever OpenSSL goes through.
 */
#include "keys/key_uri.h"

#include <stdio.h>

#define SCHEME "pkcs11:"

static bool starts(struct span s, const char *with, struct span *rest)
{
	size_t n = strlen(with);
	if (s.len < n || memcmp(s.at, with, n) != 0)
		return false;
	*rest = span_of(s.at + n, s.len - n);
	return true;
}

static bool is_line(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] >= 0x7f) /* RFC 3986 s2 */
			return false;
	return true;
}

/* RFC 7512 s2.4: "file:/PATH", or a bare path. */
static enum mm_err take_pin_source(struct span value, struct key_uri *out,
				   struct why *why)
{
	struct span path = value;
	(void)starts(value, "file:", &path);
	(void)starts(path, "//", &path); /* file:///PATH */
	if (path.len == 0 || path.at[0] != '/' ||
	    memchr(path.at, '%', path.len) != NULL ||
	    out->pin_file[0] != '\0' ||
	    !span_copy(out->pin_file, sizeof out->pin_file, path))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "pin-source is to name one file, as "
			       "file:/PATH (without %%)");
	return MM_OK;
}

/* One attribute, and whether it goes to OpenSSL. */
static enum mm_err take_attribute(struct span a, struct key_uri *out,
				  bool *keep, struct why *why)
{
	struct span value;
	*keep = true;
	if (starts(a, "pin-value=", &value))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the PIN stands in the URI (pin-value), where "
			       "backups and process lists show it: put it in "
			       "a file of its own, ?pin-source=file:/PATH, "
			       "and choose another PIN");
	if (!starts(a, "pin-source=", &value))
		return MM_OK;
	*keep = false;
	return take_pin_source(value, out, why);
}

/* Each attribute of out->uri in turn; those that are ours are cut out, with
 * the separator behind them, or before the last. */
static enum mm_err take_attributes(struct key_uri *out, struct why *why)
{
	char *at = out->uri + strlen(SCHEME);
	while (*at != '\0') {
		bool keep;
		size_t n = strcspn(at, ";?&");
		bool last = at[n] == '\0';
		TRY(take_attribute(span_of(at, n), out, &keep, why));
		if (keep)
			at += n + !last;
		else if (!last)
			memmove(at, at + n + 1, strlen(at + n));
		else /* with the separator before it, but not the scheme's */
			at[at[-1] == ':' ? 0 : -1] = at[0] = '\0';
	}
	return MM_OK;
}

enum mm_err key_uri_read(struct span text, struct key_uri *out, struct why *why)
{
	struct span rest;
	*out = (struct key_uri){ .line = "" };
	if (text.len != 0 && text.at[text.len - 1] == '\n')
		text.len--;
	if (!starts(text, SCHEME, &rest) || rest.len == 0 || !is_line(text) ||
	    !span_copy(out->line, sizeof out->line, text))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "not one PKCS#11 URI of at most %d characters "
			       "(pkcs11:token=...;object=...;type=private)",
			       KEY_URI_SIZE - 1);
	(void)span_copy(out->uri, sizeof out->uri, text);
	TRY(take_attributes(out, why));
	if (out->uri[strlen(SCHEME)] == '\0')
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the URI names no key: object=... or id=...");
	return MM_OK;
}
