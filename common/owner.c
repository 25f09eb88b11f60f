/* owner.c - could somebody else have written it? */
#include "common/owner.h"

bool owner_is_right(const struct stat *st, uid_t owner)
{
	return st->st_uid == 0 || st->st_uid == owner;
}

bool owner_is_not_alone(const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool owner_is_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink <= 1;
}

static enum mm_err check_owner(const struct stat *st, uid_t owner,
			       const char *path, struct why *why)
{
	if (owner_is_right(st, owner))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%.200s belongs to uid %u: look at what it holds, then "
		       "chown it to uid %u",
		       path, (unsigned)st->st_uid, (unsigned)owner);
}

enum mm_err owner_check(const struct stat *st, uid_t owner, const char *path,
			struct why *why)
{
	TRY(check_owner(st, owner, path, why));
	if (!owner_is_not_alone(st))
		return MM_OK;
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%.200s is everybody's, as /tmp is: choose "
			       "another folder",
			       path);
	return why_say(why, MM_ERR_INVALID, NULL,
		       "others can write to %.200s: look at what it holds, "
		       "then chmod go-w it",
		       path);
}

enum mm_err owner_check_file(const struct stat *st, uid_t owner,
			     const char *path, struct why *why)
{
	if (owner_is_file(st))
		return owner_check(st, owner, path, why);
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%.200s is no file of its own (a link to another, or a "
		       "pipe): take it away",
		       path);
}

enum mm_err owner_check_way(const struct stat *st, uid_t owner,
			    const char *path, struct why *why)
{
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0)
		return check_owner(st, owner, path, why);
	return owner_check(st, owner, path, why);
}
