/* main.c - notes over HTTP, opened by personal access tokens.
 *
 *	notes STATE PORT
 *
 *	GET    /notes              your notes: named scope notes:list
 *	GET    /notes/travel/rome  one of them: node:ID:r
 *	PUT    /notes/travel/rome  write it: node:ID:w
 *	DELETE /notes/travel/rome  the same
 *
 * ID is the note's own path, /travel/rome, or that of a folder around it,
 * /travel, or root.  Which notes are yours says the token's user; its scopes
 * only narrow that.
 *
 * Serves plain HTTP on 127.0.0.1: the token crosses the network as it is, so
 * put a TLS proxy in front.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth.h"
#include "notes.h"

#define DEPTH_MAX 8

/* A note's id and those of the folders around it, nearest first. */
struct chain {
	size_t n;
	const char *ids[DEPTH_MAX + 1];
	char text[DEPTH_MAX][PATH_SIZE];
};

struct request {
	struct MHD_Connection *connection;
	struct auth auth;
	struct chain chain;
	char scope[PATH_SIZE + 16]; /* what is needed, for a 403 */
	char allow[64];		    /* what the path knows, for a 405 */
	struct note note;	    /* the body, on its way in or out */
	bool too_large;
	bool unclear; /* see note_header() */
	unsigned lengths, encodings;
};

/* ---- answering ---- */

static enum MHD_Result reply(struct request *rq, unsigned status,
			     const char *body, size_t len)
{
	/* MHD promises not to write to what it copies. */
	struct MHD_Response *r = MHD_create_response_from_buffer(
		len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (rq->unclear)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	if (rq->auth.err != MM_OK)
		auth_challenge(r, &rq->auth, rq->scope);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, rq->allow);
	enum MHD_Result result = MHD_queue_response(rq->connection, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result say(struct request *rq, unsigned status)
{
	char line[64];
	int n = snprintf(line, sizeof line, "%s\n",
			 MHD_get_reason_phrase_for(status));
	/* RFC 9110 section 15.3.5: 204 has no body */
	bool empty = status == MHD_HTTP_NO_CONTENT || n < 0;
	return reply(rq, status, line, empty ? 0 : (size_t)n);
}

static enum MHD_Result say_result(struct request *rq, enum note_result result)
{
	static const unsigned status[] = {
		[NOTE_OK] = MHD_HTTP_NO_CONTENT,
		[NOTE_NEW] = MHD_HTTP_CREATED,
		[NOTE_NONE] = MHD_HTTP_NOT_FOUND,
		[NOTE_FULL] = MHD_HTTP_INSUFFICIENT_STORAGE,
	};
	return say(rq, status[result]);
}

/* ---- what the routes do, once the token may ---- */

static enum MHD_Result list_notes(struct request *rq)
{
	char list[LIST_MAX];
	size_t len = note_list(rq->auth.token.user, list);
	return reply(rq, MHD_HTTP_OK, list, len);
}

static enum MHD_Result read_note(struct request *rq)
{
	if (note_read(rq->auth.token.user, rq->chain.ids[0], &rq->note) !=
	    NOTE_OK)
		return say(rq, MHD_HTTP_NOT_FOUND);
	return reply(rq, MHD_HTTP_OK, rq->note.text, rq->note.len);
}

static enum MHD_Result write_note(struct request *rq)
{
	struct note *n = &rq->note;
	if (rq->too_large)
		return say(rq, MHD_HTTP_CONTENT_TOO_LARGE);
	snprintf(n->user, sizeof n->user, "%s", rq->auth.token.user);
	snprintf(n->path, sizeof n->path, "%s", rq->chain.ids[0]);
	return say_result(rq, note_write(n));
}

static enum MHD_Result delete_note(struct request *rq)
{
	return say_result(rq,
			  note_delete(rq->auth.token.user, rq->chain.ids[0]));
}

static const struct route {
	const char *method, *path; /* a path that ends in / begins others */
	const char *scope;	   /* the named scope that opens it, or NULL: */
	unsigned perm;		   /* what is needed on the note */
	enum MHD_Result (*act)(struct request *rq);
} routes[] = {
	{ "GET", "/notes", "notes:list", 0, list_notes },
	{ "HEAD", "/notes", "notes:list", 0, list_notes },
	{ "GET", "/notes/", NULL, MM_READ, read_note },
	{ "HEAD", "/notes/", NULL, MM_READ, read_note },
	{ "PUT", "/notes/", NULL, MM_WRITE, write_note },
	{ "DELETE", "/notes/", NULL, MM_WRITE, delete_note },
};

static bool is_path_of(const struct route *r, const char *path)
{
	return r->scope != NULL ? strcmp(path, r->path) == 0
				: strncmp(path, r->path, strlen(r->path)) == 0;
}

/* NULL, with rq->allow when there are other methods for this path. */
static const struct route *find_route(struct request *rq, const char *method,
				      const char *path)
{
	size_t n = 0;
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		const struct route *r = &routes[i];
		if (!is_path_of(r, path))
			continue;
		if (strcmp(method, r->method) == 0)
			return r;
		n += (size_t)snprintf(rq->allow + n, sizeof rq->allow - n,
				      "%s%s", n ? ", " : "", r->method);
	}
	return NULL;
}

/* ---- may they? ---- */

/* Letters, digits and "._-" only, and no name that is empty or begins with
 * a dot or dash: nothing here can be misread, in a scope or a header. */
static bool is_plain(const char *path)
{
	if (path[0] != '/' || strlen(path) >= PATH_SIZE)
		return false;
	for (const char *p = path; *p != '\0'; p++)
		if (*p == '/' ? !isalnum((unsigned char)p[1]) && p[1] != '_'
			      : !isalnum((unsigned char)*p) &&
					strchr("._-", *p) == NULL)
			return false;
	return true;
}

/* /travel/rome lies in /travel, and that in root.  (Services whose folders
 * move use ids that stay: the chain then comes from the database.) */
static bool find_chain(const char *path, struct chain *out)
{
	if (!is_plain(path))
		return false;
	out->n = 0;
	for (size_t len = strlen(path); len != 0;) {
		if (out->n == DEPTH_MAX)
			return false;
		memcpy(out->text[out->n], path, len);
		out->text[out->n][len] = '\0';
		out->ids[out->n] = out->text[out->n];
		out->n++;
		while (path[--len] != '/')
			;
	}
	out->ids[out->n++] = "root";
	return true;
}

static enum mm_err check_scope(struct request *rq, const struct route *r)
{
	const struct mm_token *t = &rq->auth.token;
	if (r->scope != NULL) {
		snprintf(rq->scope, sizeof rq->scope, "%s", r->scope);
		return mm_has_scope(t, r->scope) ? MM_OK
						 : MM_ERR_INSUFFICIENT_SCOPE;
	}
	snprintf(rq->scope, sizeof rq->scope, "node:%s:%s", rq->chain.ids[0],
		 r->perm == MM_READ ? "r" : "w");
	return mm_allow(t, "node", rq->chain.ids, rq->chain.n, r->perm);
}

/* The token's id may be logged; the token, and the client's own text, not. */
static void log_line(const struct request *rq, const struct route *r)
{
	const char *id = rq->auth.token.id;
	fprintf(stderr, "%s %s id=%s %s\n", r->method, r->path, *id ? id : "-",
		rq->auth.presented ? mm_reason(rq->auth.err) : "no_token");
}

static enum MHD_Result answer(struct mm_verifier *v, struct request *rq,
			      const char *method, const char *path)
{
	const struct route *r = find_route(rq, method, path);
	if (r == NULL)
		return say(rq, rq->allow[0] ? MHD_HTTP_METHOD_NOT_ALLOWED
					    : MHD_HTTP_NOT_FOUND);
	auth_verify(v, rq->connection, &rq->auth);
	if (rq->auth.err == MM_OK && r->scope == NULL &&
	    !find_chain(path + strlen("/notes"), &rq->chain))
		return say(rq, MHD_HTTP_BAD_REQUEST);
	if (rq->auth.err == MM_OK)
		rq->auth.err = check_scope(rq, r);
	log_line(rq, r);
	if (rq->auth.err != MM_OK)
		return say(rq, auth_status(rq->auth.err));
	return r->act(rq);
}

/* ---- libmicrohttpd ---- */

static void take_body(struct request *rq, const char *data, size_t len)
{
	if (len > NOTE_MAX - rq->note.len) {
		rq->too_large = true;
		return;
	}
	memcpy(rq->note.text + rq->note.len, data, len);
	rq->note.len += len;
}

/* What a proxy in front may have read in another way: a name that is none
 * ("Authorization "), a length said twice, or with Transfer-Encoding.  A value
 * with a NUL in it libmicrohttpd may have cut before this sees it. */
static enum MHD_Result note_header(void *ctx, enum MHD_ValueKind kind,
				   const char *name, size_t name_len,
				   const char *value, size_t len)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz";
	struct request *rq = ctx;
	(void)kind;
	rq->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
	rq->encodings +=
		strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	if (name_len == 0 || strspn(name, token) != name_len ||
	    rq->lengths + rq->encodings > 1 ||
	    (value != NULL && memchr(value, '\0', len) != NULL))
		rq->unclear = true;
	return MHD_YES;
}

/* Called for the head, for each part of the body, and at its end.  A reply in
 * the first call closes the connection, and is for when it is not clear what
 * follows; all others wait for the last. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
				  const char *path, const char *method,
				  const char *version, const char *data,
				  size_t *len, void **state)
{
	struct request *rq = *state;
	(void)version;
	if (rq == NULL) {
		*state = rq = calloc(1, sizeof *rq);
		if (rq == NULL)
			return MHD_NO;
		rq->connection = connection;
		MHD_get_connection_values_n(connection, MHD_HEADER_KIND,
					    note_header, rq);
		return rq->unclear ? say(rq, MHD_HTTP_BAD_REQUEST) : MHD_YES;
	}
	if (*len != 0) {
		take_body(rq, data, *len);
		*len = 0;
		return MHD_YES;
	}
	return answer(ctx, rq, method, path);
}

static void on_end(void *ctx, struct MHD_Connection *connection, void **state,
		   enum MHD_RequestTerminationCode code)
{
	(void)ctx, (void)connection, (void)code;
	free(*state);
	*state = NULL;
}

static struct MHD_Daemon *serve(struct mm_verifier *v, in_port_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return MHD_start_daemon(
		MHD_USE_AUTO_INTERNAL_THREAD, port, NULL, NULL, on_request, v,
		MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_THREAD_POOL_SIZE, 4u,
		MHD_OPTION_CONNECTION_TIMEOUT, 30u,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
		on_end, NULL, MHD_OPTION_END);
}

static bool read_port(const char *text, in_port_t *out)
{
	char *end;
	long n = strtol(text, &end, 10);
	*out = (in_port_t)n;
	return end != text && *end == '\0' && n > 0 && n <= 65535;
}

/* Blocked before the first thread starts, so that none of them is hit. */
static void block_signals(sigset_t *out)
{
	sigemptyset(out);
	sigaddset(out, SIGINT);
	sigaddset(out, SIGTERM);
	pthread_sigmask(SIG_BLOCK, out, NULL);
	signal(SIGPIPE, SIG_IGN); /* clients may leave */
}

int main(int argc, char **argv)
{
	in_port_t port;
	if (argc != 3 || !read_port(argv[2], &port)) {
		fprintf(stderr, "usage: notes STATE PORT\n");
		return 2;
	}
	sigset_t signals;
	block_signals(&signals);

	char why[256];
	struct mm_options opt = { .state = argv[1],
				  .audience = "notes",
				  .why = why,
				  .why_size = sizeof why };
	struct mm_verifier *v;
	if (mm_open(&opt, &v) != MM_OK) {
		fprintf(stderr, "notes: %s\n", why);
		return 1;
	}
	if (why[0] != '\0')
		fprintf(stderr, "notes: warning: %s\n", why);
	struct MHD_Daemon *d = serve(v, port);
	if (d == NULL) {
		fprintf(stderr, "notes: port %d: %s\n", port, strerror(errno));
		mm_close(v);
		return 1;
	}
	fprintf(stderr, "notes: http://127.0.0.1:%d/notes\n", port);

	int got;
	sigwait(&signals, &got);
	MHD_stop_daemon(d); /* waits for its threads; then nobody is in v */
	mm_close(v);
	return 0;
}
