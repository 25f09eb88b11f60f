/* fuzz_journal.c - a journal as the disk gives it back: each whole batch is
 * replayed as it stands there, up to the first that is torn, too long or not
 * taken; what is behind that is gone, and the next batch is appended where
 * it was.  A file that is no journal is an empty one.
 *
 * A batch that begins with an X is one that is not taken.
 */
#include "verifier/journal.h"

#include <fcntl.h>

#include "common/feed.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

#define HEAD "mintmark-journal 1\n"

/* Before the journal's end, the next batch; false: there is none. */
static bool next(struct span *rest, struct span *batch)
{
	if (rest->len < 4)
		return false;
	const uint8_t *p = rest->at;
	uint64_t n =
		p[0] * 16777216ull + p[1] * 65536ull + p[2] * 256ull + p[3];
	if (n > FEED_BATCH_MAX || n > rest->len - 4)
		return false;
	*batch = span_of(p + 4, n);
	*rest = span_of(p + 4 + n, rest->len - 4 - n);
	return n == 0 || batch->at[0] != 'X';
}

/* What the next replay must give, and then `last`, if it is not empty. */
struct replay {
	struct span rest, last;
	size_t count;
	bool done;
};

static enum mm_err take(void *ctx, struct span batch)
{
	struct replay *r = ctx;
	struct span want;
	if (batch.len != 0 && batch.at[0] == 'X')
		return MM_ERR_MALFORMED;
	if (!next(&r->rest, &want)) {
		MM_ASSERT(!r->done && r->last.len != 0);
		want = r->last;
		r->done = true;
	}
	MM_ASSERT(span_eq(batch, want));
	r->count++;
	return MM_OK;
}

static size_t size_of(const char *path)
{
	struct stat st;
	MM_ASSERT(stat(path, &st) == 0);
	return (size_t)st.st_size;
}

static void remove_file(void)
{
	char path[256];
	snprintf(path, sizeof path, "%s/journal", fuzz_folder());
	unlink(path);
	fuzz_folder_end();
}

/* O_NOFOLLOW: no file of /proc/self/fd will do. */
static const char *write_file(struct span input)
{
	static char path[256];
	static int fd = -1;
	if (fd < 0) {
		snprintf(path, sizeof path, "%s/journal", fuzz_folder());
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		MM_ASSERT(fd >= 0 && atexit(remove_file) == 0);
	}
	MM_ASSERT(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	MM_ASSERT(file_write_all(fd, input));
	return path;
}

static void replay(const char *path, struct replay r, size_t batches,
		   bool append)
{
	struct journal j = JOURNAL_NONE;
	MM_ASSERT(journal_open(&j, path, NULL) == MM_OK);
	MM_ASSERT(journal_replay(&j, take, &r) == MM_OK);
	MM_ASSERT(r.count == batches && r.done == (r.last.len != 0));
	MM_ASSERT(j.size == size_of(path) && !j.broken);
	if (append)
		MM_ASSERT(journal_append(&j, span_str("another")) == MM_OK);
	journal_close(&j);
}

bool fuzz_one(struct span input)
{
	const size_t head = strlen(HEAD);
	bool is_one = input.len >= head && memcmp(input.at, HEAD, head) == 0;
	struct span all = is_one ? span_of(input.at + head, input.len - head)
				 : span_of("", 0);
	struct span rest = all, batch, good = all;
	size_t n = 0;
	for (; next(&rest, &batch); n++)
		good = rest;
	good.len = all.len - good.len; /* as far as it was */
	good.at = all.at;
	const char *path = write_file(input);
	replay(path, (struct replay){ .rest = all }, n, true);
	MM_ASSERT(size_of(path) == head + good.len + 4 + strlen("another"));
	replay(path,
	       (struct replay){ .rest = good, .last = span_str("another") },
	       n + 1, false);
	return n != 0;
}
