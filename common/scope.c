/* scope.c - the scope grammar and what a scope allows. */
#include "common/scope.h"

/* RFC 6749 s3.3: %x21 / %x23-5B / %x5D-7E. */
static bool legal(uint8_t c)
{
	return c > 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static unsigned perm_of(struct span s)
{
	return span_is(s, "r")	  ? SCOPE_READ
	       : span_is(s, "w")  ? SCOPE_WRITE
	       : span_is(s, "rw") ? SCOPE_READ | SCOPE_WRITE
				  : 0;
}

/* Cut at colons; returns how many parts there are, at most `max` + 1. */
static size_t cut_parts(struct span word, struct span *part, size_t max)
{
	struct span rest = word;
	size_t n = 0;
	while (n < max && span_cut(&rest, ':', &part[n]))
		n++;
	if (n == max)
		return max + 1;
	part[n] = rest;
	return n + 1;
}

/* "rwx", "wr", "d": meant as a permission, but none that exists. */
static bool looks_like_perm(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (strchr("rwxdRWXD", s.at[i]) == NULL)
			return false;
	return true;
}

/* ":x", "x:" and "x::y", however many parts there are. */
static bool has_empty_part(struct span word)
{
	uint8_t before = ':';
	for (size_t i = 0; i < word.len; i++) {
		if (word.at[i] == ':' && before == ':')
			return true;
		before = word.at[i];
	}
	return before == ':';
}

static enum mm_err refuse(struct why *why, struct span word, const char *what)
{
	return why_say(why, MM_ERR_INVALID, "scopes", "scope \"%.*s\": %s",
		       word.len > 80 ? 80 : (int)word.len,
		       (const char *)word.at, what);
}

enum mm_err scope_word_read(struct span word, struct scope_word *out,
			    struct why *why)
{
	struct span part[3];
	*out = (struct scope_word){ .whole = word };
	if (word.len == 0)
		return why_say(why, MM_ERR_INVALID, "scopes",
			       "a scope is empty: words are separated by "
			       "single spaces");
	for (size_t i = 0; i < word.len; i++)
		if (!legal(word.at[i]))
			return why_say(why, MM_ERR_INVALID, "scopes",
				       "a scope holds a character that is "
				       "not allowed (byte 0x%02x at %zu)",
				       word.at[i], i);

	if (has_empty_part(word))
		return refuse(why, word, "a part is empty");
	if (cut_parts(word, part, 3) != 3)
		return MM_OK; /* a named scope */
	out->perm = perm_of(part[2]);
	if (out->perm == 0 && looks_like_perm(part[2]))
		return refuse(why, word, "the permission must be r, w or rw");
	if (out->perm != 0) {
		out->type = part[0];
		out->id = part[1];
	}
	return MM_OK;
}

enum mm_err scope_check(struct span scope, struct why *why)
{
	struct span word;
	struct scope_word w;
	while (span_word(&scope, &word))
		TRY(scope_word_read(word, &w, why));
	return MM_OK;
}

bool scope_has(struct span scope, struct span name)
{
	struct span word;
	while (span_word(&scope, &word))
		if (span_eq(word, name))
			return true;
	return false;
}

static bool any_id(struct span id, const char *const *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(id, ids[i]))
			return true;
	return false;
}

unsigned scope_perms(struct span scope, struct span type,
		     const char *const *ids, size_t n)
{
	unsigned perms = 0;
	struct span word;
	struct scope_word w;
	while (span_word(&scope, &word))
		if (scope_word_read(word, &w, NULL) == MM_OK && w.perm &&
		    span_eq(w.type, type) && any_id(w.id, ids, n))
			perms |= w.perm;
	return perms;
}

bool scope_covers(struct span scope, struct span need)
{
	struct scope_word w;
	char id[SCOPE_ID_SIZE];
	const char *ids[] = { id };
	if (scope_word_read(need, &w, NULL) != MM_OK)
		return false;
	if (w.perm == 0)
		return scope_has(scope, need);
	return span_copy(id, sizeof id, w.id) &&
	       (scope_perms(scope, w.type, ids, 1) & w.perm) == w.perm;
}
