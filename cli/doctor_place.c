/* doctor_place.c - where an agent keeps its state: would its next start refuse
 * that?  The rules are those of verifier/keep_place.c; root is no agent's user
 * but root's own, whose files another cannot write. */
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/doctor_process.h"
#include "common/owner.h"

#define PATH_SIZE (SETTING_SIZE + 16)

static const char *const ends[] = { "", ".lock", ".journal", ".checkpoint",
				    ".pending" };
#define ENDS (sizeof ends / sizeof ends[0])

static bool look_at(const struct doctor *d, const char *end,
		    char path[PATH_SIZE], struct stat *st)
{
	snprintf(path, PATH_SIZE, "%s%s", d->state, end);
	return lstat(path, st) == 0;
}

static bool find_agent(const struct doctor *d, struct holder *out)
{
	char path[PATH_SIZE];
	struct stat st[ENDS];
	size_t n = 0;
	for (size_t i = 0; i < ENDS; i++)
		n += look_at(d, ends[i], path, &st[n]);
	snprintf(path, sizeof path, "%s.lock", d->state);
	return owner_of(path, st, n, out);
}

static void say_owner(const char *path, const struct stat *st,
		      const struct holder *who, json_t *all)
{
	found(all, FOUND_WRONG, "state.owner",
	      "%s is uid %u's, and mintmark-agent uid %u: it would not start "
	      "again",
	      path, (unsigned)st->st_uid, (unsigned)who->uid);
	if (who->sure)
		advise(all,
		       "chown -h %u:%u '%s'; systemctl restart mintmark-agent",
		       (unsigned)who->uid, (unsigned)who->gid, path);
	else
		advise(all,
		       "ls -ln '%s'; ps -C mintmark-agent -o pid,user,args    "
		       "# who is the agent's user? chown it to him, and to "
		       "nobody else",
		       path);
}

static void say_mode(const char *check, const char *path, const struct stat *st,
		     const char *others, json_t *all)
{
	found(all, FOUND_WRONG, check,
	      "%s %s (mode %04o): they decide who gets "
	      "in",
	      others, path, (unsigned)st->st_mode & 07777);
	advise(all, "chmod go-w '%s'; systemctl restart mintmark-agent", path);
}

/* True: it is as it is to be. */
static bool check_file(const char *path, const struct stat *st,
		       const struct holder *who, json_t *all)
{
	bool good = true;
	if (!owner_is_file(st)) {
		found(all, FOUND_WRONG, "state.file",
		      "%s is no file of its own (a link to another, or a "
		      "pipe): mintmark-agent would not start again",
		      path);
		advise(all,
		       "ls -l '%s'    # and take it away; systemctl "
		       "restart mintmark-agent",
		       path);
		return false;
	}
	if (st->st_uid != who->uid) {
		say_owner(path, st, who, all);
		good = false;
	}
	if (owner_is_not_alone(st)) {
		say_mode("state.mode", path, st, "others can write to", all);
		good = false;
	}
	return good;
}

/* Into one as /tmp everybody may put files; else it is the agent's. */
static bool check_folder(const struct doctor *d, const struct holder *who,
			 json_t *all)
{
	char copy[SETTING_SIZE];
	struct stat st;
	bool good = true;
	(void)span_copy(copy, sizeof copy, span_str(d->state));
	const char *folder = dirname(copy);
	if (stat(folder, &st) != 0)
		return true; /* the check of the state says so */
	bool sticky = (st.st_mode & S_ISVTX) != 0;
	bool roots = sticky && owner_is_not_alone(&st) && st.st_uid == 0;
	if (st.st_uid != who->uid && !roots) {
		say_owner(folder, &st, who, all);
		good = false;
	}
	if (owner_is_not_alone(&st) && !sticky) {
		say_mode("state.folder", folder, &st,
			 "others can put another state file into", all);
		good = false;
	}
	return good;
}

void doctor_place(const struct doctor *d, const char *arg, json_t *all)
{
	char path[PATH_SIZE];
	struct stat st;
	struct holder who;
	(void)arg;
	if (!find_agent(d, &who))
		return; /* there is nothing yet, or nothing to be seen */
	bool good = check_folder(d, &who, all);
	for (size_t i = 0; i < ENDS; i++)
		if (look_at(d, ends[i], path, &st))
			good = check_file(path, &st, &who, all) && good;
	if (good)
		found(all, FOUND_OK, "state.owner",
		      "%s and what is beside it are uid %u's, and nobody "
		      "else's to write to",
		      d->state, (unsigned)who.uid);
}
