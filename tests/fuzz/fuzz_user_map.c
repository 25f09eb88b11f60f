/* fuzz_user_map.c - a login, a line feed, a map of users: its lines are said
 * again as regular expressions.  One line that is none and nobody gets in by
 * the map, whosever line it is; and a login that is listed opens for the
 * users of its own lines, in their order, and for nobody else.
 */
#include "verifier/pam/user_map.h"

#include <regex.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

static regex_t nothing, pair;

static void begin(void)
{
	static bool begun;
	MM_ASSERT(begun || regcomp(&nothing, "^[ \t]*(#.*)?$",
				   REG_EXTENDED | REG_NOSUB) == 0);
	MM_ASSERT(begun ||
		  regcomp(&pair,
			  "^[ \t]*([^ \t:#][^ \t:]*)[ \t]+([^ \t]+)[ \t]*$",
			  REG_EXTENDED) == 0);
	begun = true;
}

static bool prints(struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.at[i] != '\t' &&
		    (line.at[i] < 0x20 || line.at[i] == 0x7F))
			return false;
	return true;
}

/* A line of the login's own is that user's. */
static bool take(struct span line, const char *login, struct user_map *m)
{
	regmatch_t part[3];
	char *text = strndup((const char *)line.at, line.len);
	MM_ASSERT(text != NULL);
	bool good = prints(line), is_pair = false;
	if (good && regexec(&nothing, text, 0, NULL, 0) != 0)
		good = is_pair = regexec(&pair, text, 3, part, 0) == 0;
	if (is_pair) {
		text[part[1].rm_eo] = '\0';
		text[part[2].rm_eo] = '\0';
		const char *user = text + part[2].rm_so;
		bool ours = strcmp(text + part[1].rm_so, login) == 0;
		good = strlen(user) < USER_SIZE &&
		       (!ours || m->count < USER_MAP_USERS);
		if (good && ours)
			(void)span_copy(m->user[m->count++], USER_SIZE,
					span_str(user));
	}
	free(text);
	return good;
}

static bool wanted(struct span map, const char *login, struct user_map *m)
{
	struct span line;
	m->count = 0;
	while (span_cut(&map, '\n', &line))
		if (!take(line, login, m))
			return false;
	return map.len == 0 || take(map, login, m);
}

bool fuzz_one(struct span input)
{
	static struct user_map got, want;
	struct span map = input, first;
	struct why why = { .text = "" };
	char login[64];
	begin();
	if (!span_cut(&map, '\n', &first) ||
	    !span_copy(login, sizeof login, first))
		return false;
	bool good = user_map_read(fuzz_file(map), login, &got, &why) == MM_OK;
	MM_ASSERT(good == wanted(map, login, &want));
	MM_ASSERT(good == (why.text[0] == '\0'));
	if (!good)
		return false;
	MM_ASSERT(got.count == want.count && got.listed == (want.count != 0));
	for (size_t i = 0; i < want.count; i++)
		MM_ASSERT(strcmp(got.user[i], want.user[i]) == 0);
	return got.listed;
}
