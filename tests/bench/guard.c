/* guard.c - a process around the benchmark.
 *
 * The benchmark runs in a child of this process, and starts daemons of its
 * own.  However it ends (done, failed, crashed, Ctrl-C), all of them end
 * with it: each asks the kernel to be killed with its parent; and this
 * process, which outlives them, removes their folder. */
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *walk)
{
	(void)st, (void)kind, (void)walk;
	return remove(path);
}

static bool make_folder(struct bench *b)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(b->folder, sizeof b->folder,
			 "%s/mintmark-bench-XXXXXX", tmp ? tmp : "/tmp");
	return n > 0 && (size_t)n < sizeof b->folder &&
	       mkdtemp(b->folder) != NULL;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Until the child has ended; a signal to us ends it. */
static int watch(pid_t child, const sigset_t *set)
{
	int ended_by = 0, status;
	for (;;) {
		int sig = sigwaitinfo(set, NULL);
		if (sig > 0 && sig != SIGCHLD) {
			ended_by = sig;
			kill(child, SIGKILL);
		}
		for (pid_t p; (p = waitpid(-1, &status, WNOHANG)) > 0;)
			if (p == child)
				return ended_by ? 128 + ended_by
						: exit_status(status);
	}
}

int guard_run(struct bench *b, int (*body)(struct bench *b))
{
	sigset_t set, before;
	if (!make_folder(b)) {
		fprintf(stderr, "bench: cannot make a folder: set TMPDIR\n");
		return 1;
	}
	sigemptyset(&set);
	for (size_t i = 0; i < 4; i++)
		sigaddset(&set, (int[]){ SIGCHLD, SIGINT, SIGTERM, SIGHUP }[i]);
	sigprocmask(SIG_BLOCK, &set, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1L);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, (long)SIGKILL);
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(body(b));
	}
	int status = child < 0 ? 1 : watch(child, &set);
	while (wait(NULL) > 0) /* what it left: killed, soon gone */
		;
	nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}
