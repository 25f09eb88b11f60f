/* library.c - what library.h says of the command line. */
#include "tests/interop/library.h"

#include <string.h>

/* False: it cannot be read, or is too large. */
static bool read_text(FILE *from, struct text *out)
{
	if (from == NULL)
		return false;
	out->len = fread(out->at, 1, sizeof out->at - 1, from);
	out->at[out->len] = '\0';
	return feof(from) != 0 && ferror(from) == 0;
}

static bool read_file(const char *path, struct text *out)
{
	FILE *f = fopen(path, "r");
	bool done = read_text(f, out);
	if (f != NULL)
		fclose(f);
	return done;
}

int main(int argc, char **argv)
{
	static struct text key, input; /* large for a stack */
	bool verify = argc == 3 && strcmp(argv[1], "verify") == 0;
	bool sign = argc == 6 && strcmp(argv[1], "sign") == 0;
	if ((!verify && !sign) || !read_file(argv[2], &key) ||
	    !read_text(stdin, &input)) {
		fprintf(stderr, "usage: see library.h\n");
		return 2;
	}
	if (verify)
		return library_verify(&key, &input) ? 0 : 1;
	return library_sign(&key, &(struct head){ argv[3], argv[4], argv[5] },
			    &input)
		       ? 0
		       : 1;
}
