/* doctor_host.c - what a host verifies by: the state file, and whether its
 * agent is alive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/doctor_process.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/state_magic.h"
#include "mintmark/verify.h"

static const char restart[] = "systemctl restart mintmark-agent; journalctl -u "
			      "mintmark-agent -n 50";

/* ---- the state file ---- */

static void say_news(const struct doctor *d, const struct mm_state *s,
		     bool stale, json_t *all)
{
	char age[JUDGED_SIZE], max[JUDGED_SIZE];
	int64_t old = clock_now() - s->heard_at;
	judge_time(age, old);
	judge_time(max, s->max_staleness);
	if (s->heard_at == 0) /* who keeps it has said so */
		found(all, FOUND_WRONG, "state",
		      "%s could not be kept true, or its agent has heard "
		      "nothing for more than %s: every token is refused",
		      d->state, max);
	else if (stale)
		found(all, FOUND_WRONG, "state",
		      "%s is stale: its news are %s old, more than the %s "
		      "allowed, and every token is refused",
		      d->state, age, max);
	else
		found(all, judge_news(old, s->max_staleness), "state",
		      "%s is at event %llu of %s, with news %s old; stale "
		      "after %s",
		      d->state, (unsigned long long)s->sequence, s->issuer, age,
		      max);
	advise(all, "journalctl -u mintmark-agent -n 50    # state.behind, "
		    "feed.unreachable, feed.refused say why");
	if (s->superseded) {
		found(all, FOUND_WRONG, "state.superseded",
		      "the agent began to put another file in its place, and "
		      "did not come so far");
		advise(all, "%s", restart);
	}
}

/* The next state file is written beside this one. */
static void check_room(const struct doctor *d, json_t *all)
{
	struct stat st;
	struct statvfs fs;
	char room[JUDGED_SIZE], size[JUDGED_SIZE];
	if (stat(d->state, &st) != 0 || statvfs(d->state, &fs) != 0)
		return;
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
	judge_bytes(room, left);
	judge_bytes(size, (uint64_t)st.st_size);
	found(all, judge_spare(left, (uint64_t)st.st_size), "state.room",
	      "%s has %s, and its disk %s left", d->state, size, room);
	advise(all,
	       "df -h '%s'    # make room: a change of keys or lists takes a "
	       "new file, and without it every token is refused",
	       d->state);
	if (fs.f_favail == 0 && fs.f_files != 0) {
		found(all, FOUND_WRONG, "state.inodes",
		      "no more files can be made on the disk of %s", d->state);
		advise(all, "df -i '%s'", d->state);
	}
}

/* Its agent would begin anew with what is empty, or was begun by one. */
static bool agent_replaces(const char *path)
{
	char magic[sizeof STATE_MAGIC] = "";
	struct stat st;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
					    O_NOCTTY | O_NOFOLLOW);
	if (fd < 0)
		return errno != ELOOP;
	ssize_t n = pread(fd, magic, sizeof magic, 0);
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (n == 0 || memcmp(magic, STATE_MAGIC, sizeof magic) == 0);
}

/* What lies beside it only an agent makes, of a state file. */
static void say_no_state(const struct doctor *d, const char *why, json_t *all)
{
	char beside[SETTING_SIZE + 8];
	snprintf(beside, sizeof beside, "%s.lock", d->state);
	found(all, FOUND_WRONG, "state", "%s", why);
	if (agent_replaces(d->state))
		advise(all, "%s", restart);
	else if (access(beside, F_OK) == 0)
		advise(all,
		       "rm '%s'; systemctl restart mintmark-agent    # which "
		       "does not overwrite what it does not know; it is made "
		       "anew from what is kept beside it",
		       d->state);
	else
		advise(all,
		       "ls -l '%s'    # whose is it? An agent does not "
		       "overwrite it: say another state = in agent.conf",
		       d->state);
}

void doctor_state(const struct doctor *d, const char *arg, json_t *all)
{
	char why[320] = "";
	struct mm_state s;
	struct mm_verifier *v = NULL;
	struct mm_options opt = { .state = d->state,
				  .flags = MM_NO_USE | MM_NO_CACHE,
				  .why = why,
				  .why_size = sizeof why };
	(void)arg;
	if (mm_open(&opt, &v) != MM_OK) {
		say_no_state(d, why, all);
		return;
	}
	bool stale = mm_state(v, &s) == MM_ERR_STALE;
	mm_close(v);
	say_news(d, &s, stale, all);
	check_room(d, all);
}

/* ---- the agent ---- */

static const char *use_socket(const struct doctor *d,
			      char path[SETTING_SIZE + 8])
{
	snprintf(path, SETTING_SIZE + 8, "%s.sock", d->state);
	return path;
}

/* A datagram socket can be connected to while somebody has it bound; nothing
 * is sent.  0, or errno. */
static int try_socket(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!span_copy(to.sun_path, sizeof to.sun_path, span_str(path)))
		return ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	int e = connect(fd, (const struct sockaddr *)&to, sizeof to) == 0
			? 0
			: errno;
	close(fd);
	return e;
}

static bool lock_is_held(const struct doctor *d)
{
	char path[SETTING_SIZE + 8];
	struct holder agent;
	snprintf(path, sizeof path, "%s.lock", d->state);
	return holder_of(path, &agent);
}

static void say_socket(const char *path, json_t *all)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return;
	if (!S_ISSOCK(st.st_mode)) {
		found(all, FOUND_WRONG, "agent.file",
		      "%s is a link, and no agent makes one: whose socket it "
		      "leads to was not looked at",
		      path);
		advise(all, "ls -l '%s'; %s", path, restart);
		return;
	}
	found(all, FOUND_OK, "agent",
	      "an agent runs and hears of uses at %s, of uid %u and the group "
	      "%u (mode %04o)",
	      path, (unsigned)st.st_uid, (unsigned)st.st_gid,
	      (unsigned)st.st_mode & 07777);
	if ((st.st_mode & S_IWGRP) != 0)
		return;
	found(all, FOUND_WRONG, "agent.mode",
	      "services in the group %u may not say at %s what they saw (mode "
	      "%04o): their uses do not count",
	      (unsigned)st.st_gid, path, (unsigned)st.st_mode & 07777);
	advise(all, "chmod 660 '%s'    # as mintmark-agent makes it", path);
}

/* Without its lock's file one that runs is not to be told from none; and a
 * start does nothing for that one. */
static void say_nobody(const char *path, int e, json_t *all)
{
	found(all, FOUND_WRONG, "agent",
	      "no mintmark-agent is to be found at %s (%s): uses do not count, "
	      "and this host hears of no revocation, unless there is one whose "
	      "files were removed while it runs",
	      path, strerror(e));
	advise(all, "%s", restart);
}

void doctor_agent(const struct doctor *d, const char *arg, json_t *all)
{
	char path[SETTING_SIZE + 8];
	(void)arg;
	int e = try_socket(use_socket(d, path));
	if (e == 0) {
		say_socket(path, all);
		return;
	}
	if (e == EACCES) {
		found(all, FOUND_WRONG, "agent",
		      "you may not write to %s: run this as root; a service "
		      "that may not either has its uses not counted",
		      path);
		advise(all, "sudo mintmark doctor; usermod -aG mintmark-agent "
			    "USER, and restart that service");
		return;
	}
	if (lock_is_held(d)) {
		found(all, FOUND_WRONG, "agent",
		      "mintmark-agent runs, and nobody hears of uses at %s "
		      "(%s): they do not count",
		      path, strerror(e));
		advise(all, "%s", restart);
		return;
	}
	say_nobody(path, e, all);
}

/* ---- its door, and metrics ---- */

static bool ask_agent(const char *listen, const char *path, const char *check,
		      struct probe *p, json_t *all)
{
	struct why why = { .text = "" };
	char url[JUDGED_URL];
	p->socket = judge_listen(listen, path, url);
	p->url = url;
	enum mm_err e = probe_run(p, &why);
	p->url = path;
	if (e == MM_OK)
		return true;
	found(all, FOUND_WRONG, check, "the agent's listener: %s", why.text);
	advise(all, "%s", restart);
	return false;
}

/* Its door, or its feed. */
static void say_door(const char *check, const char *listen, struct probe *p,
		     json_t *all)
{
	struct span text;
	AUTO_JSON json_t *said =
		buf_done(&p->body, &text) == MM_OK
			? json_loadb((const char *)text.at, text.len, 0, NULL)
			: NULL;
	if (found_failing(all, said,
			  &(struct asked){ check, "the agent", restart,
					   doctor_agent_checks }))
		return;
	if (p->status == 200) {
		found(all, FOUND_OK, check, "%s are answered at %s, in %lld ms",
		      strcmp(check, "door") == 0 ? "proxies" : "agents", listen,
		      (long long)p->took);
		return;
	}
	found(all, FOUND_WRONG, check,
	      "%s answers %ld, and not as an agent: who listens there?", listen,
	      p->status);
	advise(all, "ss -tlnp    # and then: %s", restart);
}

/* Anybody may listen where no agent does: what he says is not asked for. */
static bool agent_is_gone(const struct doctor *d)
{
	char path[SETTING_SIZE + 8];
	int e = try_socket(use_socket(d, path));
	return e == ECONNREFUSED || (e == ENOENT && !lock_is_held(d));
}

/* With a certificate for another name than this host has for itself. */
static void look_at_feed(const struct doctor *d, json_t *all)
{
	bool tls = d->tls_cert[0] != '\0';
	AUTO_PROBE struct probe feed = { .connect_only = tls };
	if (!ask_agent(d->serve_feed, "/health/ready", "serve_feed", &feed,
		       all))
		return;
	if (tls)
		found(all, FOUND_OK, "serve_feed",
		      "somebody listens at %s, for agents", d->serve_feed);
	else
		say_door("serve_feed", d->serve_feed, &feed, all);
}

void doctor_door(const struct doctor *d, const char *arg, json_t *all)
{
	AUTO_PROBE struct probe door = { .url = NULL };
	AUTO_PROBE struct probe metrics = { .url = NULL };
	(void)arg;
	if (agent_is_gone(d))
		return; /* said by its own check */
	if (d->listen[0] != '\0' &&
	    ask_agent(d->listen, "/health/ready", "door", &door, all))
		say_door("door", d->listen, &door, all);
	if (d->serve_feed[0] != '\0')
		look_at_feed(d, all);
	if (d->metrics[0] == '\0' ||
	    !ask_agent(d->metrics, "/metrics", "metrics", &metrics, all))
		return;
	found(all, metrics.status == 200 ? FOUND_OK : FOUND_WRONG, "metrics",
	      "%s answers %ld", d->metrics, metrics.status);
	advise(all, "curl -i 'http://%s/metrics'", d->metrics);
}
