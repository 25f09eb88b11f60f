/* doctor_folder.c - what lies in a mint's data folder: whose it is, and the
 * room on its disk.  It is only looked at. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/probe.h"
#include "common/buf.h"

#define PATH_SIZE 900

/* ---- whose it is ---- */

/* What no others may have: bits of the mode, and how to take them away. */
static const struct rule {
	const char *name; /* in the folder; "": itself */
	mode_t others;
	const char *words, *chmod;
} rules[] = {
	{ "", 022, "others can write to", "go-w" },
	{ "admin.sock", 007, "anybody may administer through", "o=" },
	{ "mintmark.db", 077, "others can read", "600" },
	{ "mintmark.db-wal", 077, "others can read", "600" },
	{ "mintmark.db-shm", 077, "others can read", "600" },
	{ "mintmark.db.lock", 022, "others can write to", "600" },
	{ "keys", 077, "others can look into", "700" },
	{ "keys/next", 077, "others can look into", "700" },
	{ "keys/active", 077, "others can look into", "700" },
	{ "keys/retiring", 077, "others can look into", "700" },
};

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

static bool check_owner(const char *path, const struct stat *st,
			const struct stat *folder, json_t *all)
{
	if (st->st_uid == folder->st_uid)
		return false;
	found(all, FOUND_WRONG, "folder.owner",
	      "%s is uid %u's, and its folder uid %u's: mintmarkd was run as "
	      "somebody else",
	      path, (unsigned)st->st_uid, (unsigned)folder->st_uid);
	advise(all, "chown %u:%u '%s'", (unsigned)folder->st_uid,
	       (unsigned)folder->st_gid, path);
	return true;
}

static size_t check_rules(const struct doctor *d, const struct stat *folder,
			  json_t *all)
{
	char path[PATH_SIZE];
	struct stat st;
	size_t wrong = 0;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		const struct rule *r = &rules[i];
		snprintf(path, sizeof path, "%s%s%s", d->data,
			 r->name[0] ? "/" : "", r->name);
		if (lstat(path, &st) != 0)
			continue;
		wrong += check_mode(path, &st, r, "folder.mode", all);
		wrong += check_owner(path, &st, folder, all);
	}
	return wrong;
}

static bool mint_runs(const struct doctor *d)
{
	char socket[PATH_SIZE];
	AUTO_PROBE struct probe p = { .url = "http://localhost/version",
				      .socket = socket };
	snprintf(socket, sizeof socket, "%s/admin.sock", d->data);
	return probe_run(&p, NULL) == MM_OK;
}

/* mintmarkd begins with neither half alone: a disk that is not there, or half
 * of a backup.  One that runs has its store, here or in PostgreSQL. */
static size_t check_halves(const struct doctor *d, json_t *all)
{
	char db[PATH_SIZE], used[PATH_SIZE], iss[SETTING_SIZE] = "";
	AUTO_BUF struct buf text = buf_new(sizeof iss - 1);
	struct span said;
	snprintf(db, sizeof db, "%s/mintmark.db", d->data);
	snprintf(used, sizeof used, "%s/keys/.in-use", d->data);
	if (buf_read_file(&text, used, NULL) == MM_OK &&
	    buf_done(&text, &said) == MM_OK)
		(void)span_copy(iss, sizeof iss, said);
	if (iss[0] == '\0' || access(db, F_OK) == 0 || d->elsewhere ||
	    mint_runs(d))
		return 0;
	found(all, FOUND_WRONG, "folder.store",
	      "the keys here have signed for %s, and %s is not there: "
	      "mintmarkd does not start",
	      iss, db);
	advise(all, "is it in PostgreSQL? then systemctl start mintmarkd, with "
		    "the --store that it had; else bring mintmark.db back; "
		    "without a copy: mintmarkd --restored, and all tokens so "
		    "far are refused");
	return 1;
}

void doctor_folder(const struct doctor *d, const char *arg, json_t *all)
{
	struct stat st;
	(void)arg;
	if (stat(d->data, &st) != 0 || access(d->data, R_OK | X_OK) != 0) {
		found(all, FOUND_WRONG, "folder", "cannot look into %s: %s",
		      d->data, strerror(errno));
		advise(all, "sudo mintmark doctor");
		return;
	}
	if (check_rules(d, &st, all) + check_halves(d, all) == 0)
		found(all, FOUND_OK, "folder",
		      "%s and what is in it are uid %u's, and nobody else's "
		      "to change",
		      d->data, (unsigned)st.st_uid);
}

/* ---- its disk ---- */

static uint64_t size_of(const struct doctor *d, const char *name)
{
	char path[PATH_SIZE];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", d->data, name);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void doctor_store(const struct doctor *d, const char *arg, json_t *all)
{
	struct statvfs fs;
	char room[JUDGED_SIZE], size[JUDGED_SIZE];
	(void)arg;
	if (access(d->data, R_OK | X_OK) != 0 || statvfs(d->data, &fs) != 0)
		return; /* the check of the folder says so */
	uint64_t bytes =
		size_of(d, "mintmark.db") + size_of(d, "mintmark.db-wal");
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
	judge_bytes(size, bytes);
	judge_bytes(room, left);
	if (bytes == 0)
		found(all, judge_room(left, 0), "store",
		      "there is no mintmark.db in %s, and its disk has %s left",
		      d->data, room);
	else
		found(all, judge_room(left, bytes), "store",
		      "mintmark.db has %s, and its disk %s left", size, room);
	advise(all,
	       "df -h '%s'; du -xsh '%s'    # make room: on a full disk "
	       "nothing is minted, and nothing revoked",
	       d->data, d->data);
	if (fs.f_favail == 0 && fs.f_files != 0) {
		found(all, FOUND_WRONG, "store.inodes",
		      "no more files can be made on the disk of %s", d->data);
		advise(all, "df -i '%s'", d->data);
	}
}
