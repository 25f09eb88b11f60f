/* doctor_folder.c - what lies in a mint's data folder: whose it is, and whether
 * the store is among it.  It is only looked at. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/doctor_process.h"
#include "common/buf.h"
#include "common/history.h"

#define PATH_SIZE 900
#define RULES	  (sizeof rules / sizeof rules[0])

/* ---- whose it is ---- */

/* What it is, and what no others may have: bits of the mode, and how to take
 * them away. */
static const struct rule {
	const char *name; /* in the folder; "": itself */
	mode_t type, others;
	const char *words, *chmod;
} rules[] = {
	{ "", S_IFDIR, 022, "others can write to", "go-w" },
	{ "admin.sock", S_IFSOCK, 007, "anybody may administer through", "o=" },
	{ "mintmark.db", S_IFREG, 077, "others can read", "600" },
	{ "mintmark.db-wal", S_IFREG, 077, "others can read", "600" },
	{ "mintmark.db-shm", S_IFREG, 077, "others can read", "600" },
	{ "newest", S_IFREG, 022, "others can write to", "600" },
	{ "mintmark.db.lock", S_IFREG, 022, "others can write to", "600" },
	{ "keys", S_IFDIR, 077, "others can look into", "700" },
	{ "keys/next", S_IFDIR, 077, "others can look into", "700" },
	{ "keys/active", S_IFDIR, 077, "others can look into", "700" },
	{ "keys/retiring", S_IFDIR, 077, "others can look into", "700" },
};

static const char *path_of(const struct doctor *d, const char *name,
			   char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s%s%s", d->data, name[0] ? "/" : "", name);
	return path;
}

static bool is_link(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* As mintmarkd does: to the folder, and to keys/, there may be a link; below,
 * none is followed. */
static bool look_at(const struct doctor *d, const struct rule *r,
		    char path[PATH_SIZE], struct stat *st)
{
	bool linked = r->name[0] == '\0' || strcmp(r->name, "keys") == 0;
	path_of(d, r->name, path);
	return (linked ? stat(path, st) : lstat(path, st)) == 0;
}

static bool is_of_keys(const struct rule *r)
{
	return strncmp(r->name, "keys", 4) == 0;
}

/* True: something is wrong, and said. */
static bool check_mode(const char *path, const struct stat *st,
		       const struct rule *r, const char *check, json_t *all)
{
	if ((st->st_mode & r->others) == 0)
		return false;
	found(all, FOUND_WRONG, check, "%s %s (mode %04o)",
	      r->others == 077 ? judge_others(st->st_mode, r->words) : r->words,
	      path, (unsigned)st->st_mode & 07777);
	advise(all, "chmod %s '%s'", r->chmod, path);
	return true;
}

/* Who the mint is, which is not who the folder was given to by mistake.  What
 * lies behind a link at keys is no proof: the mint's user leads it where he
 * likes. */
static void find_owner(const struct doctor *d, struct holder *out)
{
	char path[PATH_SIZE];
	struct stat st[RULES];
	size_t n = 0;
	bool linked = is_link(path_of(d, "keys", path));
	for (size_t i = 0; i < RULES; i++)
		if (!linked || !is_of_keys(&rules[i]))
			n += look_at(d, &rules[i], path, &st[n]);
	(void)owner_of(path_of(d, "mintmark.db.lock", path), st, n, out);
}

static bool check_owner(const char *path, const struct stat *st,
			const struct holder *owner, json_t *all)
{
	if (st->st_uid == owner->uid)
		return false;
	found(all, FOUND_WRONG, "folder.owner",
	      owner->seen ? "%s is uid %u's, and mintmarkd runs as uid %u"
			  : "%s is uid %u's, and the most that is here uid "
			    "%u's: mintmarkd was run as somebody else, or it "
			    "was copied",
	      path, (unsigned)st->st_uid, (unsigned)owner->uid);
	if (owner->sure)
		advise(all, "chown -h %u:%u '%s%s'", (unsigned)owner->uid,
		       (unsigned)owner->gid, path, is_link(path) ? "/." : "");
	else
		advise(all,
		       "ls -lan '%s'; ps -C mintmarkd -o pid,user,args    # "
		       "who is mintmarkd's user? chown all of it to him, and "
		       "to nobody else",
		       path);
	return true;
}

/* True: root may be told to change it.  A command for a link, or for a second
 * name of a file, would change another's. */
static bool check_type(const char *path, const struct stat *st,
		       const struct rule *r, json_t *all)
{
	if ((st->st_mode & S_IFMT) == r->type &&
	    (r->type == S_IFDIR || st->st_nlink <= 1))
		return true;
	found(all, FOUND_WRONG, "folder.file",
	      "%s is no %s of its own (a link to another, or something else)",
	      path,
	      r->type == S_IFDIR    ? "folder"
	      : r->type == S_IFSOCK ? "socket"
				    : "file");
	advise(all,
	       "ls -ld '%s'    # who made it? take it away, and put back what "
	       "was there",
	       path);
	return false;
}

static bool leads_away(const struct doctor *d, const struct holder *owner,
		       struct stat *st)
{
	char path[PATH_SIZE];
	path_of(d, "keys", path);
	return is_link(path) && stat(path, st) == 0 && st->st_uid != owner->uid;
}

static void say_away(const struct doctor *d, const struct stat *st,
		     const struct holder *owner, json_t *all)
{
	found(all, FOUND_WRONG, "folder.file",
	      "%s/keys is a link into what is uid %u's, and the mint is uid "
	      "%u: nothing there was looked at",
	      d->data, (unsigned)st->st_uid, (unsigned)owner->uid);
	advise(all,
	       "ls -ld '%s/keys' '%s/keys/.'    # did you make that link? if "
	       "not, take it away",
	       d->data, d->data);
}

static size_t check_rules(const struct doctor *d, const struct holder *owner,
			  json_t *all)
{
	char path[PATH_SIZE];
	struct stat st;
	size_t wrong = 0;
	bool away = leads_away(d, owner, &st);
	if (away)
		say_away(d, &st, owner, all);
	for (size_t i = 0; i < RULES; i++) {
		const struct rule *r = &rules[i];
		if ((away && is_of_keys(r)) || !look_at(d, r, path, &st))
			continue;
		if (!check_type(path, &st, r, all)) {
			wrong++;
			continue;
		}
		wrong += check_mode(path, &st, r, "folder.mode", all);
		wrong += check_owner(path, &st, owner, all);
	}
	return wrong + away;
}

bool doctor_keys_lead_away(const struct doctor *d)
{
	struct stat st;
	struct holder owner;
	find_owner(d, &owner);
	return leads_away(d, &owner, &st);
}

/* ---- is the store among it? ---- */

static bool is_there(const struct doctor *d, const char *name)
{
	char path[PATH_SIZE];
	return access(path_of(d, name, path), F_OK) == 0;
}

static bool has_open(const struct holder *mint, const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && holder_has_file(mint, &st);
}

/* One whose store is in PostgreSQL has no log of it open. */
static bool works_elsewhere(const struct doctor *d, const struct holder *mint)
{
	char whole[PATH_MAX], path[PATH_MAX + 16];
	if (realpath(d->data, whole) == NULL)
		return false;
	snprintf(path, sizeof path, "%s/mintmark.db-", whole);
	if (!holder_has_open(mint, path))
		return false;
	snprintf(path, sizeof path, "%s/mintmark.db", whole);
	if (!has_open(mint, path))
		return true;
	snprintf(path, sizeof path, "%s/mintmark.db-wal", whole);
	return !has_open(mint, path);
}

static bool mint_of(const struct doctor *d, struct holder *mint)
{
	char lock[PATH_SIZE];
	return holder_of(path_of(d, "mintmark.db.lock", lock), mint);
}

bool doctor_store_moved(const struct doctor *d)
{
	struct holder mint;
	return mint_of(d, &mint) && works_elsewhere(d, &mint);
}

static bool check_running(const struct doctor *d, const struct holder *mint,
			  json_t *all)
{
	if (!works_elsewhere(d, mint))
		return false;
	found(all, FOUND_WRONG, "folder.store",
	      "mintmarkd (pid %ld) works on a mintmark.db, or on a log of it, "
	      "that is not in %s any more: it keeps nothing, as that would be "
	      "lost when it stops",
	      (long)mint->pid, d->data);
	advise(all,
	       "was it moved? move it back now, and it goes on; was it removed "
	       "or replaced? nothing is lost until it stops: ls -l "
	       "/proc/%ld/fd, cp what is (deleted) of mintmark.db and "
	       "mintmark.db-wal there, systemctl stop mintmarkd, move "
	       "mintmark.db* aside, put these two in their place (or a backup "
	       "alone, and start once with --restored)",
	       (long)mint->pid);
	return true;
}

/* The name that the keys have signed for, or "". */
static void read_use(const struct doctor *d, char iss[SETTING_SIZE])
{
	char path[PATH_SIZE];
	AUTO_BUF struct buf text = buf_new(SETTING_SIZE - 1);
	struct span said;
	iss[0] = '\0';
	if (buf_read_others_file(&text, path_of(d, "keys/.in-use", path), false,
				 NULL) == MM_OK &&
	    buf_done(&text, &said) == MM_OK)
		(void)span_copy(iss, SETTING_SIZE, said);
}

/* mintmarkd begins with neither half alone: a disk that is not there, or half
 * of a backup. */
static bool check_stopped(const struct doctor *d, json_t *all)
{
	char iss[SETTING_SIZE];
	read_use(d, iss);
	if (iss[0] == '\0' && !is_there(d, "newest") &&
	    !is_there(d, "mintmark.db-wal"))
		return false; /* of a mint that has not begun */
	found(all, FOUND_WRONG, "folder.store",
	      "mintmarkd does not run, so that its --store is not known, and "
	      "%s says none: without one it does not start, for the %s here "
	      "%s%s, and %s/mintmark.db is not there",
	      d->mint_config, iss[0] ? "keys" : "files",
	      iss[0] ? "have signed for " : "are a mint's", iss, d->data);
	advise(all,
	       "systemctl cat mintmarkd    # has it a --store? Then that is to "
	       "be in %s, as store = postgresql://..., for doctor to know (or "
	       "say --mint-config FILE); if it has none: bring mintmark.db "
	       "back; without a copy: mintmarkd --restored, and all tokens so "
	       "far are refused",
	       d->mint_config);
	return true;
}

static bool check_store(const struct doctor *d, json_t *all)
{
	struct holder mint;
	if (d->elsewhere)
		return false;
	if (mint_of(d, &mint))
		return check_running(d, &mint, all);
	return !is_there(d, "mintmark.db") && check_stopped(d, all);
}

/* What is no file the rules have said. */
static bool check_newest(const struct doctor *d, json_t *all)
{
	char path[PATH_SIZE];
	AUTO_BUF struct buf text = buf_new(NEWEST_LINE_MAX);
	struct span said = span_str("");
	struct newest n;
	enum mm_err e = buf_read_others_file(&text, path_of(d, "newest", path),
					     false, NULL);
	if (e == MM_OK)
		e = buf_done(&text, &said);
	if (e == MM_OK ? newest_line_read(said, &n) : e != MM_ERR_TOO_LARGE)
		return true;
	found(all, FOUND_WRONG, "folder.newest",
	      "%s is damaged, which says up to which event was published from "
	      "here: mintmarkd would not start again",
	      path);
	advise(all,
	       "rm '%s'    # mintmarkd makes it anew. Did the store come from "
	       "a backup? then stop mintmarkd, and start once with --restored",
	       path);
	return false;
}

bool doctor_given_away(const struct doctor *d)
{
	struct stat st;
	struct holder owner;
	find_owner(d, &owner);
	return stat(d->data, &st) == 0 && st.st_uid != owner.uid;
}

void doctor_folder(const struct doctor *d, const char *arg, json_t *all)
{
	struct stat st;
	struct holder owner;
	(void)arg;
	if (stat(d->data, &st) != 0 || access(d->data, R_OK | X_OK) != 0) {
		found(all, FOUND_WRONG, "folder", "cannot look into %s: %s",
		      d->data, strerror(errno));
		advise(all, "sudo mintmark doctor");
		return;
	}
	find_owner(d, &owner);
	size_t wrong = check_rules(d, &owner, all);
	wrong += !check_newest(d, all);
	if (!check_store(d, all) && wrong == 0)
		found(all, FOUND_OK, "folder",
		      "%s and what is in it are uid %u's, and nobody else's "
		      "to change",
		      d->data, (unsigned)st.st_uid);
}
