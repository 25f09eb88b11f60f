/* test_owner.c - could somebody else have written it?  By owner and mode, of
 * files and of folders, and of one that is read. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/owner.h"

#define US     1000
#define THEM   1001
#define PLAIN  S_IFREG
#define FOLDER S_IFDIR

static const struct {
	const char *what;
	uid_t uid;
	mode_t mode;
	const char *says, *way; /* NULL: it is good */
} rows[] = {
	{ "ours", US, PLAIN | 0600, NULL, NULL },
	{ "root's", 0, PLAIN | 0644, NULL, NULL },
	{ "read by all", US, PLAIN | 0444, NULL, NULL },
	{ "theirs", THEM, PLAIN | 0600, "uid 1001", "uid 1001" },
	{ "the group's", US, PLAIN | 0620, "chmod go-w", "chmod go-w" },
	{ "others'", 0, PLAIN | 0602, "chmod go-w", "chmod go-w" },
	{ "no folder", US, PLAIN | 01622, "chmod go-w", "chmod go-w" },
	{ "our folder", US, FOLDER | 0755, NULL, NULL },
	{ "everybody's", 0, FOLDER | 0777, "chmod go-w", "chmod go-w" },
	{ "as /tmp", 0, FOLDER | 01777, "another folder", NULL },
	{ "as their /tmp", THEM, FOLDER | 01777, "uid 1001", "uid 1001" },
};

static void judge(const char *what, enum mm_err e, const struct why *why,
		  const char *says)
{
	expect(what, e, says ? MM_ERR_INVALID : MM_OK);
	if (says != NULL && (strstr(why->text, says) == NULL ||
			     strstr(why->text, "/x") == NULL))
		fail_msg("%s: %s", what, why->text);
}

static void test_owners_and_modes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct why why = { .text = "" };
		const struct stat st = { .st_uid = rows[i].uid,
					 .st_mode = rows[i].mode };
		judge(rows[i].what, owner_check(&st, US, "/x", &why), &why,
		      rows[i].says);
		judge(rows[i].what, owner_check_way(&st, US, "/x", &why), &why,
		      rows[i].way);
	}
}

/* Of what is read; else a bare error. */
static void test_reading(void **state)
{
	char path[] = "/tmp/mintmark-owner-XXXXXX";
	struct why why = { .text = "" };
	struct span text;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(file_write_all(fd, span_str("hello")));
	close(fd);
	AUTO_BUF struct buf b = buf_new(100);
	assert_int_equal(buf_read_our_file(&b, path, &why), MM_OK);
	assert_int_equal(buf_done(&b, &text), MM_OK);
	assert_true(span_is(text, "hello"));
	AUTO_BUF struct buf none = buf_new(100);
	assert_int_equal(chmod(path, 0602), 0);
	assert_int_equal(buf_read_our_file(&none, path, &why), MM_ERR_INVALID);
	assert_int_equal(none.len, 0);
	if (geteuid() == 0) { /* only root can give it away */
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(chown(path, THEM, 0), 0);
		assert_int_equal(buf_read_our_file(&none, path, &why),
				 MM_ERR_INVALID);
	}
	unlink(path);
	assert_int_equal(buf_read_our_file(&none, path, &why),
			 MM_ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners_and_modes),
		cmocka_unit_test(test_reading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
