/* process.c - starting and ending other processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/system.h"

/* tests/bench/bench lies in the build folder, and so do the others of ours. */
static enum mm_err find_program(const char *name, char *out, size_t size)
{
	char self[PATH_MAX] = "";
	bool whole = name[0] == '/';
	const char *build = whole ? "" : getenv("MM_BUILD");
	if (build == NULL) {
		ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
		for (int up = 0; n > 0 && up < 3; up++)
			*strrchr(self, '/') = '\0';
		build = self;
	}
	int n = snprintf(out, size, "%s/%s", build, name + whole);
	return n > 0 && (size_t)n < size && access(out, X_OK) == 0
		       ? MM_OK
		       : MM_ERR_NOT_FOUND;
}

/* The signal for the parent's end is for the end of the thread that forked:
 * fork in the first thread alone. */
static pid_t fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, (long)SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

static _Noreturn void become(const char *path, const char *const *argv,
			     const char *log)
{
	union {
		const char *const *in;
		char *const *out; /* execv() changes nothing */
	} args = { .in = argv };
	int null = open("/dev/null", O_RDONLY);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null >= 0 && fd >= 0 && dup2(null, 0) >= 0 && dup2(fd, 1) >= 0 &&
	    dup2(fd, 2) >= 0)
		execv(path, args.out);
	_exit(127);
}

enum mm_err process_start(pid_t *pid, const char *const *argv, const char *log,
			  struct why *why)
{
	char path[PATH_MAX];
	if (find_program(argv[0], path, sizeof path) != MM_OK)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "no %s: build it, or say in MM_BUILD where",
			       path);
	*pid = fork_bound();
	if (*pid == 0)
		become(path, argv, log);
	return *pid > 0 ? MM_OK : MM_ERR_NOMEM;
}

enum mm_err process_fork(pid_t *pid, void (*body)(void *ctx), void *ctx)
{
	*pid = fork_bound();
	if (*pid == 0) {
		body(ctx);
		_exit(0);
	}
	return *pid > 0 ? MM_OK : MM_ERR_NOMEM;
}

void process_kill(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}

bool process_alive(pid_t pid)
{
	siginfo_t info = { 0 };
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
		       0 &&
	       info.si_pid == 0;
}
