/* system_door.c - what a proxy's question costs: the agent's /auth, beside
 * the least that its HTTP library can do with the same request and the same
 * headers in the reply. */
#include "tests/bench/contest.h"
#include "tests/bench/hello.h"

#define AUTH "/auth?scope=photos:read"

enum { PLAIN, HELLO, AUTH_BEARER, AUTH_BASIC, AUTH_UNIX, RIVALS };

struct door_bench {
	struct host host;
	struct minted hot[LOAD_TOKENS];
	pid_t hello;
	struct place agent, agent_unix, plain;
	char socket[128];
	struct rival rival[RIVALS];
};

static enum mm_err start_agents(struct door_bench *d)
{
	struct host *h = &d->host;
	char listen[160];
	TRY(host_free_port(&d->agent.port));
	snprintf(listen, sizeof listen, "127.0.0.1:%u", d->agent.port);
	TRY(host_start_agent(h, "agent", listen));
	TRY(host_wait_open(h, d->agent, h->agent[0], "mintmark-agent"));
	snprintf(d->socket, sizeof d->socket, "%s/auth.sock", h->folder);
	snprintf(listen, sizeof listen, "unix:%s", d->socket);
	d->agent_unix.path = d->socket;
	TRY(host_start_agent(h, "agent-unix", listen));
	return host_wait_open(h, d->agent_unix, h->agent[1], "mintmark-agent");
}

static enum mm_err start_servers(struct door_bench *d)
{
	struct processors before;
	processors_keep(&before);
	processors_use(&before, CONTEST_SERVER);
	enum mm_err e = hello_start(&d->hello, &d->plain.port);
	if (e == MM_OK)
		e = start_agents(d);
	processors_restore(&before);
	return e;
}

static enum mm_err enter(struct door_bench *d)
{
	struct rival *hello = &d->rival[HELLO];
	pid_t tcp = d->host.agent[0], local = d->host.agent[1];
	const struct {
		struct rival as;
		const char *path;
		bool basic;
	} list[RIVALS] = {
		[PLAIN] = { { .at = d->plain, .pid = { d->hello } }, "/hello" },
		[HELLO] = { { .at = d->plain, .pid = { d->hello } }, AUTH },
		[AUTH_BEARER] = { { .at = d->agent, .pid = { tcp } }, AUTH },
		[AUTH_BASIC] = { { .at = d->agent, .pid = { tcp } },
				 AUTH,
				 true },
		[AUTH_UNIX] = { { .at = d->agent_unix, .pid = { local } },
				AUTH },
	};
	for (size_t i = 0; i < RIVALS; i++) {
		struct rival *r = &d->rival[i];
		*r = list[i].as;
		r->base = i > HELLO ? hello : NULL;
		r->of = "of_hello_percent";
		TRY(questions_write(&r->ask, list[i].path, d->hot,
				    list[i].basic));
	}
	return MM_OK;
}

static void door_end(struct door_bench **d)
{
	if (*d == NULL)
		return;
	contest_free((*d)->rival, RIVALS);
	process_kill(&(*d)->hello);
	host_close(&(*d)->host);
	free(*d);
}

static enum mm_err door_run(struct bench *b, void *ctx, struct row *rows)
{
	__attribute__((cleanup(door_end))) struct door_bench *d =
		calloc(1, sizeof *d);
	(void)ctx;
	if (d == NULL)
		return MM_ERR_NOMEM;
	TRY(host_open(b, "door", &d->host));
	TRY(host_mint_some(&d->host, d->hot, LOAD_TOKENS));
	TRY(start_servers(d));
	TRY(enter(d));
	return contest_run(b, d->rival, RIVALS, rows);
}

const struct probe system_door = {
	.row = { "door.hello_text", "door.hello", "door.auth",
		 "door.auth_basic", "door.auth_unix" },
	.once = true,
	.run = door_run,
};
