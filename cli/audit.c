/* audit.c - mintmark audit: the lines of the audit, shown, kept, followed,
 * and their chain checked. */
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "common/audit.h"

#define PAGE	      1000
#define FOLLOW_BEHIND 10 /* lines to begin with */

static const char *const heads[] = { "SEQ", "AT",   "EVENT",   "BY",
				     "ID",  "USER", "ADDRESS", "WHAT" };
#define COLUMNS (sizeof heads / sizeof heads[0])

struct reading {
	const struct args *args;
	struct table *table;
	struct audit_chain chain;
	uint64_t due; /* the line to begin with; 0: any, of a file */
	uint64_t first, last, noted_seq;
	char noted[AUDIT_DIGEST_SIZE]; /* --head; "" none */
	bool met;		       /* and it was there */
};

/* ---- what is asked for ---- */

static enum mm_err read_seq(const char *flag, const char *text, uint64_t *out,
			    struct why *why)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > INT64_MAX)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s takes the number of a line", flag);
	*out = v;
	return MM_OK;
}

/* "1234:47DEQp...", as --verify prints it. */
static enum mm_err read_head(struct reading *r, struct why *why)
{
	char number[24];
	struct span rest, seq;
	if (r->args->head == NULL)
		return MM_OK;
	rest = span_str(r->args->head);
	if (!span_cut(&rest, ':', &seq) ||
	    !span_copy(number, sizeof number, seq) ||
	    !span_copy(r->noted, sizeof r->noted, rest) ||
	    rest.len != AUDIT_DIGEST_SIZE - 1)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--head takes what --verify printed: "
			       "NUMBER:HASH");
	return read_seq("--head", number, &r->noted_seq, why);
}

static enum mm_err check_args(const struct args *a, struct why *why)
{
	bool file = a->operand_count != 0;
	if (file && !a->verify)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "a FILE goes with --verify");
	if (file && (a->follow || a->after))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--follow and --after are for the mint's own "
			       "audit, not for a file");
	if (a->verify && (a->follow || a->json))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--verify shows no lines: leave out %s",
			       a->follow ? "--follow" : "-o json");
	if (a->head && !a->verify)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--head goes with --verify");
	return MM_OK;
}

/* ---- a line ---- */

/* What was granted, in few words. */
static void put_what(struct table *t, const json_t *o)
{
	static const char *const members[] = { "detail",     "key",
					       "label",	     "scope",
					       "audience",   "cidr",
					       "expires_at", "auto_refresh" };
	AUTO_BUF struct buf b = buf_new(AUDIT_LINE_MAX);
	struct span text;
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		const json_t *v = json_object_get(o, members[i]);
		const char *gap = b.len != 0 ? ", " : "";
		if (json_is_integer(v))
			buf_fmt(&b, "%s%s %llds", gap, members[i],
				(long long)json_integer_value(v));
		else if (v != NULL)
			buf_fmt(&b, i == 0 ? "%s%.0s%s" : "%s%s %s", gap,
				members[i], json_string_value(v));
	}
	table_cell(t,
		   buf_done(&b, &text) == MM_OK ? (const char *)text.at : "?");
}

static enum mm_err show(struct reading *r, struct span line)
{
	char seq[24];
	struct table *t = r->table;
	if (r->args->json) {
		fwrite(line.at, 1, line.len, stdout);
		putchar('\n');
		return MM_OK;
	}
	AUTO_JSON json_t *o = json_loadb((const char *)line.at, line.len,
					 JSON_REJECT_DUPLICATES, NULL);
	snprintf(seq, sizeof seq, "%lld",
		 (long long)json_integer_value(json_object_get(o, "seq")));
	table_cell(t, seq);
	table_cell(t, json_text(o, "at", "-"));
	table_cell(t, json_text(o, "event", "-"));
	table_cell(t, json_text(o, "by", "-"));
	table_cell(t, json_text(o, "id", "-"));
	table_cell(t, json_text(o, "user", "-"));
	table_cell(t, json_text(o, "address", "-"));
	put_what(t, o);
	return MM_OK;
}

/* A chain that lacks its beginning is whole in itself: that is seen only by
 * where it begins. */
static enum mm_err begin(struct reading *r, struct why *why)
{
	r->first = r->last;
	if (r->due == 0 || r->first == r->due)
		return MM_OK;
	return why_say(why, MM_ERR_MALFORMED, NULL,
		       "the audit begins at line %llu, not at %llu: what was "
		       "before it is not there any more (--after %llu shows "
		       "the rest)",
		       (unsigned long long)r->first, (unsigned long long)r->due,
		       (unsigned long long)r->first - 1);
}

/* Every line is followed in the chain, also one that is only shown: what
 * does not fit there is not shown as if it did. */
static enum mm_err take_line(struct reading *r, struct span line,
			     struct why *why)
{
	TRY(audit_chain_take(&r->chain, line, why));
	r->last = r->chain.seq;
	if (r->first == 0)
		TRY(begin(r, why));
	if (r->noted_seq == r->last && r->noted[0] != '\0') {
		r->met = strcmp(r->noted, r->chain.digest) == 0;
		if (!r->met)
			return why_say(why, MM_ERR_MALFORMED, NULL,
				       "line %llu is not the one that was "
				       "noted: the audit was rewritten",
				       (unsigned long long)r->last);
	}
	return r->args->verify ? MM_OK : show(r, line);
}

static enum mm_err take_lines(struct reading *r, struct span text,
			      struct why *why)
{
	struct span line;
	while (span_cut(&text, '\n', &line))
		TRY(take_line(r, line, why));
	if (text.len != 0)
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "behind line %llu: a line is cut short",
			       (unsigned long long)r->last);
	return r->args->json || r->args->verify ? MM_OK : table_print(r->table);
}

/* ---- from the mint ---- */

/* The last line again, if there is one yet: it has to be there, and to be
 * the same. */
static enum mm_err stand_by(const struct reading *r, struct span *text,
			    struct why *why)
{
	struct span line;
	char digest[AUDIT_DIGEST_SIZE] = "";
	if (r->first == 0)
		return MM_OK;
	if (span_cut(text, '\n', &line))
		TRY(audit_digest(line, digest));
	return strcmp(digest, r->chain.digest) == 0
		       ? MM_OK
		       : why_say(why, MM_ERR_MALFORMED, NULL,
				 "line %llu is not there any more: the audit "
				 "was cut, or rewritten",
				 (unsigned long long)r->last);
}

static enum mm_err take_page(struct reading *r, struct client *c, bool *more,
			     struct why *why)
{
	char path[96];
	AUTO_BUF struct buf text = buf_new(0);
	struct span all;
	uint64_t before = r->last;
	snprintf(path, sizeof path, "/v1/audit?after=%llu&limit=%d",
		 (unsigned long long)(r->first ? r->last - 1 : r->last), PAGE);
	TRY(client_text(c, path, &text, &all, why));
	TRY(stand_by(r, &all, why));
	TRY(take_lines(r, all, why));
	*more = r->last != before;
	return MM_OK;
}

static enum mm_err find_end(struct reading *r, struct client *c,
			    struct why *why)
{
	AUTO_BUF struct buf text = buf_new(0);
	struct span all, line;
	struct audit_chain chain = { 0 };
	TRY(client_text(c, "/v1/audit?limit=1", &text, &all, why));
	if (span_cut(&all, '\n', &line))
		TRY(audit_chain_take(&chain, line, why));
	r->last = chain.seq > FOLLOW_BEHIND ? chain.seq - FOLLOW_BEHIND : 0;
	return MM_OK;
}

static enum mm_err read_mint(struct reading *r, struct why *why)
{
	AUTO_CLIENT struct client c = { .curl = NULL };
	bool more = true;
	TRY(client_open(&c, r->args->data, why));
	if (r->args->after != NULL)
		TRY(read_seq("--after", r->args->after, &r->last, why));
	else if (r->args->follow)
		TRY(find_end(r, &c, why));
	r->due = r->last + 1;
	while (more || r->args->follow) {
		TRY(take_page(r, &c, &more, why));
		if (!more && r->args->follow) {
			fflush(stdout);
			sleep(1);
		}
		if (ferror(stdout))
			return MM_OK; /* said by who looks at the end */
	}
	return MM_OK;
}

/* ---- from a file ---- */

static enum mm_err read_file(struct reading *r, const char *path,
			     struct why *why)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	enum mm_err e =
		f ? MM_OK
		  : why_say(why, MM_ERR_INVALID, NULL, "cannot open %s", path);
	while (e == MM_OK && (n = getline(&line, &size, f)) > 0)
		e = take_lines(r, span_of(line, (size_t)n), why);
	free(line);
	if (f != NULL && f != stdin)
		fclose(f);
	return e;
}

/* ---- the verdict ---- */

static enum mm_err verdict(const struct reading *r, struct why *why)
{
	if (r->noted[0] != '\0' && !r->met)
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "line %llu, which was noted, is not there: the "
			       "audit was cut",
			       (unsigned long long)r->noted_seq);
	if (r->first == 0 && r->args->verify)
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "the audit has no lines here: there is nothing "
			       "to verify");
	if (r->first == 0)
		fputs("the audit has no lines here\n", stderr);
	if (!r->args->verify)
		return MM_OK;
	if (r->due == 0 && r->first != 1)
		fprintf(stderr,
			"The file begins at line %llu: what was before it is "
			"not here.\n",
			(unsigned long long)r->first);
	printf("The chain is whole, from line %llu to %llu.\n"
	       "Keep its head where nobody who can write the store can write, "
	       "for --head:\n%llu:%s\n",
	       (unsigned long long)r->first, (unsigned long long)r->last,
	       (unsigned long long)r->chain.seq, r->chain.digest);
	return MM_OK;
}

enum mm_err audit_run(const struct args *a, struct why *why)
{
	AUTO_TABLE struct table table = table_new(heads, COLUMNS);
	struct reading r = { .args = a, .table = &table };
	TRY(check_args(a, why));
	TRY(read_head(&r, why));
	TRY(a->operand_count ? read_file(&r, a->operand[0], why)
			     : read_mint(&r, why));
	return verdict(&r, why);
}
