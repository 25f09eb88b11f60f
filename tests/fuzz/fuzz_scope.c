/* fuzz_scope.c - a scope, a line feed, what is needed: the grammar is said
 * again as regular expressions (RFC 6749 s3.3; PROTOCOL.md section 3), and
 * who may do what is counted from the words that these take apart.
 *
 * Besides, whatever was accepted: it covers each of its own words, one more
 * word takes no right away, and the order of the words means nothing.
 */
#include "common/scope.h"

#include <regex.h>
#include <stdlib.h>

#include "common/buf.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 512 };

/* ---- the oracle ---- */

#define CHARS "[]!#-9;-[^-~]" /* all that is legal, but the colon */

static regex_t legal, resource, botched;

static void begin(void)
{
	static bool begun;
	if (begun)
		return;
	begun = true;
	MM_ASSERT(regcomp(&legal, "^" CHARS "+(:" CHARS "+)*$",
			  REG_EXTENDED | REG_NOSUB) == 0);
	MM_ASSERT(regcomp(&resource, "^(" CHARS "+):(" CHARS "+):(r|w|rw)$",
			  REG_EXTENDED) == 0);
	MM_ASSERT(regcomp(&botched, "^" CHARS "+:" CHARS "+:[rwxdRWXD]+$",
			  REG_EXTENDED | REG_NOSUB) == 0);
}

static bool fits(const regex_t *r, const char *word)
{
	return regexec(r, word, 0, NULL, 0) == 0;
}

static bool word_good(const char *word)
{
	return fits(&legal, word) &&
	       (fits(&resource, word) || !fits(&botched, word));
}

static unsigned letters(const char *perm)
{
	return (strchr(perm, 'r') ? SCOPE_READ : 0u) |
	       (strchr(perm, 'w') ? SCOPE_WRITE : 0u);
}

/* The front of a resource scope, "type:id:", or 0: it is none. */
static size_t front_of(const char *word)
{
	regmatch_t m[4];
	return regexec(&resource, word, 4, m, 0) == 0 ? (size_t)m[3].rm_so : 0;
}

/* An id that is too long for anything to match it. */
static bool too_long(const char *word)
{
	regmatch_t m[4];
	return regexec(&resource, word, 4, m, 0) == 0 &&
	       m[2].rm_eo - m[2].rm_so >= SCOPE_ID_SIZE;
}

/* Words as C strings, in memory of their own. */
struct words {
	char *text;
	char *at[WORDS_MAX];
	size_t count;
};

/* False: more than we look at, or a NUL. */
static bool cut(struct span scope, struct words *w)
{
	w->count = 0;
	w->text = NULL;
	if (memchr(scope.at, '\0', scope.len) != NULL)
		return false;
	w->text = strndup((const char *)scope.at, scope.len);
	MM_ASSERT(w->text != NULL);
	for (char *rest = w->text, *word; (word = strsep(&rest, " "));) {
		if (w->count == WORDS_MAX)
			return false;
		w->at[w->count++] = word;
	}
	return true;
}

static bool all_good(const struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (!word_good(w->at[i]))
			return false;
	return true;
}

static bool covered(const struct words *w, const char *need)
{
	size_t front = front_of(need);
	unsigned has = 0;
	for (size_t i = 0; i < w->count; i++) {
		if (front == 0 && strcmp(w->at[i], need) == 0)
			return true;
		if (front != 0 && front_of(w->at[i]) == front &&
		    strncmp(w->at[i], need, front) == 0)
			has |= letters(w->at[i] + front);
	}
	return front != 0 && (letters(need + front) & ~has) == 0;
}

/* ---- the properties ---- */

static void check_word(struct span word, bool good)
{
	struct why why = { .text = "" };
	struct scope_word w;
	MM_ASSERT((scope_word_read(word, &w, &why) == MM_OK) == good);
	MM_ASSERT(good == (why.text[0] == '\0'));
	MM_ASSERT(strlen(why.text) < sizeof why.text - 1);
}

static void check_needs(struct span scope, const struct words *w,
			const char *need)
{
	bool good = word_good(need);
	check_word(span_str(need), good);
	MM_ASSERT(scope_covers(scope, span_str(need)) ==
		  (good && !too_long(need) && covered(w, need)));
}

/* The words from last to first, and `need` before them. */
static void check_more(struct span scope, const struct words *w,
		       const char *need)
{
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span more;
	if (!word_good(need))
		return;
	buf_str(&b, need);
	for (size_t i = w->count; i-- > 0;) {
		buf_str(&b, " ");
		buf_str(&b, w->at[i]);
	}
	MM_ASSERT(buf_done(&b, &more) == MM_OK);
	MM_ASSERT(scope_check(more, NULL) == MM_OK);
	for (size_t i = 0; i < w->count; i++)
		if (scope_covers(scope, span_str(w->at[i])))
			MM_ASSERT(scope_covers(more, span_str(w->at[i])));
	if (!too_long(need))
		MM_ASSERT(scope_covers(more, span_str(need)));
}

bool fuzz_one(struct span input)
{
	struct span scope, need = input;
	struct words w;
	begin();
	if (!span_cut(&need, '\n', &scope)) {
		scope = input;
		need = span_of("", 0);
	}
	if (scope.len == 0)
		scope = span_of("", 0);
	bool known = cut(scope, &w);
	bool good = scope_check(scope, NULL) == MM_OK;
	if (known)
		MM_ASSERT(good == all_good(&w));
	if (good && known && memchr(need.at, '\0', need.len) == NULL) {
		char *text = strndup((const char *)need.at, need.len);
		MM_ASSERT(text != NULL);
		check_needs(scope, &w, text);
		for (size_t i = 0; i < w.count; i++)
			check_needs(scope, &w, w.at[i]);
		check_more(scope, &w, text);
		free(text);
	}
	free(w.text);
	return good;
}
