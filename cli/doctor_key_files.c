/* doctor_key_files.c - may others read a key's file, and does it take more than
 * the file to read it? */
#include "cli/doctor_key_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/key.h"
#include "cli/output.h"
#include "common/owner.h"

#define PATH_SIZE 1200

static bool is_closed(const char *path)
{
	static const char sealed[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
	AUTO_BUF struct buf b = buf_new(1u << 16);
	struct span text;
	size_t n = strlen(path);
	if (n > 4 && strcmp(path + n - 4, ".uri") == 0)
		return true;
	return buf_read_others_file(&b, path, false, NULL) == MM_OK &&
	       buf_done(&b, &text) == MM_OK && text.len > strlen(sealed) &&
	       memcmp(text.at, sealed, strlen(sealed)) == 0;
}

/* A file that has another name, too, may be another's. */
static void say_mode(const char *folder, const char *path, bool ours,
		     json_t *all)
{
	if (ours)
		advise(all,
		       "chmod 600 '%s'    # who has read it can sign: mintmark "
		       "key compromise KID, if that may be",
		       path);
	else
		advise(all,
		       "ls -lab '%s'    # it is no key file of its own, or has "
		       "no name of one: take it away",
		       folder);
}

static void look_at_file(const char *folder, const char *name,
			 const struct stat *st, struct key_files *f,
			 json_t *all)
{
	char path[PATH_SIZE + 260];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	f->closed += is_closed(path);
	if ((st->st_mode & 077) == 0)
		return;
	f->open++;
	found(all, FOUND_WRONG, "keys.mode", "%s %s (mode %04o)",
	      judge_others(st->st_mode, "others can read"), path,
	      (unsigned)st->st_mode & 07777);
	say_mode(folder, path, owner_is_file(st) && judge_name(name), all);
}

/* As the keyring does: the folder is no link, and no file in it. */
static void look_into(const char *keys, enum key_state state,
		      struct key_files *f, json_t *all)
{
	char folder[PATH_SIZE];
	struct stat st;
	snprintf(folder, sizeof folder, "%s/%s", keys, key_state_name(state));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.' && strstr(e->d_name, ".pub.") == NULL &&
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			look_at_file(folder, e->d_name, &st, f, all);
	if (dir != NULL)
		closedir(dir);
}

void key_files_look(const char *keys, struct key_files *f, json_t *all)
{
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++)
		look_into(keys, s, f, all);
}
