/* newest.c - the file DATA/newest: "EPOCH SEQ BEGAN", one line. */
#include "issuer/newest.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"

#define NEWEST_PATH 4200
#define NEWEST_MAX  128

static const char *path_of(const char *data, char out[NEWEST_PATH])
{
	snprintf(out, NEWEST_PATH, "%.4096s/newest", data);
	return out;
}

static bool cut_number(struct span *text, uint8_t end, uint64_t *out)
{
	struct span digits;
	char *stop;
	if (!span_cut(text, end, &digits) || !isdigit(digits.at[0]))
		return false;
	*out = strtoull((const char *)digits.at, &stop, 10);
	return (const uint8_t *)stop == digits.at + digits.len;
}

static bool read_line(struct span text, struct newest *out)
{
	struct span epoch;
	uint64_t began;
	if (!span_cut(&text, ' ', &epoch) ||
	    !span_copy(out->epoch, sizeof out->epoch, epoch) ||
	    !cut_number(&text, ' ', &out->seq) || out->seq == 0 ||
	    !cut_number(&text, '\n', &began) || began >= INT64_MAX)
		return false;
	out->began = (int64_t)began;
	return true;
}

/* MM_ERR_NOT_FOUND: there is none. */
static enum mm_err read_file(const char *data, struct newest *out,
			     struct why *why)
{
	char path[NEWEST_PATH];
	AUTO_BUF struct buf b = buf_new(NEWEST_MAX);
	struct span text;
	TRY(buf_read_kept_file(&b, path_of(data, path), why));
	TRY(buf_done(&b, &text));
	if (read_line(text, out))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "data",
		       "%s is damaged: it says up to which event the "
		       "store has been published; if no backup was "
		       "put back, take it away; if one was, start "
		       "once with --restored",
		       path);
}

int64_t newest_began(const char *data)
{
	struct newest n;
	return read_file(data, &n, NULL) == MM_OK ? n.began : 0;
}

static enum mm_err judge(const struct newest *published,
			 const struct newest *has, bool shared, struct why *why)
{
	bool same = strcmp(has->epoch, published->epoch) == 0;
	if (same ? has->seq >= published->seq : has->began > published->began)
		return MM_OK;
	if (same)
		return why_say(why, MM_ERR_CONFLICT, "data",
			       "the store ends at event %" PRIu64
			       ", and up to %" PRIu64
			       " was published from here: it came from a "
			       "backup%s.  Bring the newer one back, or start "
			       "once with --restored",
			       has->seq, published->seq,
			       shared ? ""
				      : ", or was copied to PostgreSQL (then "
					"say --store)");
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
	return judge(&published, &has, store_is_shared(store), why);
}

void newest_save(const char *data, const struct newest *now,
		 struct newest *said)
{
	char path[NEWEST_PATH], line[NEWEST_MAX];
	if (now->seq == 0 ||
	    (now->seq == said->seq && strcmp(now->epoch, said->epoch) == 0))
		return;
	snprintf(line, sizeof line, "%s %" PRIu64 " %" PRId64 "\n", now->epoch,
		 now->seq, now->began);
	if (file_replace(path_of(data, path), span_str(line), 0600, NULL) ==
	    MM_OK)
		*said = *now;
}
