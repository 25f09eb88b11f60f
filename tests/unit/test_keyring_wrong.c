/* test_keyring_wrong.c - every way in which a keyring can be wrong, and two
 * processes at one. */
#include <sys/file.h>

#include "tests/unit/keyring_fixture.h"

/* ---- refusals: a keyring that is wrong is not used at all ---- */

static void refuse_mode(const struct fixture *f, const char *kid, mode_t mode)
{
	char path[PATH];
	key_of(path, f, "active", kid);
	assert_int_equal(chmod(path, mode), 0);
}

static void break_group(const struct fixture *f, const char *kid)
{
	refuse_mode(f, kid, 0640);
}

static void break_others(const struct fixture *f, const char *kid)
{
	refuse_mode(f, kid, 0604);
}

static void break_name(const struct fixture *f, const char *kid)
{
	char from[PATH], to[PATH];
	key_of(from, f, "active", kid);
	key_of(to, f, "active", "AAAAAAAAAAA");
	assert_int_equal(rename(from, to), 0);
}

static void break_stranger(const struct fixture *f, const char *kid)
{
	(void)kid;
	put(f, "retiring", "notes.txt", "hello");
}

static void break_garbage(const struct fixture *f, const char *kid)
{
	(void)kid;
	put(f, "retiring", "AAAAAAAAAAA.pem", "not a key at all\n");
}

static void break_empty(const struct fixture *f, const char *kid)
{
	(void)kid;
	put(f, "next", "AAAAAAAAAAA.pem", "");
}

static void break_torn(const struct fixture *f, const char *kid)
{
	char path[PATH];
	key_of(path, f, "active", kid);
	assert_int_equal(truncate(path, 60), 0);
}

static void break_huge(const struct fixture *f, const char *kid)
{
	char path[PATH];
	key_of(path, f, "active", kid);
	assert_int_equal(truncate(path, 1 << 20), 0);
}

static void break_link(const struct fixture *f, const char *kid)
{
	char from[PATH], to[PATH];
	key_of(from, f, "active", kid);
	snprintf(to, sizeof to, "%.200s/elsewhere", f->base);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(symlink(to, from), 0);
}

static void break_pipe(const struct fixture *f, const char *kid)
{
	char path[PATH];
	(void)kid;
	key_of(path, f, "next", "AAAAAAAAAAA");
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void break_folder_as_key(const struct fixture *f, const char *kid)
{
	char path[PATH];
	(void)kid;
	key_of(path, f, "next", "AAAAAAAAAAA");
	assert_int_equal(mkdir(path, 0700), 0);
}

static void break_twice(const struct fixture *f, const char *kid)
{
	char from[PATH], to[PATH];
	key_of(from, f, "active", kid);
	key_of(to, f, "retiring", kid);
	assert_int_equal(link(from, to), 0);
}

static void break_open_folder(const struct fixture *f, const char *kid)
{
	char path[PATH];
	(void)kid;
	file_of(path, f, "active", "");
	assert_int_equal(chmod(path, 0770), 0);
}

static void break_open_root(const struct fixture *f, const char *kid)
{
	(void)kid;
	assert_int_equal(chmod(f->dir, 0770), 0);
}

/* Only root can be of use to these three; see may_run(). */
static void break_owner(const struct fixture *f, const char *kid)
{
	char path[PATH];
	key_of(path, f, "active", kid);
	assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
}

static void break_owner_of_folder(const struct fixture *f, const char *kid)
{
	char path[PATH];
	(void)kid;
	file_of(path, f, "next", "");
	assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
}

/* With all that is in it, so that it is whole by itself; but what it lies in
 * is ours. */
static void break_owner_of_root(const struct fixture *f, const char *kid)
{
	(void)kid;
	sh("chown -R 65534 -- \"$1\"", f->dir);
}

static void break_linked_folder(const struct fixture *f, const char *kid)
{
	char from[PATH], to[PATH];
	(void)kid;
	file_of(from, f, "active", "");
	from[strlen(from) - 1] = '\0';
	snprintf(to, sizeof to, "%.200s/elsewhere", f->base);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(symlink(to, from), 0);
}

static void break_three_signers(const struct fixture *f, const char *kid)
{
	struct why why;
	char next[KID_SIZE], third[KID_SIZE];
	(void)kid;
	for (char *made_kid = next;; made_kid = third) {
		assert_int_equal(
			keyring_generate(f->at, JWK_EDDSA, made_kid, &why),
			MM_OK);
		move(f, made_kid, "next", "active");
		if (made_kid == third)
			return;
	}
}

static const struct {
	void (*how)(const struct fixture *, const char *kid);
	const char *says; /* besides the path */
	bool names_key;	  /* the message has the signer's kid in it */
} wrongs[] = {
	{ break_group, "chmod 600", true },
	{ break_others, "chmod 600", true },
	{ break_name, "AAAAAAAAAAA.pem", true },
	{ break_stranger, "notes.txt", false },
	{ break_garbage, "retiring/AAAAAAAAAAA.pem", false },
	{ break_empty, "next/AAAAAAAAAAA.pem", false },
	{ break_torn, "not a PEM", true },
	{ break_huge, "as a key", true },
	{ break_link, "symbolic link", true },
	{ break_pipe, "plain file", false },
	{ break_folder_as_key, "plain file", false },
	{ break_twice, "another state", true },
	{ break_open_folder, "chmod go-w", false },
	{ break_open_root, "chmod go-w", false },
	{ break_owner, "uid 65534", true },
	{ break_owner_of_folder, "next belongs to uid 65534", false },
	{ break_owner_of_root, "keys belongs to uid 65534", false },
	{ break_linked_folder, "active", false },
	{ break_three_signers, "3 keys", false },
};

static bool may_run(size_t i)
{
	return geteuid() == 0 || (wrongs[i].how != break_owner &&
				  wrongs[i].how != break_owner_of_folder &&
				  wrongs[i].how != break_owner_of_root);
}

static void test_F26_wrong_keyring(void **state)
{
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		if (!may_run(i))
			continue;
		struct fixture *f = made(state);
		struct keyring k;
		struct keyring_rotation did;
		char kid[KID_SIZE];
		signer_of(f, kid);
		wrongs[i].how(f, kid);

		enum mm_err e = keyring_load(f->at, &k, &f->why);
		assert_int_not_equal(e, MM_OK);
		assert_int_not_equal(e, MM_ERR_NOT_FOUND);
		assert_int_equal(k.count, 0);
		assert_non_null(strstr(f->why.text, wrongs[i].says));
		assert_non_null(strstr(f->why.text, f->dir));
		if (wrongs[i].names_key)
			assert_non_null(strstr(f->why.text, kid));
		assert_null(strstr(f->why.text, "BEGIN"));
		/* and no change touches it */
		assert_int_not_equal(
			keyring_rotate(f->at, JWK_EDDSA, &did, &f->why), MM_OK);
		sh("rm -rf -- \"$1\"", f->dir);
		sh("rm -rf -- \"$1\"/elsewhere", f->base);
	}
}

/* ---- two at once ---- */

static void test_lock(void **state)
{
	struct fixture *f = made(state);
	char path[PATH], kid[KID_SIZE];
	struct keyring_rotation did;
	snprintf(path, sizeof path, "%.200s/.lock", f->dir);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);

	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_ERR_BUSY);
	assert_non_null(strstr(f->why.text, ".lock"));
	assert_int_equal(keyring_generate(f->at, JWK_EDDSA, kid, &f->why),
			 MM_ERR_BUSY);
	assert_int_equal(keyring_init(f->at, JWK_EDDSA, &f->why), MM_ERR_BUSY);
	assert_counts(f, 1, 1, 0); /* reading goes on */
	close(fd);
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
}

/* Root changes the keys of another: what that one has put in the lock's place
 * does not become his. */
static void test_lock_is_no_trap(void **state)
{
	struct fixture *f = made(state);
	char lock[PATH], other[PATH];
	struct keyring_rotation did;
	struct stat st;
	snprintf(lock, sizeof lock, "%.200s/.lock", f->dir);
	snprintf(other, sizeof other, "%.200s/other", f->base);
	int fd = open(other, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	if (geteuid() == 0)
		sh("chown -R 65534 -- \"$1\"; chown 65534 -- \"$1\"/..",
		   f->dir);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(link(other, lock), 0);
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_ERR_IO);
	assert_non_null(strstr(f->why.text, ".lock: it is no file of its own"));
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_uid, geteuid());

	assert_int_equal(unlink(lock), 0);
	assert_int_equal(mkfifo(lock, 0600), 0);
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_ERR_IO);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_uid, geteuid() == 0 ? 65534 : geteuid());
}

static int rotate_n_times(struct keyring_at at, int n)
{
	struct keyring_rotation did;
	int done = 0;
	while (done < n) {
		enum mm_err e = keyring_rotate(at, JWK_EDDSA, &did, NULL);
		if (e != MM_OK && e != MM_ERR_BUSY)
			return 1;
		done += e == MM_OK;
	}
	return 0;
}

/* Two processes rotate while a third reads: no rotation is lost or done
 * twice, and there is a signer each time we look. */
static void test_two_processes(void **state)
{
	struct fixture *f = made(state);
	pid_t child[2];
	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(rotate_n_times(f->at, 10));
	}
	int running = 2;
	while (running > 0) {
		char kid[KID_SIZE];
		int status;
		signer_of(f, kid);
		pid_t pid = waitpid(-1, &status, WNOHANG);
		assert_true(pid >= 0);
		if (pid > 0) {
			assert_int_equal(status, 0);
			running--;
		}
	}
	assert_counts(f, 1, 1, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_F26_wrong_keyring),
		T(test_lock),
		T(test_lock_is_no_trap),
		T(test_two_processes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
