/* store_pg_pass.c - the file in which libpq looks for the password.  One that
 * will not do it passes over, without a word of it to us. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "issuer/store_pg.h"

/* As libpq does before it reads one. */
static enum mm_err look_at(const char *path, struct why *why)
{
	struct stat st;
	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		return why_say(why, MM_ERR_INVALID, "store",
			       "%.256s, where the database's password is to "
			       "be, cannot be read (by uid %ld): %s",
			       path, (long)geteuid(), strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why_say(why, MM_ERR_INVALID, "store",
			       "%.256s, where the database's password is to "
			       "be, is not a plain file",
			       path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return why_say(why, MM_ERR_INVALID, "store",
			       "others can read %.256s, where the database's "
			       "password is to be, so that it is passed over: "
			       "chmod 600 it, and change the password if they "
			       "may have",
			       path);
	return MM_OK;
}

/* One that is named elsewhere (PGPASSFILE, a service file) may be there for
 * others, and is looked at only where the database wants a password. */
enum mm_err pg_try_files(const char *where, struct why *why)
{
	PQconninfoOption *o = PQconninfoParse(where, NULL);
	const char *path = pg_option(o, "passfile");
	enum mm_err e = path[0] != '\0' ? look_at(path, why) : MM_OK;
	PQconninfoFree(o);
	return e;
}

/* As a line of it begins.  What would be no part of one, or is "localhost"
 * there if it is the usual one (a socket's folder), may be anything. */
static void say_no_line(const PGconn *pg, const char *path, struct why *why)
{
	const char *host = PQhost(pg);
	if (host[0] == '\0' || strpbrk(host, "/:\\") != NULL)
		host = "*";
	(void)why_say(why, MM_ERR_INVALID, "store",
		      "no line of %.256s is for it: put one there, "
		      "%s:%s:%s:%s:PASSWORD",
		      path, host, PQport(pg), PQdb(pg), PQuser(pg));
}

/* libpq's second line, of a password that was refused. */
static void add_from(struct pg_conn *c)
{
	static const char from[] = "\npassword retrieved from ";
	const char *said = strstr(PQerrorMessage(c->pg), from);
	size_t n = strlen(c->trouble);
	if (said != NULL)
		snprintf(c->trouble + n, sizeof c->trouble - n, ": %.*s",
			 (int)strcspn(said + 1, "\n"), said + 1);
}

static void add_missing(struct pg_conn *c, const char *path)
{
	struct why why = { .text = "" };
	size_t n = strlen(c->trouble);
	if (look_at(path, &why) == MM_OK)
		say_no_line(c->pg, path, &why);
	snprintf(c->trouble + n, sizeof c->trouble - n, ": %s", why.text);
}

void pg_say_password(struct pg_conn *c)
{
	add_from(c);
	if (!PQconnectionNeedsPassword(c->pg))
		return;
	PQconninfoOption *o = PQconninfo(c->pg);
	const char *path = pg_option(o, "passfile");
	if (path[0] != '\0') /* else there is not even a home for one */
		add_missing(c, path);
	PQconninfoFree(o);
}
