/* report.c - the rows, for people and for programs. */
#include <openssl/crypto.h>
#include <unistd.h>

#include "tests/bench/bench.h"

/* ---- the machine ---- */

/* The first value of `name` in a file of "name: value" or name="value". */
static void field(const char *path, const char *name, char *out, size_t size)
{
	char line[512];
	FILE *f = fopen(path, "r");
	(void)span_copy(out, size, span_str("?"));
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		const char *value = line + strcspn(line, ":=");
		value += strspn(value, ":= \"");
		(void)span_copy(out, size,
				span_of(value, strcspn(value, "\"\n")));
		break;
	}
	if (f != NULL)
		fclose(f);
}

static void machine(char *out, size_t size)
{
	char cpu[120], os[120];
	field("/proc/cpuinfo", "model name", cpu, sizeof cpu);
	field("/etc/os-release", "PRETTY_NAME", os, sizeof os);
	const char *ssl = OpenSSL_version(OPENSSL_VERSION);
	int version = (int)strcspn(ssl, " ");
	version += (int)strcspn(ssl + version + 1, " ") + 1;
	(void)snprintf(out, size, "%s, %ld cores, %s, %.*s, %s", cpu,
		       sysconf(_SC_NPROCESSORS_ONLN), os, version, ssl,
		       BENCH_BUILD);
}

/* ---- for people ---- */

static void human(double ns, char *out, size_t size)
{
	static const struct {
		double up_to, unit;
		const char *name;
	} units[] = { { 1e3, 1, "ns" },
		      { 1e6, 1e3, "us" },
		      { 1e9, 1e6, "ms" } };
	for (size_t i = 0; i < 3; i++)
		if (ns < units[i].up_to) {
			(void)snprintf(out, size, "%.3g %s", ns / units[i].unit,
				       units[i].name);
			return;
		}
	(void)snprintf(out, size, "%.3g s", ns / 1e9);
}

static void print_facts(const struct row *r)
{
	char text[32];
	for (size_t i = 0; i < FACTS && r->fact[i].name != NULL; i++) {
		const struct fact *f = &r->fact[i];
		if (f->name[0] == 'p') /* a percentile */
			human(f->value, text, sizeof text);
		else
			(void)snprintf(text, sizeof text, "%.8g", f->value);
		printf("%s%s %s", i ? ", " : "  ", f->name, text);
	}
	if (r->how[0] != '\0')
		printf("  (%s)", r->how);
}

static void print_line(const struct row *r)
{
	char ns[32], min[32], max[32];
	if (!r->told) {
		printf("%-28s  not measured: %s\n", r->name,
		       r->how[0] ? r->how
				 : "its library was not there when this was "
				   "built");
		return;
	}
	human(r->ns, ns, sizeof ns);
	human(r->min, min, sizeof min);
	human(r->max, max, sizeof max);
	printf("%-28s%10s%10s%10s", r->name, ns, min, max);
	print_facts(r);
	putchar('\n');
}

void report_table(const struct bench *b)
{
	char line[512];
	machine(line, sizeof line);
	printf("%s\n%-28s%10s%10s%10s\n", line, "", "each", "min", "max");
	for (size_t i = 0; i < b->rows; i++)
		if (b->row[i].wanted)
			print_line(&b->row[i]);
}

/* ---- for programs ---- */

/* None of our texts has a quote or a backslash in it; a machine's may. */
static void print_text(const char *name, const char *text)
{
	printf("\"%s\":\"", name);
	for (; *text != '\0'; text++)
		putchar(strchr("\"\\", *text) || (unsigned char)*text < ' '
				? ' '
				: *text);
	putchar('"');
}

static void print_row(const struct row *r)
{
	printf("{\"name\":\"%s\",\"ns\":%.1f,\"min\":%.1f,\"max\":%.1f",
	       r->name, r->ns, r->min, r->max);
	for (size_t i = 0; i < FACTS && r->fact[i].name != NULL; i++)
		printf(",\"%s\":%.10g", r->fact[i].name, r->fact[i].value);
	if (r->how[0] != '\0') {
		putchar(',');
		print_text("how", r->how);
	}
	putchar('}');
}

void report_json(const struct bench *b)
{
	char line[512];
	const char *between = "";
	machine(line, sizeof line);
	putchar('{');
	print_text("machine", line);
	printf(",\"rows\":[");
	for (size_t i = 0; i < b->rows; i++) {
		if (!b->row[i].wanted || !b->row[i].told)
			continue;
		printf("%s", between);
		print_row(&b->row[i]);
		between = ",\n";
	}
	printf("]}\n");
}
