/* replay.c - a harness as a test: fuzz_NAME MUTATIONS CORPUS
 *
 * Gives the harness every file of its corpus; the name says what must come
 * of it, good-... or bad-...  Then as many mutations of these files as
 * asked for, the same in every run, so that builds without libFuzzer fuzz a
 * little, too.  The input at which it stops is left beside the program, in
 * fuzz_NAME.stopped.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "common/buf.h"
#include "tests/fuzz/fuzz.h"

enum { FILES_MAX = 256, INPUT_MAX = 8192 };

static struct buf files[FILES_MAX];
static unsigned file_count;

static struct input {
	size_t len;
	uint8_t at[INPUT_MAX];
} now;
static char stopped[256];

/* ---- chance, always the same ---- */

static uint64_t state = 1;

/* splitmix64: below n, which is small. */
static size_t chance(size_t n)
{
	uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (size_t)((z ^ z >> 31) % n);
}

/* ---- mutations ---- */

/* Replace `old` bytes at `at` by those of s, as far as there is room. */
static void replace(struct input *in, size_t at, size_t old, struct span s)
{
	size_t end = at + old;
	if (in->len - old + s.len > INPUT_MAX)
		return;
	memmove(in->at + at + s.len, in->at + end, in->len - end);
	if (s.len != 0)
		memcpy(in->at + at, s.at, s.len);
	in->len += s.len - old;
}

/* A few bytes out of some file. */
static struct span piece(void)
{
	const struct buf *b = &files[chance(file_count)];
	size_t at = chance(b->len + 1);
	size_t room = b->len - at;
	return span_of(b->at + at, chance((room < 32 ? room : 32) + 1));
}

static void flip(struct input *in)
{
	if (in->len != 0)
		in->at[chance(in->len)] ^= (uint8_t)(1u << chance(8));
}

/* A byte that means something in JSON, in UTF-8 or in a token. */
static uint8_t telling_byte(void)
{
	static const char bytes[] = "{}[]:,\"\\u/0919-+.eE _=ABgwZ\t\n\r\x7F"
				    "\x80\xBF\xC2\xE0\xED\xF4\xFF";
	return (uint8_t)bytes[chance(sizeof bytes)]; /* or NUL */
}

static void overwrite(struct input *in)
{
	if (in->len != 0)
		in->at[chance(in->len)] = telling_byte();
}

static void insert(struct input *in)
{
	uint8_t c = telling_byte();
	replace(in, chance(in->len + 1), 0, span_of(&c, 1));
}

static void erase(struct input *in)
{
	size_t at = chance(in->len + 1), room = in->len - at;
	replace(in, at, chance((room < 8 ? room : 8) + 1), span_of(NULL, 0));
}

static void repeat(struct input *in)
{
	uint8_t copy[64];
	size_t at = chance(in->len + 1), room = in->len - at;
	size_t n = chance((room < sizeof copy ? room : sizeof copy) + 1);
	memcpy(copy, in->at + at, n);
	replace(in, at, 0, span_of(copy, n));
}

static void cut(struct input *in)
{
	in->len = chance(in->len + 1);
}

static void transplant(struct input *in)
{
	size_t at = chance(in->len + 1), room = in->len - at;
	replace(in, at, chance((room < 32 ? room : 32) + 1), piece());
}

/* Once; in every second case once more, and so on. */
static void mutate(struct input *in)
{
	static void (*const ways[])(struct input *) = {
		flip, overwrite, insert, erase, repeat, cut, transplant,
	};
	do
		ways[chance(sizeof ways / sizeof ways[0])](in);
	while (chance(2) == 0);
}

/* ---- running ---- */

/* In a block of its own length, so that a sanitizer sees what is read
 * behind its end. */
static bool run_now(void)
{
	uint8_t *copy = malloc(now.len);
	MM_ASSERT(copy != NULL || now.len == 0);
	memcpy(copy, now.at, now.len);
	bool accepted = fuzz_one(span_of(copy, now.len));
	free(copy);
	return accepted;
}

static void take_file(const struct buf *b)
{
	now.len = 0;
	replace(&now, 0, 0, span_of(b->at, b->len));
}

static void say(const char *what)
{
	(void)!write(STDERR_FILENO, what, strlen(what));
}

/* The last thing that the process does: abort() takes it from here. */
static void keep_input(int sig)
{
	int fd = open(stopped, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	(void)sig;
	if (fd < 0 || write(fd, now.at, now.len) != (ssize_t)now.len)
		return;
	say("the input is in ");
	say(stopped);
	say("\n");
}

/* Read one file, and see that what comes of it is what its name says. */
static bool replay(const char *folder, const char *name)
{
	char path[512];
	MM_ASSERT(file_count < FILES_MAX);
	struct buf *b = &files[file_count++];
	*b = buf_new(INPUT_MAX);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	MM_ASSERT(buf_read_file(b, path, NULL) == MM_OK);
	take_file(b);
	bool good = strncmp(name, "good-", 5) == 0;
	if (!good && strncmp(name, "bad-", 4) != 0)
		fprintf(stderr, "%s: neither good-... nor bad-...\n", path);
	else if (run_now() == good)
		return true;
	else
		fprintf(stderr, "%s: %s\n", path,
			good ? "refused" : "accepted");
	return false;
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* In the order of their names, or the mutations would not be the same. */
static bool replay_all(const char *folder)
{
	struct dirent **names;
	bool good = true;
	int n = scandir(folder, &names, is_visible, alphasort);
	for (int i = 0; i < n; i++) {
		good &= replay(folder, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return good && n > 0;
}

int main(int argc, char **argv)
{
	unsigned long accepted = 0;
	if (argc != 3) {
		fprintf(stderr, "usage: %s MUTATIONS CORPUS\n", argv[0]);
		return 2;
	}
	unsigned long mutations = strtoul(argv[1], NULL, 10);
	snprintf(stopped, sizeof stopped, "%s.stopped", argv[0]);
	signal(SIGABRT, keep_input);
	if (!replay_all(argv[2]))
		return 1;
	for (unsigned long i = 0; i < mutations; i++) {
		take_file(&files[chance(file_count)]);
		mutate(&now);
		accepted += run_now();
	}
	printf("%u files, %lu mutations, %lu of them accepted\n", file_count,
	       mutations, accepted);
	return 0;
}
