/* verify_lines.c - one long-lived verifying process, for the flow tests:
 *
 *	verify_lines STATE  <tokens, a line each  >reasons, a line each
 *
 * It opens the state once and keeps it mapped, as a service would. */
#include <mintmark/verify.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct mm_options opt = { .state = argc == 2 ? argv[1] : "" };
	struct mm_verifier *v;
	struct mm_token t;
	char line[8192], why[256];
	opt.why = why;
	opt.why_size = sizeof why;
	if (mm_open(&opt, &v) != MM_OK) {
		fprintf(stderr, "verify_lines: %s\n", why);
		return 3;
	}
	while (fgets(line, sizeof line, stdin) != NULL) {
		size_t n = strcspn(line, "\n");
		puts(mm_reason(mm_verify(v, line, n, &t)));
		fflush(stdout);
	}
	mm_close(v);
	return 0;
}
