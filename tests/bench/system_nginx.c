/* system_nginx.c - what asking the agent costs nginx's clients: a small file,
 * and a request passed on to a server behind it, each with auth_request and
 * without.  nginx, the agent and that server share a processor, so that the
 * difference is all that asking takes, on both sides. */
#include <unistd.h>

#include "tests/bench/contest.h"
#include "tests/bench/hello.h"

#define NGINX "/usr/sbin/nginx" /* Debian's */

enum { FILE_OPEN, FILE_AUTH, PROXY_OPEN, PROXY_AUTH, RIVALS };

static const char *const paths[RIVALS] = {
	[FILE_OPEN] = "/file",
	[FILE_AUTH] = "/file_auth",
	[PROXY_OPEN] = "/proxy",
	[PROXY_AUTH] = "/proxy_auth",
};

struct nginx_bench {
	struct host host;
	struct minted hot[LOAD_TOKENS];
	pid_t hello, nginx;
	struct place behind, front;
	char socket[128];
	struct rival rival[RIVALS];
};

/* Connections stay open on both sides, for longer than this takes; the rest
 * is what the manual of auth_request says. */
static const char config[] =
	"daemon off;\n"
	"master_process off;\n"
	"pid nginx.pid;\n"
	"error_log stderr error;\n"
	"events { worker_connections 512; }\n"
	"http {\n"
	"	access_log off;\n"
	"	client_body_temp_path body;\n"
	"	proxy_temp_path proxy;\n"
	"	fastcgi_temp_path fastcgi;\n"
	"	uwsgi_temp_path uwsgi;\n"
	"	scgi_temp_path scgi;\n"
	"	open_file_cache max=16;\n"
	"	keepalive_requests 1000000000;\n"
	"	keepalive_timeout 1h;\n"
	"	upstream agent {\n"
	"		server unix:%s;\n"
	"		keepalive 32;\n"
	"		keepalive_requests 1000000000;\n"
	"	}\n"
	"	upstream behind {\n"
	"		server 127.0.0.1:%u;\n"
	"		keepalive 32;\n"
	"		keepalive_requests 1000000000;\n"
	"	}\n"
	"	proxy_http_version 1.1;\n"
	"	proxy_set_header Connection \"\";\n"
	"	server {\n"
	"		listen 127.0.0.1:%u;\n"
	"		location = /file { alias %s/file; }\n"
	"		location = /file_auth {\n"
	"			auth_request /auth;\n"
	"			alias %s/file;\n"
	"		}\n"
	"		location = /proxy { proxy_pass http://behind/hello; }\n"
	"		location = /proxy_auth {\n"
	"			auth_request /auth;\n"
	"			proxy_pass http://behind/hello;\n"
	"		}\n"
	"		location = /auth {\n"
	"			internal;\n"
	"			proxy_pass "
	"http://agent/auth?scope=photos:read;\n"
	"			proxy_pass_request_body off;\n"
	"			proxy_set_header Connection \"\";\n"
	"			proxy_set_header Content-Length \"\";\n"
	"		}\n"
	"	}\n"
	"}\n";

static enum mm_err write_files(struct nginx_bench *x)
{
	AUTO_BUF struct buf text = buf_new(8192);
	struct span whole;
	char path[160];
	const char *f = x->host.folder;
	TRY(host_free_port(&x->front.port));
	buf_fmt(&text, config, x->socket, x->behind.port, x->front.port, f, f);
	TRY(buf_done(&text, &whole));
	snprintf(path, sizeof path, "%s/nginx.conf", f);
	TRY(file_replace(path, whole, 0600, x->host.why));
	snprintf(path, sizeof path, "%s/file", f);
	return file_replace(path, span_str("hello, world\n"), 0644,
			    x->host.why);
}

static enum mm_err start_nginx(struct nginx_bench *x)
{
	char log[128];
	snprintf(log, sizeof log, "%s/nginx.log", x->host.folder);
	const char *argv[] = { NGINX,	 "-p", x->host.folder, "-e",
			       "stderr", "-c", "nginx.conf",   NULL };
	TRY(write_files(x));
	TRY(process_start(&x->nginx, argv, log, x->host.why));
	return host_wait_open(&x->host, x->front, x->nginx, "nginx");
}

static enum mm_err start_all(struct nginx_bench *x)
{
	struct host *h = &x->host;
	struct place agent = { .path = x->socket };
	char listen[160];
	snprintf(x->socket, sizeof x->socket, "%s/auth.sock", h->folder);
	snprintf(listen, sizeof listen, "unix:%s", x->socket);
	TRY(hello_start(&x->hello, &x->behind.port));
	TRY(host_start_agent(h, "agent", listen));
	TRY(host_wait_open(h, agent, h->agent[0], "mintmark-agent"));
	return start_nginx(x);
}

static enum mm_err start_servers(struct nginx_bench *x)
{
	struct processors before;
	processors_keep(&before);
	processors_use(&before, CONTEST_SERVER);
	enum mm_err e = start_all(x);
	processors_restore(&before);
	return e;
}

static enum mm_err enter(struct nginx_bench *x)
{
	for (size_t i = 0; i < RIVALS; i++) {
		struct rival *r = &x->rival[i];
		bool asks = i == FILE_AUTH || i == PROXY_AUTH;
		*r = (struct rival){
			.at = x->front,
			.pid = { x->nginx, x->host.agent[0], x->hello },
			.base = asks ? r - 1 : NULL,
			.of = "of_without_percent",
		};
		TRY(questions_write(&r->ask, paths[i], x->hot, false));
	}
	return MM_OK;
}

static void nginx_end(struct nginx_bench **x)
{
	if (*x == NULL)
		return;
	contest_free((*x)->rival, RIVALS);
	process_kill(&(*x)->nginx);
	process_kill(&(*x)->hello);
	host_close(&(*x)->host);
	free(*x);
}

static enum mm_err nginx_run(struct bench *b, void *ctx, struct row *rows)
{
	__attribute__((cleanup(nginx_end))) struct nginx_bench *x =
		calloc(1, sizeof *x);
	(void)ctx;
	if (x == NULL)
		return MM_ERR_NOMEM;
	for (size_t i = 0; i < RIVALS; i++)
		row_how(&rows[i], "there is no " NGINX);
	if (access(NGINX, X_OK) != 0)
		return MM_OK;
	TRY(host_open(b, "nginx", &x->host));
	TRY(host_mint_some(&x->host, x->hot, LOAD_TOKENS));
	TRY(start_servers(x));
	TRY(enter(x));
	return contest_run(b, x->rival, RIVALS, rows);
}

const struct probe system_nginx = {
	.row = { "nginx.file", "nginx.file_auth", "nginx.proxy",
		 "nginx.proxy_auth" },
	.once = true,
	.run = nginx_run,
};
