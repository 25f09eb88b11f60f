/* doctor_store.c - the store that is a file: the room on its disk, and whether
 * it is whole, which mintmark-store says (we have no SQLite). */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "common/owner.h"

#define PATH_SIZE 900
#define WHOLE_MS  10000 /* of a large one all cannot be read within our time */
#define SAID_MAX  16384

/* ---- its disk ---- */

static uint64_t size_of(const struct doctor *d, const char *name)
{
	char path[PATH_SIZE];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", d->data, name);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* A file that was left when its store went to PostgreSQL is none. */
static uint64_t bytes_of(const struct doctor *d)
{
	return d->elsewhere ? 0
			    : size_of(d, "mintmark.db") +
				      size_of(d, "mintmark.db-wal");
}

/* `bytes`: of the store; 0: it is elsewhere, or lost, which others say. */
static void say_room(const struct doctor *d, uint64_t bytes, uint64_t left,
		     json_t *all)
{
	char room[JUDGED_SIZE], size[JUDGED_SIZE];
	judge_bytes(size, bytes);
	judge_bytes(room, left);
	if (bytes == 0)
		found(all, judge_room(left, 0), "folder.room",
		      "the disk of %s has %s left", d->data, room);
	else
		found(all, judge_room(left, bytes), "store",
		      "mintmark.db has %s, and its disk %s left", size, room);
	advise(all,
	       "df -h '%s'; du -xsh '%s'    # make room: on a full disk %s",
	       d->data, d->data,
	       bytes == 0 ? "no key is changed"
			  : "nothing is minted, and nothing revoked");
}

/* Whoever forgets the setting once serves the past, in which all is good that
 * was revoked since, and mints what the database mints, too. */
static void say_left(const struct doctor *d, json_t *all)
{
	if (size_of(d, "mintmark.db") == 0)
		return;
	found(all, FOUND_NOTE, "store.left",
	      "the store is in PostgreSQL, and %s/mintmark.db is still there: "
	      "without that setting, mintmarkd would serve what it was",
	      d->data);
	advise(all, "mv '%s/mintmark.db' '%s/mintmark.db.copied'", d->data,
	       d->data);
}

void doctor_store(const struct doctor *d, const char *arg, json_t *all)
{
	struct statvfs fs;
	(void)arg;
	if (access(d->data, R_OK | X_OK) != 0 || statvfs(d->data, &fs) != 0)
		return; /* the check of the folder says so */
	say_room(d, bytes_of(d), (uint64_t)fs.f_bavail * fs.f_frsize, all);
	if (d->elsewhere)
		say_left(d, all);
	if (fs.f_favail == 0 && fs.f_files != 0) {
		found(all, FOUND_WRONG, "store.inodes",
		      "no more files can be made on the disk of %s", d->data);
		advise(all, "df -i '%s'", d->data);
	}
}

/* ---- is it whole? ---- */

static void say_damaged(const struct span *said, json_t *all)
{
	size_t n = 0;
	while (n < said->len && said->at[n] != '\n')
		n++;
	found(all, FOUND_WRONG, "store.whole", "%.*s", (int)n,
	      (const char *)said->at);
	advise(all,
	       "systemctl stop mintmarkd; keep the folder, put a backup of "
	       "mintmark.db in its place, and start once with --restored "
	       "(SECURITY.md, When the store is damaged); dmesg | tail "
	       "-20    # its disk?");
}

static void say_unknown(const char *path, int rc, json_t *all)
{
	if (rc == -1)
		found(all, FOUND_NOTE, "store.whole",
		      "%s is too large to be read within %d s: whether it is "
		      "whole cannot be told here",
		      path, WHOLE_MS / 1000);
	else
		found(all, FOUND_NOTE, "store.whole",
		      rc == DOCTOR_NO_TOOL
			      ? "mintmark-store is not there, so whether "
				"%s is whole cannot be told"
			      : "%s could not be looked at",
		      path);
	advise(all, "mintmark-store check '%s'    # at its own pace", path);
}

void doctor_whole(const struct doctor *d, const char *arg, json_t *all)
{
	char path[PATH_SIZE];
	struct stat st;
	AUTO_BUF struct buf text = buf_new(SAID_MAX);
	struct span said = span_str("");
	(void)arg;
	snprintf(path, sizeof path, "%s/mintmark.db", d->data);
	if (d->elsewhere || access(path, R_OK) != 0 || lstat(path, &st) != 0 ||
	    !owner_is_file(&st) || doctor_store_moved(d))
		return; /* that of the folder has its say */
	char *const check[] = { "mintmark-store", "check", path, NULL };
	int rc = doctor_ask_tool(check, WHOLE_MS, &text);
	if (buf_done(&text, &said) != MM_OK)
		rc = DOCTOR_NO_TOOL;
	if (rc == 0)
		found(all, FOUND_OK, "store.whole",
		      "the structure of %s is sound", path);
	else if (rc == 1)
		say_damaged(&said, all);
	else
		say_unknown(path, rc, all);
}
