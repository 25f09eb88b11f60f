/* state_write.c - make a state file, put it in place, and change it there.
 *
 * One process writes (it holds the lock file), and inside it one thread at a
 * time.  Nothing is synced to the disk: the file is never resumed from. */
#include "verifier/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

static uint64_t in_pages(uint64_t n)
{
	return (n + STATE_PAGE - 1) / STATE_PAGE * STATE_PAGE;
}

static enum mm_err write_failed(const char *path, struct why *why)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return why_say(why, full ? MM_ERR_FULL : MM_ERR_IO, NULL,
		       "cannot write %s: %s", path, strerror(errno));
}

/* ---- the header and the directory ---- */

static enum mm_err fill_keys(const struct replica *r, struct state_key *rows)
{
	for (size_t i = 0; i < r->keys.count; i++) {
		AUTO_BUF struct buf text = buf_new(JWK_TEXT_MAX - 1);
		struct span jwk;
		TRY(jwk_to_json(r->keys.key[i], &text));
		TRY(buf_done(&text, &jwk));
		(void)span_copy(rows[i].kid, sizeof rows[i].kid,
				span_str(jwk_kid(r->keys.key[i])));
		(void)span_copy(rows[i].jwk, sizeof rows[i].jwk, jwk);
	}
	return MM_OK;
}

/* Give each list its rows behind `end`; returns the new end. */
static uint64_t fill_lists(const struct replica *r, struct state_list *rows,
			   uint64_t end)
{
	for (size_t i = 0; i < r->list_count; i++) {
		const struct list *l = &r->lists[i];
		rows[i] = (struct state_list){ .list = l->list,
					       .kind = l->kind,
					       .size = l->size,
					       .expires = l->expires,
					       .status_at = end };
		end += in_pages(l->size / 4);
		if (l->last_use == NULL)
			continue;
		rows[i].renewals_at = end;
		end += in_pages((uint64_t)l->size * 4);
	}
	return end;
}

static void free_at(struct state_header **h)
{
	free(*h);
}
#define AUTO_HEAD __attribute__((cleanup(free_at)))

/* The first head_size bytes, ready to be written. */
static enum mm_err make_head(const struct replica *r, int64_t max_staleness,
			     struct state_header **out)
{
	size_t keys_at = sizeof(struct state_header);
	size_t lists_at = keys_at + r->keys.count * sizeof(struct state_key);
	size_t size =
		in_pages(lists_at + r->list_count * sizeof(struct state_list));
	if (r->list_count > STATE_LIST_MAX)
		return MM_ERR_TOO_LARGE;
	AUTO_HEAD struct state_header *h = calloc(1, size);
	if (h == NULL)
		return MM_ERR_NOMEM;

	memcpy(h->magic, STATE_MAGIC, sizeof h->magic);
	h->version = STATE_VERSION;
	h->head_size = (uint32_t)size;
	h->max_staleness = max_staleness;
	h->key_count = (uint32_t)r->keys.count;
	h->list_count = (uint32_t)r->list_count;
	h->keys_at = (uint32_t)keys_at;
	h->lists_at = (uint32_t)lists_at;
	memcpy(h->iss, r->iss, sizeof r->iss);
	memcpy(h->epoch, r->epoch, sizeof r->epoch);
	atomic_init(&h->seq, r->seq);
	atomic_init(&h->fresh_at, 0);

	uint8_t *bytes = (uint8_t *)h;
	void *keys = bytes + keys_at, *lists = bytes + lists_at;
	TRY(fill_keys(r, keys));
	h->file_size = fill_lists(r, lists, size);
	TRY(state_checksum(h, size, h->checksum));
	*out = h;
	h = NULL;
	return MM_OK;
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

/* Write what is not zero; the rest stays a hole. */
static bool write_sparse(int fd, const void *from, size_t n, uint64_t at)
{
	static const uint8_t zeros[STATE_PAGE];
	const uint8_t *p = from;
	for (size_t i = 0; i < n; i += STATE_PAGE) {
		size_t len = n - i < STATE_PAGE ? n - i : STATE_PAGE;
		if (memcmp(p + i, zeros, len) != 0 &&
		    !write_at(fd, p + i, len, at + i))
			return false;
	}
	return true;
}

static bool write_lists(int fd, const struct state_header *h,
			const struct replica *r)
{
	for (size_t i = 0; i < r->list_count; i++) {
		const struct list *l = &r->lists[i];
		const struct state_list *row =
			(const struct state_list
				 *)(const void *)((const uint8_t *)h +
						  h->lists_at) +
			i;
		if (!write_sparse(fd, l->status, l->size / 4, row->status_at))
			return false;
		if (l->last_use != NULL &&
		    !write_sparse(fd, l->last_use, (size_t)l->size * 4,
				  row->renewals_at))
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

static enum mm_err write_file(struct state_writer *w,
			      const struct state_header *h,
			      const struct replica *r, struct why *why)
{
	w->fd = open_temp(w->temp);
	w->size = h->file_size;
	if (w->fd < 0 || ftruncate(w->fd, (off_t)w->size) != 0 ||
	    !write_at(w->fd, h, h->head_size, 0) || !write_lists(w->fd, h, r))
		return write_failed(w->temp, why);
	void *at = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			w->fd, 0);
	if (at == MAP_FAILED)
		return write_failed(w->temp, why);
	w->head = at;
	return MM_OK;
}

enum mm_err state_create(struct state_writer *w, const char *path,
			 const struct replica *r, int64_t max_staleness,
			 struct why *why)
{
	*w = STATE_WRITER_NONE;
	if (snprintf(w->path, sizeof w->path, "%s", path) >= PATH_MAX - 8)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the state file's path is too long");
	snprintf(w->temp, sizeof w->temp, "%.*s.new", PATH_MAX - 8, path);

	AUTO_HEAD struct state_header *h = NULL;
	enum mm_err e = make_head(r, max_staleness, &h);
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

/* Mark the file at the path: our own last one, or what an earlier agent
 * left. */
static void supersede(const char *path)
{
	struct state_header h;
	uint32_t one = 1;
	int fd = open_written(path, &h);
	if (fd < 0)
		return;
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
	int64_t never = 0;
	int fd = open_written(path, &h);
	if (fd < 0)
		return;
	if (strncmp(h.iss, iss, sizeof h.iss) != 0)
		(void)write_at(fd, &never, sizeof never,
			       offsetof(struct state_header, fresh_at));
	close(fd);
}

bool state_is_there(const struct state_writer *w)
{
	struct stat at_path, ours;
	return w->fd >= 0 && fstat(w->fd, &ours) == 0 &&
	       stat(w->path, &at_path) == 0 && at_path.st_dev == ours.st_dev &&
	       at_path.st_ino == ours.st_ino;
}

enum mm_err state_may_replace(const char *path, struct why *why)
{
	char magic[sizeof STATE_MAGIC] = "";
	struct stat st;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return MM_OK;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_size == 0 ||
	     (pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
	      memcmp(magic, STATE_MAGIC, sizeof magic) == 0)))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "state",
		       "%s is there already and is no state file: it would "
		       "be overwritten; choose another --state",
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

/* A store into a hole of a full disk would be SIGBUS: ask for the block
 * first.  Where the file system cannot say, it is the store's to find out. */
static enum mm_err make_room(const struct state_writer *w, uint64_t at)
{
	uint64_t page = at / STATE_PAGE * STATE_PAGE;
	if (fallocate(w->fd, FALLOC_FL_KEEP_SIZE, (off_t)page, STATE_PAGE) == 0)
		return MM_OK;
	return errno == EOPNOTSUPP || errno == EINTR ? MM_OK : MM_ERR_FULL;
}

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
	uint64_t at = l->status_at + idx / 4;
	TRY(make_room(w, at));
	_Atomic uint8_t *bits = at_offset(w, at);
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
	uint64_t at = l->renewals_at + (uint64_t)idx * 4;
	TRY(make_room(w, at));
	_Atomic uint32_t *word = at_offset(w, at);
	atomic_store_explicit(word, (uint32_t)last_use, memory_order_release);
	return MM_OK;
}

void state_put_head(struct state_writer *w, uint64_t seq, int64_t fresh_at)
{
	atomic_store_explicit(&w->head->seq, seq, memory_order_release);
	atomic_store_explicit(&w->head->fresh_at, fresh_at,
			      memory_order_release);
}
