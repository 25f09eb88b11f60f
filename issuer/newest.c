/* newest.c - the file DATA/newest: "EPOCH SEQ BEGAN HISTORY LINE DIGEST". */
#include "issuer/newest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"

#define NEWEST_PATH 4200

static const char *path_of(const char *data, char out[NEWEST_PATH])
{
	snprintf(out, NEWEST_PATH, "%.4096s/newest", data);
	return out;
}

/* MM_ERR_NOT_FOUND: there is none. */
static enum mm_err read_file(const char *data, struct newest *out,
			     struct why *why)
{
	char path[NEWEST_PATH];
	AUTO_BUF struct buf b = buf_new(NEWEST_LINE_MAX);
	struct span text;
	TRY(buf_read_kept_file(&b, path_of(data, path), why));
	TRY(buf_done(&b, &text));
	if (newest_line_read(text, out))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "data",
		       "%s is damaged: it says up to which event the "
		       "store has been published; if no backup was "
		       "put back, take it away; if one was, start "
		       "once with --restored",
		       path);
}

enum mm_err newest_read(const char *data, struct newest *out, struct why *why)
{
	enum mm_err e = read_file(data, out, why);
	if (e == MM_OK)
		return MM_OK;
	*out = (struct newest){ .seq = 0 };
	return e == MM_ERR_NOT_FOUND || e == MM_ERR_INVALID ? MM_OK : e;
}

/* Mints are no events, and what else is acknowledged may be none. */
static enum mm_err judge_audit(const struct newest *published,
			       struct store *store, struct why *why)
{
	enum mm_err e = store_has_line(store, &published->audit);
	if (e == MM_ERR_UNAVAILABLE && store_is_damaged(store))
		return MM_OK; /* nothing is minted from that */
	if (e != MM_ERR_ROLLBACK)
		return e;
	return why_say(why, MM_ERR_CONFLICT, "data",
		       "the store has all events that were published from "
		       "here, but not line %" PRIu64 " of the audit as it was "
		       "written: it came from a backup, and would give the "
		       "ids of the tokens that it has lost again.  Bring the "
		       "newer one back, or start once with --restored",
		       published->audit.seq);
}

/* Does the store have the event?  Its number alone does not say so: a backup
 * has others with these as soon as it was gone on from. */
static enum mm_err judge_same(const struct newest *published,
			      const struct newest *has, struct store *store,
			      struct why *why)
{
	const struct log_place at = { NULL, published->seq,
				      published->history };
	enum mm_err e = store_has_event(store, &at);
	if (e == MM_OK)
		return judge_audit(published, store, why);
	if (e != MM_ERR_ROLLBACK)
		return e;
	if (has->seq >= published->seq)
		return why_say(why, MM_ERR_CONFLICT, "data",
			       "the store's event %" PRIu64 " is not the one "
			       "that was published from here: it came from a "
			       "backup, and was gone on from.  Start once with "
			       "--restored",
			       published->seq);
	return why_say(why, MM_ERR_CONFLICT, "data",
		       "the store ends at event %" PRIu64 ", and up to %" PRIu64
		       " was published from here: it came from a "
		       "backup%s.  Bring the newer one back, or start "
		       "once with --restored",
		       has->seq, published->seq,
		       store_is_shared(store)
			       ? ""
			       : ", or was copied to PostgreSQL (then say "
				 "--store)");
}

static enum mm_err judge_other(const struct newest *published,
			       const struct newest *has, struct why *why)
{
	if (has->began > published->began)
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, "data",
		       "the store does not know the history that was "
		       "published from here, and its own is not a later one: "
		       "it is another, or came from a backup of before "
		       "--restored.  Bring the "
		       "newer one back, or start once with --restored; if "
		       "newest, in the folder of --data, came from another "
		       "mint's folder, take it away");
}

enum mm_err newest_check(const char *data, struct store *store, struct why *why)
{
	struct newest published, has;
	enum mm_err e = read_file(data, &published, why);
	if (e == MM_ERR_NOT_FOUND)
		return MM_OK;
	TRY(e);
	TRY(store_newest(store, &has));
	return strcmp(has.epoch, published.epoch) == 0
		       ? judge_same(&published, &has, store, why)
		       : judge_other(&published, &has, why);
}

static bool has_more(const struct newest *now, const struct newest *said)
{
	return now->seq > said->seq ||
	       (now->seq == said->seq && now->audit.seq > said->audit.seq);
}

static void write_line(const struct newest *now, char out[NEWEST_LINE_MAX])
{
	int n = snprintf(out, NEWEST_LINE_MAX, "%s %" PRIu64 " %" PRId64 " %s",
			 now->epoch, now->seq, now->began, now->history);
	if (now->audit.seq != 0)
		n += snprintf(out + n, NEWEST_LINE_MAX - (size_t)n,
			      " %" PRIu64 " %s", now->audit.seq,
			      now->audit.digest);
	snprintf(out + n, NEWEST_LINE_MAX - (size_t)n, "\n");
}

enum mm_err newest_save(const char *data, const struct newest *now,
			struct newest *said, struct why *why)
{
	char path[NEWEST_PATH], line[NEWEST_LINE_MAX];
	bool same = strcmp(now->epoch, said->epoch) == 0;
	/* (Events of before they had a history have none.) */
	if (now->seq == 0 || now->history[0] == '\0' ||
	    (said->seq != 0 &&
	     !(same ? has_more(now, said) : now->began > said->began)))
		return MM_OK;
	write_line(now, line);
	TRY(file_replace(path_of(data, path), span_str(line), 0600, why));
	*said = *now;
	return MM_OK;
}
