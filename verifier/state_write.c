/* state_write.c - make a state file, put it in place, and change it there.
 *
 * One process writes (it holds the lock file), and inside it one thread at a
 * time.  Nothing is synced to the disk: the file is never resumed from. */
#include "verifier/state_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

static enum mm_err write_failed(const char *path, struct why *why)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return why_say(why, full ? MM_ERR_FULL : MM_ERR_IO, NULL,
		       "cannot write %s: %s%s", path, strerror(errno),
		       full ? ": free some room on its disk" : "");
}

/* ---- the file ---- */

static bool write_at(int fd, const void *from, size_t n, uint64_t at)
{
	const uint8_t *p = from;
	while (n != 0) {
		ssize_t did = pwrite(fd, p, n, (off_t)at);
		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0)
			return false;
		p += did;
		n -= (size_t)did;
		at += (uint64_t)did;
	}
	return true;
}

/* Behind what has a value the file has its zeros already. */
static bool write_lists(int fd, const struct state_header *h,
			const struct replica *r)
{
	const struct state_list *row = state_lists(h);
	for (size_t i = 0; i < r->list_count; i++, row++) {
		const struct list *l = &r->lists[i];
		size_t n = state_needed(l, 0);
		if (!write_at(fd, l->status, n / 4, row->status_at))
			return false;
		if (l->last_use != NULL &&
		    !write_at(fd, l->last_use, n * 4, row->renewals_at))
			return false;
	}
	return true;
}

/* What a crash left under the temporary name goes first: the lock file says
 * that nobody else is making one. */
static int open_temp(const char *temp)
{
	unlink(temp);
	return open(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0644);
}

bool state_allocate(int fd, uint64_t size)
{
	do
		errno = posix_fallocate(fd, 0, (off_t)size);
	while (errno == EINTR);
	return errno == 0;
}

static enum mm_err write_file(struct state_writer *w,
			      const struct state_header *h,
			      const struct replica *r, struct why *why)
{
	w->fd = open_temp(w->temp);
	w->size = h->file_size;
	if (w->fd < 0 || !state_allocate(w->fd, w->size) ||
	    !write_at(w->fd, h, h->head_size, 0) || !write_lists(w->fd, h, r))
		return write_failed(w->temp, why);
	void *at = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			w->fd, 0);
	if (at == MAP_FAILED)
		return write_failed(w->temp, why);
	w->head = at;
	memcpy(w->made, h, sizeof w->made);
	return MM_OK;
}

enum mm_err state_create(struct state_writer *w, const char *path,
			 const struct replica *r, const uint32_t *room,
			 int64_t max_staleness, struct why *why)
{
	*w = STATE_WRITER_NONE;
	if (snprintf(w->path, sizeof w->path, "%s", path) >= PATH_MAX - 8)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the state file's path is too long");
	snprintf(w->temp, sizeof w->temp, "%.*s.new", PATH_MAX - 8, path);

	AUTO_HEAD struct state_header *h = NULL;
	enum mm_err e = state_make_head(r, room, max_staleness, &h);
	if (e != MM_OK)
		return why_say(why, e, NULL, "cannot make %s: %s", w->path,
			       mm_err_word(e));
	e = write_file(w, h, r, why);
	if (e != MM_OK)
		state_writer_close(w);
	return e;
}

/* The state file at the path, to be written to, and its header; -1: none. */
static int open_written(const char *path, struct state_header *h)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (pread(fd, h, sizeof *h, 0) == (ssize_t)sizeof *h &&
	    !memcmp(h->magic, STATE_MAGIC, sizeof h->magic))
		return fd;
	close(fd);
	return -1;
}

/* Each version so far has it there. */
static void make_stale(int fd)
{
	int64_t never = 0;
	(void)write_at(fd, &never, sizeof never,
		       offsetof(struct state_header, fresh_at));
}

/* Mark the file at the path: our own last one, or what an earlier agent
 * left.  Who reads one of another version cannot read ours, and would go on
 * with it. */
static void supersede(const char *path)
{
	struct state_header h;
	uint32_t one = 1;
	int fd = open_written(path, &h);
	if (fd < 0)
		return;
	if (h.version != STATE_VERSION)
		make_stale(fd);
	(void)write_at(fd, &one, sizeof one,
		       offsetof(struct state_header, superseded));
	close(fd);
}

void state_writer_supersede(struct state_writer *w)
{
	if (w->head != NULL)
		atomic_store_explicit(&w->head->superseded, 1,
				      memory_order_release);
}

void state_disown(const char *path, const char *iss)
{
	struct state_header h;
	int fd = open_written(path, &h);
	if (fd < 0)
		return;
	if (iss == NULL || strncmp(h.iss, iss, sizeof h.iss) != 0)
		make_stale(fd);
	close(fd);
}

static bool is_cut(const struct state_writer *w)
{
	struct stat st;
	return fstat(w->fd, &st) == 0 && (uint64_t)st.st_size < w->size;
}

/* But for what changes in place. */
static bool is_damaged(const struct state_writer *w)
{
	const uint8_t *has = (const uint8_t *)w->head;
	return memcmp(has, w->made, offsetof(struct state_header, seq)) != 0 ||
	       memcmp(has + STATE_SUM_TO, w->made + STATE_SUM_TO,
		      sizeof w->made - STATE_SUM_TO) != 0;
}

static bool is_gone(const struct state_writer *w)
{
	struct stat at_path, ours;
	return fstat(w->fd, &ours) == 0 &&
	       (lstat(w->path, &at_path) != 0 ||
		at_path.st_dev != ours.st_dev || at_path.st_ino != ours.st_ino);
}

enum state_harm state_harm(const struct state_writer *w)
{
	if (w->head == NULL)
		return STATE_WHOLE;
	if (is_cut(w))
		return STATE_CUT;
	if (is_damaged(w))
		return STATE_DAMAGED;
	return is_gone(w) ? STATE_GONE : STATE_WHOLE;
}

/* Zeros would let everybody in: it is stale before it has them. */
void state_writer_give_up(struct state_writer *w)
{
	make_stale(w->fd);
	if (state_allocate(w->fd, w->size))
		state_writer_supersede(w);
	state_writer_close(w);
}

enum mm_err state_may_replace(const char *path, struct why *why)
{
	char magic[sizeof STATE_MAGIC] = "";
	struct stat st;
	AUTO_FD int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return MM_OK;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_size == 0 ||
	     (pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
	      memcmp(magic, STATE_MAGIC, sizeof magic) == 0)))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "state",
		       "%s is there already and is no state file, or a "
		       "damaged one: if it was one, remove it (it is made anew "
		       "from what is kept beside it); else it would be "
		       "overwritten: choose another --state",
		       path);
}

/* The mark comes first: between the two steps a reader finds a superseded
 * file and goes on with what it has; the other way round it could miss the
 * new one for ever. */
enum mm_err state_install(struct state_writer *w, struct why *why)
{
	supersede(w->path);
	if (rename(w->temp, w->path) != 0)
		return write_failed(w->path, why);
	w->temp[0] = '\0';
	return MM_OK;
}

void state_writer_close(struct state_writer *w)
{
	if (w->head != NULL)
		munmap(w->head, w->size);
	if (w->fd >= 0)
		close(w->fd);
	if (w->temp[0] != '\0')
		unlink(w->temp);
	*w = STATE_WRITER_NONE;
}

/* ---- in place ---- */

static void *at_offset(const struct state_writer *w, uint64_t at)
{
	return (uint8_t *)w->head + at;
}

enum mm_err state_put_status(struct state_writer *w, uint32_t list,
			     uint32_t idx, unsigned value)
{
	const struct state_list *l = state_find(w->head, list);
	if (l == NULL || idx >= l->size)
		return MM_ERR_NOT_FOUND;
	if (idx >= l->held)
		return value == STATUS_VALID ? MM_OK : MM_ERR_TOO_LARGE;
	_Atomic uint8_t *bits = at_offset(w, l->status_at + idx / 4);
	uint8_t byte = atomic_load_explicit(bits, memory_order_relaxed);
	status_set(&byte, idx % 4, value);
	atomic_store_explicit(bits, byte, memory_order_release);
	return MM_OK;
}

enum mm_err state_raise_use(struct state_writer *w, uint32_t list, uint32_t idx,
			    int64_t last_use)
{
	const struct state_list *l = state_find(w->head, list);
	if (l == NULL || idx >= l->size || l->renewals_at == 0 ||
	    last_use > UINT32_MAX)
		return MM_ERR_NOT_FOUND;
	if (last_use <= state_last_use(w->head, l, idx))
		return MM_OK;
	if (idx >= l->held)
		return MM_ERR_TOO_LARGE;
	_Atomic uint32_t *word =
		at_offset(w, l->renewals_at + (uint64_t)idx * 4);
	atomic_store_explicit(word, (uint32_t)last_use, memory_order_release);
	return MM_OK;
}

void state_put_head(struct state_writer *w, uint64_t seq, int64_t fresh_at)
{
	atomic_store_explicit(&w->head->seq, seq, memory_order_release);
	atomic_store_explicit(&w->head->fresh_at, fresh_at,
			      memory_order_release);
}
