#!/usr/bin/env python3
"""haproxy.py - two issuers on one PostgreSQL behind HAProxy, and an agent that
has nothing but its address: deploy/haproxy/haproxy.cfg.

One is killed or frozen: requests go on, and the agent hears of what is revoked
at the other."""
import getpass
import grp
import http.client
import os
import pathlib
import re
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from doors import (DEPLOY, PATH, SLOW, free_port, main,  # noqa: E402
                   need_programs, wait_for)
from flow import Issuer  # noqa: E402
from tls import HOST, Authority  # noqa: E402
from two_issuers import TwoIssuers  # noqa: E402
from web import Server, curl, place  # noqa: E402

# Seconds after which one that was frozen has been left (as the file adds them
# up), and until the agent has asked anew and been answered.
FOUND = 1 + 2 + 0.5 + 2
LEFT = FOUND + 0.5 + 2 * SLOW
# ... and a request has been answered by the other one, when one was killed.
OVER = 2 * SLOW
NAMES = {"one": "a", "two": "b"}  # what HAProxy calls them


def user_lines():
    """What the file says of users, if not root reads it."""
    if os.getuid() == 0:
        return {"/var/lib/haproxy": "/var/lib/haproxy",
                "user haproxy": "user haproxy", "group haproxy": "group haproxy"}
    return {"chroot /var/lib/haproxy": "",
            "user haproxy": f"user {getpass.getuser()}",
            "group haproxy": f"group {grp.getgrgid(os.getgid()).gr_name}"}


class Balancer(Server):
    def __init__(self, folder, ports, bind=""):
        super().__init__(folder / "haproxy.log", free_port())
        self.url, self.mint = f"http://127.0.0.1:{self.port}", None
        self.file = place(DEPLOY / "haproxy/haproxy.cfg", folder / "haproxy.cfg", {
            **user_lines(), "127.0.0.1:8088": f"127.0.0.1:{self.port}{bind}",
            "192.0.2.11:8080": f"127.0.0.1:{ports['a']}",
            "192.0.2.12:8080": f"127.0.0.1:{ports['b']}"})

    def begin(self):
        return self.start("haproxy", "-db", "-f", self.file, env={"PATH": PATH})

    def stop(self):
        """The signal ends it, and its exit code says so."""
        if self.alive():
            self.proc.terminate()
            assert self.proc.wait(20 * SLOW) == -signal.SIGTERM, self.text()


class Asker(threading.Thread):
    """Mints one token after the other, each by a connection of its own."""

    def __init__(self, mint, token):
        super().__init__(daemon=True)
        self.mint, self.token, self.enough = mint, token, False
        self.good, self.bad = [time.monotonic()], []
        self.start()

    def run(self):
        while not self.enough:
            try:
                status = self.mint(self.token)[0]
            except (OSError, http.client.HTTPException) as e:
                status = repr(e)
            if status == 201:
                self.good.append(time.monotonic())
            else:
                self.bad.append(status)

    def goes_on(self):
        n = len(self.good)
        wait_for("it to be answered again", lambda: len(self.good) > n + 2, 60)

    def end(self):
        """The longest time without an answer."""
        self.enough = True
        self.join()
        return max(b - a for a, b in zip(self.good, self.good[1:]))


class Haproxy(TwoIssuers):
    flags = ("--behind-proxy",)

    def setUp(self):
        super().setUp()
        self.ports = {"a": free_port(), "b": free_port()}

    def one(self, name, *args):
        """HAProxy begins when both are there, and the agent behind it."""
        i = super().one(name, *args)
        if name == "b":
            self.processes.append(self.front.begin())
        return i

    def open(self):
        self.front = Balancer(self.folder, self.ports)
        self.start_both(front=self.front)
        self.agent_token = self.agent.token_file.read_text().strip()
        # It runs nowhere: whoever asks it asks HAProxy.
        self.mint = Issuer(self.folder, self.front.port)

    def tearDown(self):
        super().tearDown()
        for p in self.processes:
            self.assertNotIn('"feed.agent_ahead"', p.text())

    def admin(self):
        return self.a.mint("root", scopes=["mintmark:admin"])

    def mint_by(self, token):
        return self.mint.http("POST", "/v1/tokens", {
            "user": "alice", "expires_in": 600}, token)

    def asked(self, token=None):
        """The issuer that HAProxy asks for whoever shows this token; None: one
        that it does not hold for ready."""
        mark = f"/v1/tokens/{time.monotonic_ns()}"
        self.mint.http("GET", mark + "?not=logged", token=token)
        line = wait_for("HAProxy to log it", lambda: re.search(
            rf"mintmark/(\w+) .* GET {mark}\n", self.front.text()))
        return {"a": self.a, "b": self.b}.get(NAMES.get(line[1]))

    def an_admin_of(self, issuer):
        """A token that leads there."""
        tokens = (self.admin()["token"] for _ in range(100))
        return next(t for t in tokens if self.asked(t) is issuer)

    def sides(self):
        """The issuer that the agent is at, and the other one.  A poll that was
        held elsewhere comes home when it has been answered."""
        one = self.asked(self.agent_token)
        self.heard_by_the_agent(self.b, 10)
        wait_for("the agent's poll", lambda: self.polls(one) == 1)
        return (self.a, self.b) if one is self.a else (self.b, self.a)

    @staticmethod
    def polls(issuer):
        return issuer.http("GET", "/health/ready")[1]["polls"]

    # ---- a day like any other ----

    def test_all_goes_through_it(self):
        self.open()
        admin = self.admin()["token"]
        for _ in range(5):
            status, t, _ = self.mint_by(admin)
            self.assertEqual(status, 201)
            wait_for("the agent to know its list",
                     lambda t=t: self.reader.ask(t["token"]) == "ok")
            self.assertEqual(self.mint.http(
                "DELETE", f"/v1/tokens/{t['id']}", token=admin)[0], 200)
            wait_for("the revocation to be enforced",
                     lambda t=t: self.reader.ask(t["token"]) == "revoked", 2)
        self.assertEqual(self.steady.refused, [])
        self.asked(admin)
        self.assertNotIn("not=logged", self.front.text())
        self.assertNotIn(admin[-40:], self.front.text())

    def test_an_agent_asks_the_same_issuer_each_time(self):
        """Else who revokes waits 0.5 s for one that has gone elsewhere."""
        self.open()
        one, _ = self.sides()
        admin, before = self.an_admin_of(one), len(self.front.text())
        for _ in range(9):
            t = self.mint_by(admin)[1]
            self.mint.http("DELETE", f"/v1/tokens/{t['id']}", token=admin)
            wait_for("the revocation to be enforced",
                     lambda t=t: self.reader.ask(t["token"]) == "revoked", 2)
        polls = re.findall(r"mintmark/(\w+) .* GET /v1/feed\n",
                           self.front.text()[before:])
        self.assertGreater(len(polls), 5)
        self.assertEqual({NAMES.get(n) for n in polls},
                         {"a" if one is self.a else "b"})

    def test_a_poll_is_not_cut(self):
        self.open()
        head = self.a.http("GET", "/health/ready")[1]["seq"]
        began = time.monotonic()
        status, _, _ = self.mint.http("GET", f"/v1/feed?after={head}&wait=30",
                                      token=self.agent_token)
        self.assertEqual(status, 200)
        self.assertGreater(time.monotonic() - began, 29)

    def test_A31_behind_a_balancer(self):
        """Where a client is says HAProxy, whatever he says."""
        self.open()
        url = self.front.url + "/v1/tokens"
        here, there = (self.a.mint(scopes=["mintmark:self"], cidr=[net])["token"]
                       for net in ("127.0.0.1", "127.0.0.2"))
        lies = ([], ["X-Forwarded-For: 127.0.0.2"],
                ["x-forwarded-for: 10.0.0.1, 127.0.0.2"],
                ["X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 127.0.0.2"],
                ["Connection: X-Forwarded-For", "X-Forwarded-For: 127.0.0.2"],
                ["Forwarded: for=127.0.0.2"], ["X-Real-IP: 127.0.0.2"])
        for lie in lies:
            self.assertEqual(curl("GET", url, None, here, lie).status, 200, lie)
            self.assertEqual(curl("GET", url, None, there, lie).status, 401, lie)
        for token, status in ((here, 401), (there, 200)):
            self.assertEqual(curl("GET", url, None, token, flags=(
                "--interface", "127.0.0.2")).status, status)

    def test_with_a_certificate(self):
        """As the file says for others than this host."""
        ca = Authority(self.folder, "ours")
        ca.context(HOST)
        front = Balancer(self.folder, self.ports,
                         f" ssl crt {self.folder / 'server.pem'}")
        self.processes.append(front)
        front.begin()
        self.one("a", self.pg.url(), f"https://{HOST}")
        r = curl("GET", f"https://{HOST}:{front.port}/version", flags=(
            "--cacert", ca.pem, "--resolve", f"{HOST}:{front.port}:127.0.0.1"))
        self.assertEqual(r.status, 200, r)

    # ---- bad days ----

    def both_asked(self, *issuers):
        return [Asker(self.mint_by, self.an_admin_of(i)) for i in issuers]

    def lost_what_it_had(self, asker, of_the_other):
        """All that came later, and all that the other one was asked, went well:
        503 would be for who was sent nowhere."""
        self.assertEqual(set(asker.bad) - {502}, set())
        self.assertEqual(of_the_other.bad, [])

    def test_F15_killed_behind_a_balancer(self):
        """Nobody waits for the next check; lost is what it had in hand."""
        self.open()
        for _ in range(2):
            one, other = self.sides()
            askers = self.both_asked(one, other)
            for a in askers:
                a.goes_on()
            began = time.monotonic()
            one.kill9()
            self.assert_found(other, began, OVER)
            for a in askers:
                a.goes_on()
            gaps = [a.end() for a in askers]
            print(f"longest without an answer: {gaps}", file=sys.stderr)
            self.assertLess(max(gaps), OVER)
            self.lost_what_it_had(*askers)
            one.start()
            wait_for("it to be asked again",
                     lambda: self.asked(self.agent_token) is one, 20)

    def test_F15_stopped_behind_a_balancer(self):
        """And started, as for a new release."""
        self.open()
        one, other = self.sides()
        askers = self.both_asked(one, other)
        for a in askers:
            a.goes_on()
        one.stop()
        for a in askers:
            a.goes_on()
        one.start()
        wait_for("it to be asked again",
                 lambda: self.asked(self.agent_token) is one, 20)
        self.assertLess(max(a.end() for a in askers), OVER)
        self.lost_what_it_had(*askers)

    def test_F15_frozen_behind_a_balancer(self):
        self.open()
        one, other = self.sides()
        askers = self.both_asked(one, other)
        for a in askers:
            a.goes_on()
        time.sleep(2)  # for two checks: of a new one, a first that fails will do
        began = time.monotonic()
        one.freeze()
        self.assert_found(other, began, LEFT)
        print(f"heard after {time.monotonic() - began:.1f} s", file=sys.stderr)
        for a in askers:
            a.goes_on()
        gaps = [a.end() for a in askers]
        print(f"longest without an answer: {gaps}", file=sys.stderr)
        self.assertLess(max(gaps), LEFT)
        self.lost_what_it_had(*askers)
        one.proc.send_signal(signal.SIGCONT)
        wait_for("it to be asked again",
                 lambda: self.asked(self.agent_token) is one, 20)
        self.heard_by_the_agent(one, 10)

    def test_F14_no_database_behind_a_balancer(self):
        """None is ready: they are asked all the same."""
        self.open()
        admin = self.admin()["token"]
        self.pg.stop()
        wait_for("none to be ready", lambda: re.search(
            r"mintmark/\w+_unready .* GET /version\n",
            curl("GET", self.front.url + "/version") and self.front.text()), 30)
        self.assertEqual(self.mint.http("GET", "/.well-known/jwks.json")[0], 200)
        status, problem, _ = self.mint_by(admin)
        self.assertEqual((status, set(problem) >= {"reason", "detail"}),
                         (503, True))
        self.pg.start()
        wait_for("it to mint again", lambda: self.mint_by(admin)[0] == 201, 30)
        wait_for("and the one that is asked next", lambda: self.a.http(
            "POST", "/v1/tokens", {"user": "a", "expires_in": 60}, local=True)
            [0] == 201, 30)
        self.heard_by_the_agent(self.a, 20)


if __name__ == "__main__":
    need_programs("haproxy", "curl")
    main(at_once=3)
