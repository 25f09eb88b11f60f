/* nth.c - the calls that fail, before those of libc (see nth.h). */
#include "tests/faults/nth.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/opens.h"

static struct nth own;
static struct nth *shared;

/* Works before relocations are done: a sanitizer begins so early. */
static struct nth *control(void)
{
	return shared ? shared : &own;
}

__attribute__((constructor)) static void find_control(void)
{
	const char *path = getenv("MM_NTH");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *at = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		shared = at;
}

SEEN void nth_arm(unsigned kinds, unsigned n, int err, bool ever)
{
	struct nth *nth = control();
	nth->err = (unsigned)err;
	nth->ever = ever;
	nth->left = n;
	nth->hits = 0;
	nth->kinds = kinds;
}

SEEN bool nth_disarm(void)
{
	struct nth *nth = control();
	nth->kinds = 0;
	return nth->hits != 0;
}

static bool fails(unsigned kind)
{
	struct nth *nth = control();
	if ((nth->kinds & kind) == 0)
		return false;
	unsigned left = nth->left;
	while (left != 0 &&
	       !atomic_compare_exchange_weak(&nth->left, &left, left - 1)) {}
	if (left > 1 || (left == 0 && !nth->ever))
		return false;
	nth->hits++;
	errno = (int)nth->err;
	return true;
}

/* ---- the heap ---- */

/* Whoever stands behind us: libc, or a sanitizer.  To look it up may take
 * memory, which then comes from here and is never given back. */
static char early[4096];
static size_t early_used;
static _Thread_local bool looking __attribute__((tls_model("initial-exec")));

static void *early_room(size_t n)
{
	size_t at = (early_used + 15) / 16 * 16;
	if (at + n > sizeof early)
		return NULL;
	early_used = at + n;
	return early + at;
}

#define NEXT(fn, ...)                                                          \
	static __typeof__(fn) *next;                                           \
	if (next == NULL && !looking) {                                        \
		looking = true;                                                \
		*(void **)(&next) = dlsym(RTLD_NEXT, #fn);                     \
		looking = false;                                               \
	}                                                                      \
	if (next == NULL)                                                      \
	return early_room(__VA_ARGS__)

SEEN void *malloc(size_t n)
{
	NEXT(malloc, n);
	return fails(NTH_MALLOC) ? NULL : next(n);
}

SEEN void *calloc(size_t n, size_t size)
{
	NEXT(calloc, n * size);
	return fails(NTH_MALLOC) ? NULL : next(n, size);
}

SEEN void *realloc(void *old, size_t n)
{
	NEXT(realloc, n);
	return fails(NTH_MALLOC) ? NULL : next(old, n);
}

SEEN void *reallocarray(void *old, size_t n, size_t size)
{
	NEXT(reallocarray, n * size);
	return fails(NTH_MALLOC) ? NULL : next(old, n, size);
}

SEEN void *aligned_alloc(size_t align, size_t n)
{
	NEXT(aligned_alloc, n);
	return fails(NTH_MALLOC) ? NULL : next(align, n);
}

/* ---- the kernel ---- */

#define SAY(kind, call) return fails(kind) ? -1 : (call)

SEEN void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	if (fails(NTH_MAP))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from);
}

SEEN ssize_t write(int fd, const void *from, size_t n)
{
	/* to a disk: sockets are not full, and what is said must get out */
	struct stat st;
	bool disk = fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	SAY(disk ? NTH_WRITE : 0, syscall(SYS_write, fd, from, n));
}

SEEN ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	SAY(NTH_WRITE, syscall(SYS_pwrite64, fd, from, n, at));
}

SEEN ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	SAY(NTH_WRITE, syscall(SYS_pwrite64, fd, from, n, at));
}

SEEN ssize_t pwritev(int fd, const struct iovec *from, int n, off_t at)
{
	SAY(NTH_WRITE, syscall(SYS_pwritev, fd, from, n, at, 0));
}

SEEN int ftruncate(int fd, off_t to)
{
	SAY(NTH_WRITE, (int)syscall(SYS_ftruncate, fd, to));
}

SEEN int ftruncate64(int fd, off64_t to)
{
	SAY(NTH_WRITE, (int)syscall(SYS_ftruncate, fd, to));
}

/* It says its error itself, and leaves errno alone. */
SEEN int posix_fallocate(int fd, off_t at, off_t n)
{
	int before = errno;
	bool failed =
		fails(NTH_WRITE) || syscall(SYS_fallocate, fd, 0, at, n) != 0;
	int e = failed ? errno : 0;
	errno = before;
	return e;
}

/* The power does not fail here: one that does not fail may do nothing. */
SEEN int fsync(int fd)
{
	(void)fd;
	SAY(NTH_SYNC, 0);
}

SEEN int fdatasync(int fd)
{
	(void)fd;
	SAY(NTH_SYNC, 0);
}

SEEN int rename(const char *from, const char *to)
{
	SAY(NTH_RENAME, (int)syscall(SYS_rename, from, to));
}

SEEN int renameat(int a, const char *from, int b, const char *to)
{
	SAY(NTH_RENAME, (int)syscall(SYS_renameat, a, from, b, to));
}

SEEN int unlink(const char *path)
{
	SAY(NTH_RENAME, (int)syscall(SYS_unlink, path));
}

SEEN int unlinkat(int at, const char *path, int flags)
{
	SAY(NTH_RENAME, (int)syscall(SYS_unlinkat, at, path, flags));
}

SEEN int mkdir(const char *path, mode_t mode)
{
	SAY(NTH_RENAME, (int)syscall(SYS_mkdir, path, mode));
}

SEEN int mkdirat(int at, const char *path, mode_t mode)
{
	SAY(NTH_RENAME, (int)syscall(SYS_mkdirat, at, path, mode));
}

static int open_as(int at, const char *path, int flags, mode_t mode)
{
	SAY(flags & O_CREAT ? NTH_OPEN : 0,
	    (int)syscall(SYS_openat, at, path, flags, mode));
}

/* libc makes the file by itself: there is nothing to call but that. */
SEEN int mkostemp(char *path, int flags)
{
	static int (*next)(char *, int);
	if (next == NULL)
		*(void **)(&next) = dlsym(RTLD_NEXT, "mkostemp");
	SAY(NTH_OPEN, next(path, flags));
}

SEEN ssize_t getrandom(void *to, size_t n, unsigned flags)
{
	SAY(NTH_RANDOM, syscall(SYS_getrandom, to, n, flags));
}

SEEN int getentropy(void *to, size_t n)
{
	SAY(NTH_RANDOM,
	    syscall(SYS_getrandom, to, n, 0) == (ssize_t)n ? 0 : -1);
}
