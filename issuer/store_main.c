/* store_main.c - mintmark-store: a store that is a file is checked, or copied
 * to PostgreSQL. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "issuer/store_check.h"
#include "issuer/store_copy.h"

#define TELL_MS 2000

static const char help[] =
	"mintmark-store - the file that a mint keeps everything in\n"
	"\n"
	"  mintmark-store check FILE\n"
	"\n"
	"  FILE  mintmark.db, also of a mintmarkd that runs; or a backup of "
	"it\n"
	"\n"
	"Is its structure sound?  All of it is read, which takes a while where "
	"it\n"
	"is large, and nothing is changed.  (SQLite keeps no checksums of what "
	"is\n"
	"stored.)  Beside a mintmarkd, mintmark.db-wal grows for as long as "
	"that takes.\n"
	"\n"
	"  mintmark-store copy FROM TO\n"
	"\n"
	"  FROM  mintmark.db of a mintmarkd that does not run\n"
	"  TO    postgresql://..., as mintmarkd's --store: a database with no\n"
	"        store in it\n"
	"\n"
	"Copies everything, as it is: tokens and what is revoked, the feed,\n"
	"the keys' records, the audit.  All or nothing: when it fails, the\n"
	"database is as it was; when it is killed before it has said so, it\n"
	"may have all (the next copy is then refused).  What is in FROM stays\n"
	"as it is.  All of it is read first, its indexes too (some 20 s for\n"
	"each million of tokens): one that is damaged, or was found to be, is\n"
	"not copied.\n"
	"\n"
	"Exit: 0 copied, or sound; 1 not copied, or damaged; 2 bad usage; 3 it "
	"could\n"
	"not be looked at.\n";

static int64_t began, told;

static void tell(const struct copy *c, enum copy_table t, bool end)
{
	int64_t now = clock_ms();
	if (end)
		printf("%-8s %10lld rows\n", copy_names[t],
		       (long long)c->rows[t]);
	else if (now - told > TELL_MS)
		fprintf(stderr, "%-8s %10lld rows so far\n", copy_names[t],
			(long long)c->rows[t]);
	else
		return;
	told = now;
	fflush(stdout);
}

static void tell_checks(const struct copy *c)
{
	(void)c;
	fputs("is it sound? All of it is read first, some 20 s for each "
	      "million of tokens\n",
	      stderr);
}

/* What a start without --store would find there is the past. */
static void say_what_is_next(const char *from, const char *to)
{
	printf("copied in %.1f s.  Next, before any start:\n"
	       "  mv %s %s.copied\n"
	       "      so that nothing goes on with it; keep it until all is "
	       "well\n"
	       "  store = %s\n"
	       "      into mintmarkd.conf (or --store); then start mintmarkd\n"
	       "  mintmark doctor\n"
	       "      and mintmark audit --verify\n"
	       "%s is not to be served any more, nor is any copy of it,\n"
	       "wherever that lies: what is revoked from now on is valid "
	       "there.\n",
	       (double)(clock_ms() - began) / 1000, from, from, to, from);
}

static int copy(const char *from, const char *to)
{
	struct copy c = { .checks = tell_checks, .progress = tell };
	struct why why = { .text = "" };
	umask(077);
	told = began = clock_ms();
	if (store_copy(from, to, &c, &why) != MM_OK) {
		fprintf(stderr, "mintmark-store: %s\n", why.text);
		return 1;
	}
	say_what_is_next(from, to);
	return 0;
}

static int check(const char *path)
{
	struct why why = { .text = "" };
	enum mm_err e = store_check(path, STORE_PAGES, &why);
	if (e == MM_OK) {
		printf("the structure of %s is sound\n", path);
		return 0;
	}
	fprintf(stderr, "mintmark-store: %s\n", why.text);
	return e == MM_ERR_MALFORMED ? 1 : 3;
}

static bool is_database(const char *where)
{
	return strncmp(where, "postgresql://", 13) == 0 ||
	       strncmp(where, "postgres://", 11) == 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("mintmark-store " MM_VERSION);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return check(argv[2]);
	if (argc == 4 && strcmp(argv[1], "copy") == 0 &&
	    !is_database(argv[2]) && is_database(argv[3]))
		return copy(argv[2], argv[3]);
	fputs("mintmark-store: say mintmark-store check FILE, or "
	      "mintmark-store copy FILE postgresql://...; see --help\n",
	      stderr);
	return 2;
}
