/* name.c - names as strangers gave them; people do paste a token there. */
#include "verifier/pam/name.h"

/* `{"` in base64url, and a dot. */
bool name_like_token(struct span s)
{
	size_t n = 0;
	if (s.len < 3 || memcmp(s.at, "eyJ", 3) != 0)
		return false;
	while (n < s.len && ((s.at[n] >= 'a' && s.at[n] <= 'z') ||
			     (s.at[n] >= 'A' && s.at[n] <= 'Z') ||
			     (s.at[n] >= '0' && s.at[n] <= '9') ||
			     s.at[n] == '-' || s.at[n] == '_'))
		n++;
	return n < s.len && s.at[n] == '.';
}

void name_quote(char out[QUOTE_SIZE], const char *name)
{
	struct span s = span_str(name ? name : "");
	if (name_like_token(s) || s.len > PAM_FITS)
		s = span_str("(a token?)");
	text_quote(out, s);
}
