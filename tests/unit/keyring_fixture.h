/* keyring_fixture.h - a keyring of its own for each test, on a real disk. */
#ifndef MM_TESTS_KEYRING_FIXTURE_H
#define MM_TESTS_KEYRING_FIXTURE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys/keyring.h"

#define PATH 256

struct fixture {
	char base[PATH];
	char dir[PATH];	      /* the keyring: base/keys */
	struct keyring_at at; /* that; no passphrase */
	struct why why;
};

static inline void sh(const char *cmd, const char *arg)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("sh", "sh", "-c", cmd, "sh", arg, (char *)NULL);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline int set_up(void **state)
{
	static struct fixture f;
	const char *tmp = getenv("TMPDIR");
	f = (struct fixture){ 0 };
	snprintf(f.base, sizeof f.base, "%.200s/keyring.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (mkdtemp(f.base) == NULL)
		return -1;
	snprintf(f.dir, sizeof f.dir, "%.200s/keys", f.base);
	f.at.dir = f.dir;
	*state = &f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	sh("rm -rf -- \"$1\"", f->base);
	return 0;
}

static inline enum mm_err throw_out(struct fixture *f, const char *kid,
				    enum jwk_alg alg)
{
	struct keyring_thrown did;
	enum mm_err e = keyring_compromise(f->at, kid, alg, &did, &f->why);
	assert_false(did.no_next || did.no_mark);
	return e;
}

static inline enum key_end end_of(struct fixture *f, const char *kid)
{
	enum key_end end;
	assert_int_equal(keyring_marked(f->at, kid, &end, &f->why), MM_OK);
	return end;
}

static inline void file_of(char out[PATH], const struct fixture *f,
			   const char *state, const char *name)
{
	snprintf(out, PATH, "%.200s/%.11s/%.40s", f->dir, state, name);
}

static inline void key_of(char out[PATH], const struct fixture *f,
			  const char *state, const char *kid)
{
	char name[32];
	snprintf(name, sizeof name, "%.11s.pem", kid);
	file_of(out, f, state, name);
}

/* What a crash in the middle of a change leaves: one rename done. */
static inline void move(const struct fixture *f, const char *kid,
			const char *from, const char *to)
{
	char a[PATH], b[PATH];
	key_of(a, f, from, kid);
	key_of(b, f, to, kid);
	assert_int_equal(rename(a, b), 0);
}

static inline void put(const struct fixture *f, const char *state,
		       const char *name, const char *text)
{
	char path[PATH];
	file_of(path, f, state, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline bool exists(const struct fixture *f, const char *state,
			  const char *kid)
{
	char path[PATH];
	key_of(path, f, state, kid);
	return access(path, F_OK) == 0;
}

/* "active=X next=Y": how many keys in which state. */
static inline void assert_counts(struct fixture *f, size_t next, size_t active,
				 size_t retiring)
{
	AUTO_RING struct keyring k;
	size_t n[4] = { 0 };
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	for (size_t i = 0; i < k.count; i++)
		n[k.at[i].state]++;
	assert_int_equal(n[KEY_NEXT], next);
	assert_int_equal(n[KEY_ACTIVE], active);
	assert_int_equal(n[KEY_RETIRING], retiring);
}

static inline void signer_of(struct fixture *f, char kid[KID_SIZE])
{
	AUTO_RING struct keyring k;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	assert_non_null(keyring_signer(&k));
	snprintf(kid, KID_SIZE, "%s", jwk_kid(keyring_signer(&k)));
}

static inline void successor_of(struct fixture *f, char kid[KID_SIZE])
{
	AUTO_RING struct keyring k;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	assert_non_null(keyring_successor(&k));
	snprintf(kid, KID_SIZE, "%s", jwk_kid(keyring_successor(&k)));
}

static inline struct fixture *made(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(keyring_init(f->at, JWK_EDDSA, &f->why), MM_OK);
	return f;
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

#endif
