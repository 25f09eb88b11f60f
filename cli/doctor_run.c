/* doctor_run.c - the checks, each in a process of its own with a limit.
 *
 * The child hands what it found through a pipe, as JSON.  One that has not
 * said anything in time is killed, and not waited for: it may stand in a
 * system call that nothing ends (a disk that is away).
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/output.h"
#include "common/clock.h"
#include "common/health_checks.h"

#define FOUND_MAX (1u << 20) /* bytes that one check may say */
#define HEAR_MS	  100	     /* to read what has been said in time */

/* ---- findings ---- */

static const char *const state_word[FOUND_KINDS] = {
	[FOUND_OK] = "ok",
	[FOUND_NOTE] = "note",
	[FOUND_WRONG] = "wrong",
};

MM_PRINTF(1, 0)
static json_t *text_of(const char *fmt, va_list ap)
{
	char text[1024];
	vsnprintf(text, sizeof text, fmt, ap);
	json_t *out = json_string(text);
	return out ? out : json_string("(not in UTF-8)");
}

void found(json_t *all, enum found what, const char *check, const char *fmt,
	   ...)
{
	va_list ap;
	va_start(ap, fmt);
	json_array_append_new(all,
			      json_pack("{s:s, s:s, s:o, s:n}", "check", check,
					"state", state_word[what], "detail",
					text_of(fmt, ap), "next"));
	va_end(ap);
}

void advise(json_t *all, const char *fmt, ...)
{
	va_list ap;
	json_t *last = json_array_get(all, json_array_size(all) - 1);
	if (strcmp(json_text(last, "state", ""), state_word[FOUND_OK]) == 0)
		return;
	va_start(ap, fmt);
	json_object_set_new(last, "next", text_of(fmt, ap));
	va_end(ap);
}

/* ---- what others say of themselves ---- */

/* clang-format off */
#define X(name, word, advice) { word, advice },
const struct known_check doctor_mint_checks[] = {
	MINT_CHECKS(X)
	MINT_CHECKS_SHARED(X)
	{ NULL, NULL },
};
const struct known_check doctor_agent_checks[] = {
	AGENT_CHECKS(X)
	{ NULL, NULL },
};
#undef X
/* clang-format on */

/* Of two with that name the one in whose words it says what to do, else the
 * first. */
static const struct known_check *known(const struct asked *of, const char *name,
				       const char *says)
{
	const struct known_check *first = NULL;
	for (const struct known_check *c = of->checks; c->name != NULL; c++) {
		if (strcmp(c->name, name) != 0)
			continue;
		if (strcmp(c->advice, says) == 0)
			return c;
		if (first == NULL)
			first = c;
	}
	return first;
}

static void say_failing(const struct asked *of, const struct known_check *check,
			json_t *all)
{
	char full[64];
	snprintf(full, sizeof full, "%s.%s", of->prefix, check->name);
	found(all, FOUND_WRONG, full, "%s says: %s is failing", of->who,
	      check->name);
	advise(all, "%s", check->advice);
}

size_t found_failing(json_t *all, const json_t *said, const struct asked *of)
{
	const char *name;
	json_t *check;
	size_t failing = 0, unknown = 0;
	json_object_foreach(json_object_get(said, "checks"), name, check)
	{
		const struct known_check *ours =
			known(of, name, json_text(check, "do", ""));
		if (strcmp(json_text(check, "status", ""), "ok") == 0)
			continue;
		failing++;
		unknown += ours == NULL;
		if (ours != NULL)
			say_failing(of, ours, all);
	}
	if (unknown == 0)
		return failing;
	found(all, FOUND_WRONG, of->prefix,
	      "%s says that %zu checks are failing which this program does not "
	      "know",
	      of->who, unknown);
	advise(all, "%s", of->next);
	return failing;
}

/* ---- the child ---- */

_Noreturn static void look(const struct doctor *d, const struct doctor_job *job,
			   int fd)
{
	json_t *all = json_array();
	job->look(d, job->arg, all);
	int rc = json_dumpfd(all, fd, JSON_COMPACT);
	json_decref(all);
	close(fd);
	exit(rc == 0 ? 0 : 1);
}

struct running {
	pid_t pid; /* -1: could not be started */
	int fd;
};

static struct running start(const struct doctor *d,
			    const struct doctor_job *job)
{
	int fd[2];
	if (pipe(fd) != 0)
		return (struct running){ -1, -1 };
	pid_t pid = fork();
	if (pid == 0) {
		close(fd[0]);
		look(d, job, fd[1]);
	}
	close(fd[1]);
	return (struct running){ pid, fd[0] };
}

/* ---- what it says ---- */

bool doctor_hear(int fd, int64_t until, struct buf *out)
{
	for (;;) {
		int64_t left = until - clock_ms();
		left = left > HEAR_MS ? left : HEAR_MS;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, (int)left) != 1)
			return false;
		uint8_t *to = buf_room(out, 4096);
		ssize_t n = to ? read(fd, to, 4096) : -1;
		if (n <= 0)
			return n == 0;
		buf_grew(out, (size_t)n);
	}
}

/* ---- other programs ---- */

/* What is set for who asks is not for the daemon. */
static void forget_settings(void)
{
	static const char prefix[] = "MINTMARK_";
	for (char **e = environ; *e != NULL;) {
		char name[256];
		size_t n = strcspn(*e, "=");
		if (strncmp(*e, prefix, strlen(prefix)) != 0 ||
		    !span_copy(name, sizeof name, span_of(*e, n)) ||
		    unsetenv(name) != 0)
			e++; /* else it has moved up */
	}
}

_Noreturn static void run_tool(char *const argv[], int fd)
{
	char path[64];
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	forget_settings();
	execvp(argv[0], argv);
	snprintf(path, sizeof path, "/usr/local/sbin/%s", argv[0]);
	execv(path, argv);
	_exit(DOCTOR_NO_TOOL);
}

int doctor_ask_tool(char *const argv[], int64_t ms, struct buf *said)
{
	int fd[2], status = 0;
	if (pipe2(fd, O_CLOEXEC) != 0)
		return DOCTOR_NO_TOOL;
	pid_t pid = fork();
	if (pid == 0)
		run_tool(argv, fd[1]);
	close(fd[1]);
	bool ended = pid > 0 && doctor_hear(fd[0], clock_ms() + ms, said);
	close(fd[0]);
	if (pid < 0)
		return DOCTOR_NO_TOOL;
	if (!ended)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- and what comes of a check ---- */

static void say_cut_off(const struct doctor_job *job, int64_t limit,
			json_t *all)
{
	found(all, FOUND_WRONG, job->name,
	      "no answer within %lld s: what it looks at hangs",
	      (long long)(limit + 999) / 1000);
	advise(all, "dmesg | tail -20    # a disk or a key's token that is "
		    "away?");
}

static void say_broken(const struct doctor_job *job, json_t *all)
{
	found(all, FOUND_WRONG, job->name, "the check broke off");
	advise(all, "run it again; if it stays so, it is a mistake of "
		    "mintmark doctor");
}

static void finish(const struct doctor_job *job, const struct running *r,
		   int64_t until, int64_t limit, json_t *all)
{
	AUTO_BUF struct buf text = buf_new(FOUND_MAX);
	struct span said;
	if (r->fd < 0 || r->pid < 0) {
		say_broken(job, all);
		return;
	}
	bool heard = doctor_hear(r->fd, until, &text);
	close(r->fd);
	if (!heard) {
		kill(r->pid, SIGKILL);
		say_cut_off(job, limit, all);
		return;
	}
	waitpid(r->pid, NULL, 0);
	AUTO_JSON json_t *of =
		buf_done(&text, &said) == MM_OK
			? json_loadb((const char *)said.at, said.len, 0, NULL)
			: NULL;
	if (of == NULL || json_array_extend(all, of) != 0)
		say_broken(job, all);
}

void doctor_run(const struct doctor *d, const struct doctor_job *jobs, size_t n,
		int64_t limit, json_t *all)
{
	struct running running[DOCTOR_JOBS];
	int64_t until = clock_ms() + limit;
	MM_ASSERT(n <= DOCTOR_JOBS);
	fflush(NULL); /* or each child writes it again */
	for (size_t i = 0; i < n; i++)
		running[i] = start(d, &jobs[i]);
	for (size_t i = 0; i < n; i++)
		finish(&jobs[i], &running[i], until, limit, all);
}
