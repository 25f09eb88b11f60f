/* hook.c - a program of the administrator's, run for one line of text. */
#include "issuer/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/owner.h"

#define LOOK_MS	  64	      /* at least so often; sooner at first */
#define LINE_MOST (32 * 1024) /* an empty pipe takes 64: nobody waits */

/* ---- whose it is ---- */

/* The program, and each folder above it: who can write to one of them says
 * what is run. */
static enum mm_err check_way(const char *path, struct why *why)
{
	char way[PATH_MAX];
	struct stat st;
	if (!span_copy(way, sizeof way, span_str(path)))
		return MM_ERR_INVALID;
	for (size_t end = strlen(way); end > 0; end--) {
		if (way[end] != '/' && way[end] != '\0')
			continue;
		way[end] = '\0';
		if (stat(way, &st) != 0 ||
		    owner_check_way(&st, geteuid(), way, NULL) != MM_OK)
			return why_say(why, MM_ERR_INVALID, "warn_command",
				       "warn_command: others can change what "
				       "is run, for %.120s is theirs or can "
				       "be written by them: chown it to root, "
				       "chmod go-w it",
				       way);
	}
	return MM_OK;
}

/* As it is written, and where its symbolic links lead. */
static enum mm_err check_owners(const char *path, struct why *why)
{
	char *real = realpath(path, NULL);
	enum mm_err e = real ? check_way(path, why) : MM_ERR_INVALID;
	if (e == MM_OK)
		e = check_way(real, why);
	free(real);
	return e;
}

enum mm_err hook_check(const char *path, struct why *why)
{
	struct stat st;
	if (path[0] != '/')
		return why_say(why, MM_ERR_INVALID, "warn_command",
			       "warn_command is the whole path of a program, "
			       "without arguments");
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
	    access(path, X_OK) != 0)
		return why_say(why, MM_ERR_INVALID, "warn_command",
			       "warn_command %s is no program that can be run",
			       path);
	return check_owners(path, why);
}

/* ---- starting ---- */

/* The line, to be read from *fd. */
static enum mm_err pipe_with(struct span line, int *fd)
{
	int ends[2];
	if (line.len > LINE_MOST)
		return MM_ERR_TOO_LARGE;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return MM_ERR_UNAVAILABLE;
	bool written = file_write_all(ends[1], line);
	close(ends[1]);
	*fd = ends[0];
	if (written)
		return MM_OK;
	close(ends[0]);
	return MM_ERR_UNAVAILABLE;
}

/* We have blocked signals, and ignore one. */
static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, standard;
	sigemptyset(&none);
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &standard);
	posix_spawnattr_setpgroup(attr, 0);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
}

static int set_files(posix_spawn_file_actions_t *files, int in)
{
	int e = posix_spawn_file_actions_adddup2(files, in, STDIN_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_addopen(files, STDOUT_FILENO,
						     "/dev/null", O_WRONLY, 0);
	if (e == 0)
		e = posix_spawn_file_actions_addclosefrom_np(files, 3);
	return e;
}

static int spawn(const char *path, int in, pid_t *pid)
{
	char name[4096], *argv[] = { name, NULL };
	char way[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		     "/sbin:/bin";
	char *env[] = { way, NULL };
	posix_spawnattr_t attr;
	posix_spawn_file_actions_t files;
	if (!span_copy(name, sizeof name, span_str(path)))
		return ENAMETOOLONG;
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&files);
	int e = set_attributes(&attr);
	if (e == 0)
		e = set_files(&files, in);
	if (e == 0)
		e = posix_spawn(pid, path, &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return e;
}

/* ---- waiting ---- */

static enum mm_err judge(int status, struct why *why)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return MM_OK;
	if (WIFEXITED(status))
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "the command ended with %d",
			       WEXITSTATUS(status));
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "the command was ended by signal %d", WTERMSIG(status));
}

static enum mm_err kill_group(pid_t pid, const char *because, struct why *why)
{
	int status;
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "the command was killed: %s", because);
}

enum mm_err hook_run(const char *path, struct span line,
		     bool (*stopped)(void *ctx, int64_t ms), void *ctx,
		     struct why *why)
{
	int in, status;
	pid_t pid, ended;
	int64_t end = clock_ms() + HOOK_SECONDS * 1000, pause = 1;
	TRY(pipe_with(line, &in));
	int e = spawn(path, in, &pid);
	close(in);
	if (e != 0)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "the command cannot be run: %s", strerror(e));
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
		if (clock_ms() >= end)
			return kill_group(pid, "its time is over", why);
		if (stopped(ctx, pause))
			return kill_group(pid, "mintmarkd stops", why);
		pause = pause < LOOK_MS ? 2 * pause : LOOK_MS;
	}
	return ended == pid ? judge(status, why) : MM_ERR_UNAVAILABLE;
}
