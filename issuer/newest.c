/* newest.c - the file DATA/newest: "EPOCH SEQ", one line. */
#include "issuer/newest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "issuer/store_events.h"

#define NEWEST_PATH 4200
#define NEWEST_MAX  128

static const char *path_of(const char *data, char out[NEWEST_PATH])
{
	snprintf(out, NEWEST_PATH, "%.4096s/newest", data);
	return out;
}

static bool read_line(struct span text, struct newest *out)
{
	struct span epoch;
	char *end;
	return span_cut(&text, ' ', &epoch) &&
	       span_copy(out->epoch, sizeof out->epoch, epoch) &&
	       (out->seq = strtoull((const char *)text.at, &end, 10)) != 0 &&
	       *end == '\n';
}

enum mm_err newest_check(const char *data, struct store *store, struct why *why)
{
	char path[NEWEST_PATH];
	AUTO_BUF struct buf b = buf_new(NEWEST_MAX);
	struct newest n = { .seq = 0 };
	struct span text;
	uint64_t has;
	enum mm_err e = buf_read_kept_file(&b, path_of(data, path), why);
	if (e == MM_ERR_NOT_FOUND)
		return MM_OK;
	TRY(e);
	TRY(buf_done(&b, &text));
	if (!read_line(text, &n))
		return why_say(why, MM_ERR_INVALID, "data",
			       "%s is damaged: it says up to which event the "
			       "store has been published; if no backup was "
			       "put back, take it away; if one was, start "
			       "once with --restored",
			       path);
	e = store_reaches(store, n.epoch, &has);
	if (e == MM_ERR_EPOCH || (e == MM_OK && has >= n.seq))
		return MM_OK;
	TRY(e);
	return why_say(why, MM_ERR_CONFLICT, "data",
		       "the store ends at event %" PRIu64 ", and up to %" PRIu64
		       " was published from here: it came from a backup.  "
		       "Bring the newer one back, or start once with "
		       "--restored",
		       has, n.seq);
}

void newest_save(const char *data, const struct newest *now,
		 struct newest *said)
{
	char path[NEWEST_PATH], line[NEWEST_MAX];
	if (now->seq == 0 ||
	    (now->seq == said->seq && strcmp(now->epoch, said->epoch) == 0))
		return;
	snprintf(line, sizeof line, "%s %" PRIu64 "\n", now->epoch, now->seq);
	if (file_replace(path_of(data, path), span_str(line), 0600, NULL) ==
	    MM_OK)
		*said = *now;
}
