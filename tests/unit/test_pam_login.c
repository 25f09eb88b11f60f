/* Is a login root's?  What the user database may answer, errors among it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pwd.h>

#include "verifier/pam/login.h"

/* ---- the database ---- */

static struct {
	int error;
	bool found;
	uid_t uid;
	size_t needs; /* room; less is ERANGE */
	unsigned interrupted, asked;
} db;

int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *buf,
		      size_t size, struct passwd **out);

int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *buf,
		      size_t size, struct passwd **out)
{
	(void)name, (void)buf;
	*out = NULL;
	db.asked++;
	if (db.interrupted != 0) {
		db.interrupted--;
		return EINTR;
	}
	if (size < db.needs)
		return ERANGE;
	if (db.error == 0 && db.found) {
		*pw = (struct passwd){ .pw_uid = db.uid };
		*out = pw;
	}
	return db.error;
}

/* ---- what it says ---- */

static void test_answers(void **state)
{
	static const struct {
		const char *what, *login;
		int error;
		bool found;
		uid_t uid;
		enum mm_err want;
	} cases[] = {
		{ "a user", "alice", 0, true, 1000, MM_OK },
		{ "by number", "toor", 0, true, 0, MM_ERR_WRONG_USER },
		{ "root", "root", 0, true, 0, MM_ERR_WRONG_USER },
		{ "nobody", "alice", 0, false, 0, MM_OK },
		{ "ENOENT", "alice", ENOENT, false, 0, MM_OK },
		{ "EIO", "toor", EIO, false, 0, MM_ERR_UNAVAILABLE },
		{ "EMFILE", "toor", EMFILE, false, 0, MM_ERR_UNAVAILABLE },
		{ "ENOMEM", "toor", ENOMEM, false, 0, MM_ERR_UNAVAILABLE },
		{ "EAGAIN", "toor", EAGAIN, false, 0, MM_ERR_UNAVAILABLE },
		{ "ERANGE", "toor", ERANGE, false, 0, MM_ERR_UNAVAILABLE },
		{ "root unknown", "root", 0, false, 0, MM_ERR_WRONG_USER },
		{ "root, EIO", "root", EIO, false, 0, MM_ERR_WRONG_USER },
		{ "renumbered", "root", 0, true, 1000, MM_ERR_WRONG_USER },
		{ "ROOT", "ROOT", 0, false, 0, MM_ERR_WRONG_USER },
		{ "roots", "roots", 0, false, 0, MM_OK },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++) {
		struct why why = { .text = "" };
		memset(&db, 0, sizeof db);
		db.error = cases[i].error;
		db.found = cases[i].found;
		db.uid = cases[i].uid;
		expect(cases[i].what, login_not_root(cases[i].login, &why),
		       cases[i].want);
		assert_int_equal(why.text[0] == '\0', cases[i].want == MM_OK);
	}
}

static void test_asked_again(void **state)
{
	struct why why = { .text = "" };
	(void)state;
	memset(&db, 0, sizeof db);
	db.found = true;
	db.interrupted = 2;
	expect("EINTR", login_not_root("toor", &why), MM_ERR_WRONG_USER);
	assert_int_equal(db.asked, 3);
	db.needs = 100000;
	expect("a long entry", login_not_root("toor", &why), MM_ERR_WRONG_USER);
	db.uid = 1;
	expect("another's", login_not_root("long", &why), MM_OK);
	db.needs = 2u << 20;
	expect("no end", login_not_root("toor", &why), MM_ERR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_asked_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
