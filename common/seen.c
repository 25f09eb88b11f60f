/* seen.c - the words for where a token was used. */
#include "common/seen.h"

static bool fits_word(uint8_t c)
{
	return c > 0x20 && c < 0x7F && c != '"' && c != '\\';
}

bool door_is_word(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!fits_word(s.at[i]))
			return false;
	return s.len != 0 && s.len < DOOR_SIZE;
}

void door_write(char out[DOOR_SIZE], const char *name)
{
	size_t n = 0;
	for (; name != NULL && name[n] != '\0' && n < DOOR_SIZE - 1; n++)
		out[n] = fits_word((uint8_t)name[n]) ? name[n] : '_';
	out[n] = '\0';
}

void from_write(char out[FROM_SIZE], struct span text)
{
	struct address a;
	out[0] = '\0';
	if (address_parse(text, &a))
		address_write(&a, out);
}
