/* main.c - mintmark: the table of commands.
 *
 * A command is one or two words, its rows say what it can be told, and its
 * function does it.  Exit: 0 done, 1 refused, 2 not understood, 3 nobody
 * could answer.
 */
#include <stdio.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "common/json_heap.h"
#include "common/secrecy.h"

#define AT(field)   offsetof(struct args, field)
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* clang-format off */
#define FLAG_O    { 'o', "output", FLAG_JSON, "json", AT(json), "JSON on one line, for programs", false }
#define FLAG_DATA { 0, "data", FLAG_TEXT, "DIR", AT(data), "the data folder of mintmarkd (or MINTMARK_DATA)", false }
#define FLAG_PASS { 0, "key-passphrase-file", FLAG_TEXT, "FILE", AT(passphrase_file), "what opens the key files (or MINTMARK_KEY_PASSPHRASE_FILE)", false }

static const struct flag create_flags[] = {
	{ 'u', "user",         FLAG_TEXT,     "USER",  AT(user),         "whose token it is", true },
	{ 'e', "expires",      FLAG_TEXT,     "DUR|DATE", AT(expires),   "hard limit: 30d, 12h, 2026-12-31", false },
	{ 'a', "auto-refresh", FLAG_DURATION, "DUR",   AT(auto_refresh), "lives on while used once per DUR", false },
	{ 's', "scope",        FLAG_TEXTS,    "SCOPE", AT(scopes),       "what it may do; repeat; none = all of the user's rights", false },
	{ 'l', "label",        FLAG_LABEL,    "LABEL", AT(label),        "what people call it", false },
	{ 0,   "audience",     FLAG_TEXTS,    "A",     AT(audiences),    "the service that it is for; repeat; none = any", false },
	{ 0,   "cidr",         FLAG_TEXTS,    "NET",   AT(cidrs),        "only from there: 192.0.2.0/24, 2001:db8::/32; repeat; none = from anywhere", false },
	{ 0,   "allow-long",   FLAG_BOOL,     NULL,    AT(allow_long),   "over 511 bytes: too long for SFTP and PAM", false },
	{ 'q', "quiet",        FLAG_BOOL,     NULL,    AT(quiet),        "print the token and nothing else", false },
	FLAG_O, FLAG_DATA,
};
static const struct flag list_flags[] = {
	{ 'u', "user",   FLAG_TEXT, "USER",   AT(user),   "of this user only", false },
	{ 0,   "status", FLAG_TEXT, "STATUS", AT(status), "active (default), revoked, suspended, expired, unknown_key, all", false },
	{ 0,   "key",    FLAG_TEXT, "KID",    AT(kid),    "that this key has signed", false },
	{ 0,   "expiring", FLAG_DURATION, "DUR", AT(expiring), "active ones that end within DUR, the soonest first; exit 1 if there are any", false },
	FLAG_O, FLAG_DATA,
};
static const struct flag plain_flags[] = { FLAG_O, FLAG_DATA };
static const struct flag revoke_flags[] = {
	{ 'u', "user",  FLAG_TEXT, "USER", AT(user),       "all tokens of this user", false },
	{ 0,   "stdin", FLAG_BOOL, NULL,   AT(from_stdin), "the IDs on standard input, one a line", false },
	FLAG_O, FLAG_DATA,
};
static const struct flag rotate_flags[] = {
	{ 0,   "overlap",     FLAG_DURATION_OR_0, "DUR", AT(overlap), "the old token stays good so long (default: 0; at most 30d)", false },
	{ 0,   "keep-expiry", FLAG_BOOL, NULL, AT(keep_expiry), "the new one ends when the old one would have", false },
	{ 0,   "allow-long",  FLAG_BOOL, NULL, AT(allow_long),  "over 511 bytes, although the old one was not", false },
	{ 'q', "quiet",       FLAG_BOOL, NULL, AT(quiet),       "print the new token and nothing else", false },
	FLAG_O, FLAG_DATA,
};
static const struct flag verify_flags[] = {
	{ 0,   "state",    FLAG_TEXT,  "FILE",  AT(state),    "the agent's state file (or MINTMARK_STATE)", false },
	{ 0,   "audience", FLAG_TEXT,  "A",     AT(audience), "it must be good for this service", false },
	{ 'u', "user",     FLAG_TEXT,  "U",     AT(user),     "it must be this user's", false },
	{ 0,   "from",     FLAG_TEXT,  "ADDRESS", AT(from),   "where it comes from; without, a token with cidr is refused", false },
	{ 0,   "need",     FLAG_TEXTS, "SCOPE", AT(needs),    "it must allow this: a name, or type:id:perm; repeat", false },
	{ 0,   "no-use",   FLAG_BOOL,  NULL,    AT(no_use),   "only look: keeps no auto-refresh token alive, and leaves its last use as it is", false },
	{ 0,   "access-tokens", FLAG_BOOL, NULL, AT(access_tokens), "take at+jwt access tokens, too (POST /oauth/token)", false },
	{ 0,   "jws",      FLAG_BOOL,  NULL,    AT(jws),      "any signed JWS: check the signature, print the payload", false },
	{ 0,   "jwks",     FLAG_TEXT,  "FILE",  AT(jwks),     "with --jws: the public keys (a JSON Web Key Set)", false },
	FLAG_O,
};
static const struct flag inspect_flags[] = { FLAG_O };
static const struct flag audit_flags[] = {
	{ 0,   "follow", FLAG_BOOL, NULL,          AT(follow), "the newest lines, and then each as it comes", false },
	{ 0,   "after",  FLAG_TEXT, "SEQ",         AT(after),  "only the lines behind this one", false },
	{ 0,   "verify", FLAG_BOOL, NULL,          AT(verify), "follow the chain of hashes, show nothing but where it ends", false },
	{ 0,   "head",   FLAG_TEXT, "NUMBER:HASH", AT(head),   "with --verify: this line, noted before, is in it", false },
	FLAG_O, FLAG_DATA,
};
static const struct flag doctor_flags[] = {
	FLAG_DATA,
	{ 0, "state",        FLAG_TEXT,  "FILE", AT(state),        "the agent's state file (or MINTMARK_STATE)", false },
	{ 0, "mint-config",  FLAG_TEXT,  "FILE", AT(mint_config),  "the settings of mintmarkd (default: /etc/mintmark/mintmarkd.conf)", false },
	{ 0, "agent-config", FLAG_TEXT,  "FILE", AT(agent_config), "those of mintmark-agent (default: /etc/mintmark/agent.conf)", false },
	{ 0, "url",          FLAG_TEXTS, "URL",  AT(urls),         "of a service that a proxy guards: tried as a stranger would; repeat", false },
	FLAG_PASS, FLAG_O,
};
static const struct flag generate_flags[] = {
	{ 0, "alg",     FLAG_TEXT, "ALG",    AT(alg),     "ES256 (default), EdDSA, RS256", false },
	{ 0, "offline", FLAG_TEXT, "FOLDER", AT(offline), "for emergencies: the private half goes there and stays away", false },
	FLAG_DATA, FLAG_PASS,
};
static const struct flag key_list_flags[] = { FLAG_O, FLAG_DATA, FLAG_PASS };
static const struct flag key_flags[] = { FLAG_DATA, FLAG_PASS };
static const struct flag key_rotate_flags[] = {
	{ 0, "now", FLAG_BOOL, NULL, AT(now), "although the next key is younger than 5 minutes: nobody verifies by the JWKS", false },
	FLAG_DATA, FLAG_PASS,
};
static const struct flag protect_flags[] = {
	{ 0, "plain", FLAG_BOOL, NULL, AT(plain), "the other way: write them without a passphrase", false },
	FLAG_DATA, FLAG_PASS,
};
static const struct flag retire_flags[] = {
	{ 0, "force", FLAG_BOOL, NULL, AT(force), "although its tokens live, or nobody knows", false },
	FLAG_DATA, FLAG_PASS,
};
static const struct flag compromise_flags[] = {
	{ 0, "yes",     FLAG_BOOL, NULL,       AT(yes),     "do not ask", false },
	{ 0, "reissue", FLAG_TEXT, "FOLDER|-", AT(reissue), "make new tokens: a file for each user there, or to standard output", false },
	FLAG_O, FLAG_DATA, FLAG_PASS,
};

#define WITH(rows) rows, COUNT(rows)
#define ANY_NUMBER 1000000

static const struct command commands[] = {
	{ "token create", "-u USER [-e DUR|DATE] [-a DUR] [-s SCOPE]... [-l LABEL] [--audience A]... [--cidr NET]... [--allow-long] [-q] [-o json]",
	  "Make a token.\n"
	  "It goes to standard output, and what there is to know about it to standard error.",
	  WITH(create_flags), 0,
	  "  mintmark token create -u alice -e 30d -l 'backup job'\n"
	  "  mintmark token create -u alice -a 30d -s photos:read -s node:1b9d:rw\n"
	  "  mintmark token create -u backup -a 7d --cidr 10.1.0.0/16 --cidr 2001:db8::7\n"
	  "  TOKEN=$(mintmark token create -u ci -e 2026-12-31 -q)\n",
	  token_create },
	{ "token list", "[-u USER] [--status STATUS] [--key KID] [-o json]\n"
	  "       mintmark token list --expiring DUR [-u USER] [-o json]",
	  "List tokens, the newest first.\n"
	  "--expiring leaves out what has been rotated already, and tokens that refresh\n"
	  "themselves in a window of up to twice DUR, but for their hard limit.", WITH(list_flags), 0,
	  "  mintmark token list -u alice\n"
	  "  mintmark token list --status all -o json | jq -r '.[].id'\n"
	  "  mintmark token list --expiring 14d || echo 'time to rotate these'\n"
	  "  0 7 * * * root  chronic mintmark token list --expiring 14d    # a crontab; chronic is in moreutils\n",
	  token_list },
	{ "token show", "ID [-o json]",
	  "Show one token, but for its secret.\n"
	  "The secret is kept nowhere: it was shown when the token was made.", WITH(plain_flags), 1,
	  "  mintmark token show 3.4711\n"
	  "  mintmark token show 3.4711 -o json | jq .last_used_at\n",
	  token_show },
	{ "token revoke", "ID...|--user U|--stdin [-o json]",
	  "Take tokens back, for good.\n"
	  "They are refused everywhere within a moment.", WITH(revoke_flags), ANY_NUMBER,
	  "  mintmark token revoke 3.4711 3.4712\n"
	  "  mintmark token revoke --user alice\n"
	  "  mintmark token list -u ci -o json | jq -r '.[].id' | mintmark token revoke --stdin\n",
	  token_revoke },
	{ "token suspend", "ID [-o json]",
	  "Put a token on hold; reinstate gives it back.", WITH(plain_flags), 1,
	  "  mintmark token suspend 3.4711\n"
	  "  mintmark token list --status suspended\n",
	  token_suspend },
	{ "token reinstate", "ID [-o json]",
	  "Give a suspended token back.", WITH(plain_flags), 1,
	  "  mintmark token reinstate 3.4711\n"
	  "  mintmark token reinstate 3.4711 -o json\n",
	  token_reinstate },
	{ "token rotate", "ID [--overlap DUR] [--keep-expiry] [--allow-long] [-q] [-o json]",
	  "Make a new token in place of one, with the same rights.\n"
	  "The ID self is that of MINTMARK_TOKEN, and MINTMARK_URL is asked then.\n"
	  "An answer that is lost is asked for again.", WITH(rotate_flags), 1,
	  "  mintmark token rotate 3.4711\n"
	  "  NEW=$(mintmark token rotate self -q) && MINTMARK_TOKEN=$NEW\n"
	  "  TOKEN=$(mintmark token rotate 3.4711 --overlap 1h -q)\n",
	  token_rotate },
	{ "verify", "[--state FILE] [--audience A] [--user U] [--from ADDRESS] [--need SCOPE]... [--no-use] [--access-tokens] [-o json] [TOKEN | -]\n"
	  "       mintmark verify --jws --jwks FILE [JWS | -]",
	  "Check a token as a service does: offline.\n"
	  "It is read from standard input: on the command line, others on this host see it.\n"
	  "Exit: 0 valid, 1 refused, 2 not understood, 3 it cannot be told: there is no state to\n"
	  "check it against, or a stale one, by which every token is refused (the answer says why).\n"
	  "With --jws it is anybody's compact JWS (RFC 7515; ES256, RS256, EdDSA), checked by\n"
	  "its signature alone: by the key that its kid names, or the only one that fits.",
	  WITH(verify_flags), 1,
	  "  mintmark verify <token.txt\n"
	  "  mintmark verify --user alice --need node:1b9d:r <<<\"$TOKEN\"\n"
	  "  mintmark verify --from 192.0.2.7 <token.txt\n"
	  "  mintmark verify --no-use -o json <<<\"$TOKEN\" | jq -r .dies_at\n"
	  "  mintmark verify --jws --jwks keys.json <example.jws\n",
	  verify_run },
	{ "inspect", "[-o json] [TOKEN | -]",
	  "Show what a token says; check nothing.", WITH(inspect_flags), 1,
	  "  mintmark inspect <token.txt\n"
	  "  mintmark inspect -o json <<<\"$TOKEN\" | jq -r .payload.jti\n",
	  inspect_run },
	{ "audit", "[--follow] [--after SEQ] [-o json]\n"
	  "       mintmark audit --verify [--head NUMBER:HASH] [--after SEQ] [FILE | -]",
	  "Show who did what, the oldest first.\n"
	  "Each line has the hash of the one before it: --verify checks the mint's own, or a\n"
	  "FILE of lines as -o json prints them. Exit 1: a line was changed, or is missing.", WITH(audit_flags), 1,
	  "  mintmark audit | grep alice\n"
	  "  mintmark audit --follow\n"
	  "  mintmark audit -o json >>audit.jsonl\n"
	  "  mintmark audit --verify audit.jsonl\n",
	  audit_run },
	{ "doctor", "[--data DIR] [--mint-config FILE] [--state FILE] [--agent-config FILE]\n"
	  "       [--url URL]... [-o json]",
	  "Look at all there is on this host, and say what to do.\n"
	  "A mint, an agent, or both, where flags, the environment and /etc/mintmark say; and\n"
	  "what proxies guard. Nothing is changed, and nothing secret is shown or sent. What hangs\n"
	  "is given 15 s. Run it as root, or as the user of what it looks at.\n"
	  "Exit: 0 all is well, 1 something is WRONG, 3 there is nothing to look at.", WITH(doctor_flags), 0,
	  "  mintmark doctor\n"
	  "  mintmark doctor --url https://files.example.org/ --url https://photos.example.org/\n"
	  "  mintmark doctor -o json | jq -r '.[] | select(.state==\"wrong\") | .check, .next'\n"
	  "  */10 * * * * root  chronic mintmark doctor    # a crontab; chronic is in moreutils\n",
	  doctor_command },
	{ "key list", "[--data DIR] [-o json]",
	  "List the signing keys and how many tokens need them.", WITH(key_list_flags), 0,
	  "  mintmark key list\n"
	  "  mintmark key list -o json | jq -r '.[] | select(.state==\"active\").kid'\n",
	  key_list },
	{ "key generate", "[--alg ES256|EdDSA|RS256] [--offline FOLDER] [--data DIR]",
	  "Make a key that waits for its turn.\n"
	  "Where none signs yet, it signs at once.", WITH(generate_flags), 0,
	  "  mintmark key generate\n"
	  "  mintmark key generate --alg EdDSA\n"
	  "  mintmark key generate --offline /media/stick\n",
	  key_generate },
	{ "key import", "URI [--data DIR]",
	  "Let a key in a PKCS#11 token wait for its turn.\n"
	  "It signs once, to show that it can. The PIN comes from a file that the URI names.", WITH(key_flags), 1,
	  "  mintmark key import 'pkcs11:token=mint;object=2026-1;type=private?pin-source=file:/etc/mintmark/pin'\n",
	  key_import },
	{ "key protect", "[--plain] [--data DIR] [--key-passphrase-file FILE]",
	  "Encrypt the key files that are not.\n"
	  "After a crash, run it again: it does what is left.", WITH(protect_flags), 0,
	  "  mintmark key protect --key-passphrase-file /etc/mintmark/passphrase\n"
	  "  mintmark key protect --plain\n",
	  key_protect },
	{ "key rotate", "[--now] [--data DIR]",
	  "Let the next key sign.\n"
	  "Tokens of the old one stay good. After a crash, run it again: it does what is left.\n"
	  "A key that was announced less than 5 minutes ago does not sign yet: exit 1.", WITH(key_rotate_flags), 0,
	  "  mintmark key rotate\n"
	  "  mintmark key rotate --data /var/lib/mintmark\n",
	  key_rotate },
	{ "key retire", "[KID] [--force] [--data DIR]",
	  "Remove keys that no token needs.\n"
	  "Without KID, each retiring key whose last token, access token and list has expired.", WITH(retire_flags), 1,
	  "  mintmark key retire\n"
	  "  mintmark key retire q1W2e3R4t5Y\n",
	  key_retire },
	{ "key report", "KID [--data DIR] [-o json]",
	  "List whose tokens go with a key, also one that is gone.", WITH(plain_flags), 1,
	  "  mintmark key report q1W2e3R4t5Y\n"
	  "  mintmark key report q1W2e3R4t5Y -o json | jq -r '.tokens[].user' | uniq\n",
	  key_report },
	{ "key compromise", "KID [--yes] [--reissue FOLDER|-] [--data DIR] [-o json]",
	  "Throw a stolen key out at once.\n"
	  "All that it signed is refused everywhere. After a crash, run it again.\n"
	  "Exit 3: the key is out, but mintmarkd could not be told, and verifiers accept it until\n"
	  "it is. With --reissue, name the same folder again.", WITH(compromise_flags), 1,
	  "  mintmark key compromise q1W2e3R4t5Y\n"
	  "  mintmark key compromise q1W2e3R4t5Y --yes --reissue /root/new-tokens\n",
	  key_compromise },
};
/* clang-format on */

/* ---- finding one ---- */

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* How many of the words at argv[1] make the command's name; 0: others. */
static int words_of(const struct command *c, int argc, char **argv)
{
	struct span rest = span_str(c->name), first;
	if (!span_cut(&rest, ' ', &first))
		return argc > 1 && span_is(rest, argv[1]) ? 1 : 0;
	return argc > 2 && span_is(first, argv[1]) && span_is(rest, argv[2])
		       ? 2
		       : 0;
}

/* The commands whose first word is `group` (NULL: all). */
static size_t print_commands(FILE *to, const char *group)
{
	size_t n = 0;
	for (size_t i = 0; i < COUNT(commands); i++) {
		struct span rest = span_str(commands[i].name), first = rest;
		(void)span_cut(&rest, ' ', &first);
		if (group != NULL && !span_is(first, group))
			continue;
		fprintf(to, "%s  mintmark %-16s  %.*s\n",
			n ? "" : "Commands:\n", commands[i].name,
			(int)strcspn(commands[i].about, "\n"),
			commands[i].about);
		n++;
	}
	return n;
}

static void print_help(void)
{
	puts("usage: mintmark COMMAND [FLAG]...\n\n"
	     "Personal access tokens: made, listed, taken back, checked.\n");
	print_commands(stdout, NULL);
	puts("\n  mintmark COMMAND --help    its flags and examples\n"
	     "  mintmark --version\n\n"
	     "Where the mint is: --data DIR (its admin.sock), "
	     "MINTMARK_SOCKET, or MINTMARK_URL\nwith MINTMARK_TOKEN, the first "
	     "that is said; else "
	     "/var/lib/mintmark. The ID self is\nalways asked for at "
	     "MINTMARK_URL. MINTMARK_STATE is the state file to verify from;\n"
	     "else /run/mintmark/state.\n\n"
	     "Exit: 0 done, 1 refused, 2 not understood, 3 nobody could "
	     "answer.");
}

/* Nothing matched: help was asked, or something was mistyped. */
static int no_command(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	if (word != NULL && is_help(word)) {
		print_help();
		return 0;
	}
	if (word != NULL && strcmp(word, "--version") == 0) {
		puts("mintmark " MM_VERSION);
		return 0;
	}
	if (argc > 2 && is_help(argv[2]) && print_commands(stdout, word))
		return 0;
	fputs(word == NULL     ? "mintmark: which command?\n"
	      : word[0] == '-' ? "mintmark: the command comes first, and its "
				 "flags after it\n"
			       : "mintmark: there is no such command\n",
	      stderr);
	if (word == NULL || !print_commands(stderr, word))
		fputs("See mintmark --help\n", stderr);
	return 2;
}

/* ---- running it ---- */

/* MM_ERR_INVALID is the user's, 5xx somebody else's, the rest a no. */
static int exit_of(enum mm_err e)
{
	return e == MM_OK	       ? 0
	       : e == MM_ERR_INVALID   ? 2
	       : mm_err_http(e) >= 500 ? 3
				       : 1;
}

/* An empty sentence: the command has said all itself. */
static void say(const struct command *c, enum mm_err e, const struct why *why)
{
	const char *text = why->text;
	if (text[0] == '\0' && e == MM_ERR_NOMEM)
		text = "out of memory";
	if (text[0] == '\0')
		return;
	fputs("mintmark: ", stderr);
	put_text(stderr, text);
	fputc('\n', stderr);
	if (e == MM_ERR_INVALID)
		fprintf(stderr, "See mintmark %s --help\n", c->name);
}

static int finish(const struct command *c, enum mm_err e, const struct why *why)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("mintmark: cannot write to standard output\n", stderr);
		return 3;
	}
	if (e != MM_OK)
		say(c, e, why);
	return exit_of(e);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct args args = { 0 };
	struct why why = { .text = "" };
	bool help = false;
	enum mm_err e = args_read(c, argc, argv, &args, &help, &why);
	warn_unknown_variables();
	if (e == MM_OK && help)
		args_print_help(c);
	else if (e == MM_OK)
		e = c->run(&args, &why);
	return finish(c, e, &why);
}

int main(int argc, char **argv)
{
	secrecy_of_process();
	if (argc > 1 && strcmp(argv[1], "key") == 0)
		(void)secrecy_of_keys();
	output_init();
	json_heap_watch(free);
	for (size_t i = 0; i < COUNT(commands); i++) {
		int words = words_of(&commands[i], argc, argv);
		if (words > 0)
			return run(&commands[i], argc - words, argv + words);
	}
	return no_command(argc, argv);
}
