#!/usr/bin/env python3
"""The attacks of smuggling.py on nginx, as deploy/nginx/ has it, in front of
a service that the agent guards, and in front of the mint: what nginx takes
for one request is one to the agent, to the service, and to the mint."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from smuggling import Place, all_at_once, answered, attacks  # noqa: E402

from doors import free_port, main, need_programs  # noqa: E402
from flow import wait_for  # noqa: E402
from nginx import start_nginx  # noqa: E402
from raw import Raw, request  # noqa: E402
from web import Service, Web  # noqa: E402

# What is left of a body as it comes is what could be smuggled.
MINT = """
upstream mint {{ server 127.0.0.1:{mint}; keepalive 4; }}
server {{
	listen 127.0.0.1:{port};
	access_log {log} mintmark;
	location / {{
		proxy_pass http://mint;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_request_buffering off;
	}}
}}
"""


class Nginx(Web):
    def issuer(self, **kw):
        self.mint_metrics = free_port()
        return super().issuer(
            flags=("--metrics", f"127.0.0.1:{self.mint_metrics}"), **kw)

    def start_door(self, issuer, agent):
        self.service = Service()
        self.addCleanup(self.service.stop)
        self.mint_port = free_port()
        start_nginx(self, "rest.conf", lambda port: {
            "127.0.0.1:8081": f"127.0.0.1:{port}",
            "127.0.0.1:3000": f"127.0.0.1:{self.service.port}"},
            more=MINT.format(mint=issuer.port, port=self.mint_port,
                             log=self.folder / "mint-access.log"))

    def lines(self, log):
        """(what was asked, status) of each request that nginx has seen."""
        path = self.folder / log
        text = path.read_text() if path.exists() else ""
        return [(line.split('"')[1], line.split('"')[2].split()[0])
                for line in text.splitlines()]

    def count(self, log, *statuses):
        return len([1 for _, s in self.lines(log) if s in statuses])

    def test_A32_one_request_in_is_one_request_seen(self):
        agent = free_port()
        i, _ = self.open(flags=("--metrics", f"127.0.0.1:{agent}"))
        token = i.mint(scopes=["photos:read", "photos:write"])["token"]
        more = f"Authorization: Bearer {token}\r\n".encode()
        all_at_once([(name, self.port, data) for name, data in attacks(
            Place(self.port, b"/photos/1", "/hidden", None, more))], 2)
        log = "nginx-access.log"
        seen = self.service.seen
        wait_for("the service and nginx to agree", lambda: len(seen) ==
                 self.count(log, "200"))
        self.assertGreater(len(seen), 5)  # nginx takes some for plain
        self.assertGreater(self.count(log, "401"), 5)  # what was hidden
        for s in seen:
            self.assertIn(("X-Mintmark-User", "alice"), s["headers"])
        # nginx writes its line when the connection is done with
        wait_for("a line of nginx's for each question", lambda: answered(
            agent, "/auth") <= len(self.lines(log)))

        all_at_once([(name, self.mint_port, data) for name, data in attacks(
            Place(self.mint_port, b"/v1/tokens", "/version", None))], 2)
        wait_for("the mint and nginx to agree", lambda: self.count(
            "mint-access.log", "200") == answered(
                self.mint_metrics, "/version"))
        self.assertGreater(self.count("mint-access.log", "401"), 2)


if __name__ == "__main__":
    need_programs("nginx")
    main()
