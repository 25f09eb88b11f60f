#!/usr/bin/env python3
"""Relays: agents that serve the feed that they follow, to agents that ask no
issuer.  What an issuer revokes is refused behind one relay and behind two; a
relay that dies, lies or hears nothing costs its agents nothing but time.
MM_LONG: also one that hears nothing for 40 s, a snapshot that takes as long to
make as one of 200 million tokens, and 5,000 agents at one."""
import contextlib
import http.client
import json
import os
import pathlib
import resource
import selectors
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import time

from flow import (AGENT, MINTMARK, SLOW, TOP, Agent, Flow, UnixConnection,
                  cli, free_port, main, wait_for)
from hostile_feed import Liar, quick


def get(port, path, token=None, method="GET", body=None, timeout=40):
    """(status, bytes, headers)"""
    c = (UnixConnection(port) if isinstance(port, pathlib.Path) else
         http.client.HTTPConnection("127.0.0.1", port, timeout=timeout))
    try:
        h = {"Authorization": f"Bearer {token}"} if token else {}
        c.request(method, path, headers=h, body=body and json.dumps(body))
        r = c.getresponse()
        return r.status, r.read(), r.headers
    finally:
        c.close()


class Relay(Agent):
    """An agent with --serve-feed."""

    def __init__(self, *args, flags=(), **kw):
        self.port = free_port()
        self.serves = f"http://127.0.0.1:{self.port}"
        super().__init__(*args, flags=[
            "--serve-feed", f"127.0.0.1:{self.port}", *flags], **kw)


class Relays(Flow):
    def relay(self, issuer, name="relay", start=True, **kw):
        r = Relay(self.folder, issuer, name=name, **kw)
        self.processes.append(r)
        return r.start() if start else r

    def behind(self, issuer, *relays, name="leaf", only=False, flags=(),
               start=True):
        """An agent that follows these; `only`: it cannot reach the issuer
        (who is known by a name that leads nowhere), and has pinned keys."""
        more = [f for r in relays for f in ("--feed-from", r.serves)]
        if only:
            keys = self.folder / "pinned.json"
            keys.write_bytes(get(issuer.port, "/.well-known/jwks.json")[1])
            more += ["--jwks", keys]
        a = Agent(self.folder, issuer, name=name, flags=[*more, *flags],
                  urls=[issuer.name])
        self.processes.append(a)
        return a.start() if start else a

    def far(self):
        """An issuer by a name that agents cannot reach: only at its URL."""
        return self.issuer(issuer=f"http://127.0.0.1:{free_port()}")

    @staticmethod
    def connects(agent, relay):
        """How often it began to follow this relay."""
        return agent.text().count(
            f'"feed.connected","issuer":"{relay.serves}"')

    @staticmethod
    def id_of(token):
        return json.loads(cli("inspect", "-o", "json", "-", stdin=token,
                              check=0).stdout)["payload"]["jti"]

    @staticmethod
    def metric(port, start):
        """The sum of an agent's samples that begin so."""
        text = get(port, "/metrics")[1].decode()
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith(start))

    def serving(self, relay, path, status):
        """Wait until the relay answers so."""
        got = None
        def answers():
            nonlocal got
            with contextlib.suppress(OSError):
                got = get(relay.port, path, self.token(relay))[:2]
            return got is not None and got[0] == status
        try:
            wait_for(f"{path} to be answered {status}", answers)
        except AssertionError as e:
            raise AssertionError(f"{e}: {got}\n{relay.text()}") from None

    def token(self, agent):
        return agent.token_file.read_text().strip()

    def head(self, issuer):
        return issuer.http("GET", "/health/ready")[1]["seq"]


class Tree(Relays):
    def test_one_and_two(self):
        """Mint, revoke, and use, behind one relay and behind two."""
        i = self.far()
        one = self.relay(i, "one", urls=[i.name, i.url])
        two = self.relay(i, "two", urls=[i.name], flags=[
            "--feed-from", one.serves, "--jwks", self.pinned(i)])
        near = self.behind(i, one, name="near", only=True)
        leaf = self.behind(i, two, only=True)
        for _ in range(3):
            t = i.mint()
            for a in (one, near, two, leaf):
                a.wait_reason(t["token"], None)
            i.revoke(t["id"])
            self.assertEqual(one.reason(t["token"]), "revoked")
            for a in (near, two, leaf):
                a.wait_reason(t["token"], "revoked", 2)

        # a use behind two relays keeps a token alive at the mint
        sliding = i.mint(auto_refresh=8)
        leaf.wait_reason(sliding["token"], None)
        self.assertEqual(leaf.verify(sliding["token"])[0], 0)
        wait_for("the mint to hear of it", lambda: i.admin(
            "GET", f"/v1/tokens/{sliding['id']}").get("last_used_at"), 10)

        # same place, same bytes, whoever is asked
        seq, token = self.head(i), self.token(leaf)
        bodies = {get(p, f"/v1/feed?after={seq - 1}&wait=0", token)[1]
                  for p in (one.port, two.port)}
        self.assertEqual(len(bodies), 1)

    def pinned(self, i):
        f = self.folder / "keys.json"
        f.write_bytes(get(i.port, "/.well-known/jwks.json")[1])
        return f

    def test_answers(self):
        """Status, media type and caching as the issuer's; who may."""
        i = self.issuer()
        r = self.relay(i)
        good, other = self.token(r), i.mint()["token"]
        admin = i.mint(scopes=["mintmark:admin"])["token"]
        some = i.mint(scopes=["photos:read"])
        r.wait_reason(some["token"], None)
        seq = self.head(i)
        self.serving(r, f"/v1/feed?after={seq}", 200)
        for path in (f"/v1/feed?after={seq}", f"/v1/feed?after={seq - 1}",
                     "/v1/feed?after=0", "/v1/snapshot"):
            for token in (good, admin, other, some["token"], None, "x.y.z"):
                at_issuer = get(i.port, path, token)
                at_relay = get(r.port, path, token)
                self.assertEqual(at_issuer[0], at_relay[0], (path, token))
                for h in ("Content-Type", "Cache-Control",
                          "WWW-Authenticate"):
                    self.assertEqual(at_issuer[2][h], at_relay[2][h], path)
        for path in ("/v1/feed", "/v1/feed?after=x", "/v1/feed?after=1&wait=99"):
            self.assertEqual(get(r.port, path, good)[0], 400)
        self.assertEqual(get(r.port, "/v1/tokens", good)[0], 404)
        self.assertEqual(get(r.port, "/.well-known/jwks.json")[1],
                         get(i.port, "/.well-known/jwks.json")[1])
        # ahead of all: what is true, for the reader to refuse
        raw = get(r.port, f"/v1/feed?after={seq + 5}", good)
        self.assertEqual(raw[0], 200)
        # revoked: no more
        t = i.mint(scopes=["mintmark:agent"])
        r.wait_reason(t["token"], None)
        self.assertEqual(get(r.port, "/v1/snapshot", t["token"])[0], 200)
        i.revoke(t["id"])
        self.assertEqual(get(r.port, "/v1/snapshot", t["token"])[0], 401)
        # uses: the issuer's own answer
        uses = {"uses": [{"id": some["id"], "at": int(time.time())}]}
        for token, body in ((good, uses), (good, {"uses": 3}),
                            (some["token"], uses)):
            a = i.http("POST", "/v1/uses", body, token)
            b = get(r.port, "/v1/uses", token, "POST", body)
            self.assertEqual(a[0], b[0])
            if a[0] == 200:
                self.assertEqual(a[1], json.loads(b[1]))
        # under the token of who tells it, whatever has become of ours
        i.revoke(self.id_of(good))
        self.assertEqual(get(r.port, "/v1/uses", admin, "POST", uses)[0], 200)

    def test_unix_socket(self):
        i = self.issuer()
        sock = self.folder / "feed.sock"
        a = self.agent(i, flags=["--serve-feed", f"unix:{sock}"])
        wait_for("it", lambda: get(sock, "/v1/feed?after=0",
                                   self.token(a))[0] == 200)
        self.assertEqual(get(sock, "/v1/feed?after=0")[0], 401)


    def test_listeners(self):
        """Beyond this host with TLS, a key of one's own, or not at all."""
        i = self.issuer()
        cert, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "ec",
                        "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=x",
                        "-keyout", key, "-out", cert], check=True,
                       capture_output=True)
        key.chmod(0o600)
        a = self.agent(i, start=False, name="tls")
        port = free_port()
        settings = ["--issuer", i.url, "--state", a.state, "--token-file",
                    a.token_file, "--serve-feed"]
        for more, says in (
                ([f"0.0.0.0:{port}"], "can be reached from other hosts"),
                ([f"0.0.0.0:{port}", "--tls-cert", cert], "go together"),
                (["unix:feed.sock"], "must begin with /"),
                (["nowhere"], "HOST:PORT")):
            p = subprocess.run([AGENT, *settings, *more, "--test"], text=True,
                               capture_output=True)
            self.assertEqual(p.returncode, 2, more)
            self.assertIn(says, p.stderr)
        a.flags = ["--serve-feed", f"0.0.0.0:{port}", "--tls-cert", cert,
                   "--tls-key", key]
        a.start()
        anyone = ssl.create_default_context(cafile=cert)
        anyone.check_hostname = False

        def served():
            c = http.client.HTTPSConnection("127.0.0.1", port, context=anyone)
            with contextlib.closing(c):
                c.request("GET", "/v1/feed?after=0", headers={
                    "Authorization": f"Bearer {self.token(a)}"})
                return c.getresponse().status == 200
        wait_for("it over https", served)

    def test_no_keys_from_a_relay(self):
        """Whom to trust first is said by the issuer, or by a file."""
        i = self.far()
        r = self.relay(i, urls=[i.name, i.url])
        page = free_port()
        a = self.behind(i, r, start=False, flags=[
            "--metrics", f"127.0.0.1:{page}"])
        a.start(wait=False)
        wait_for("it to look for keys", lambda:
                 "/.well-known/jwks.json" in a.text() and
                 '"metrics.start"' in a.text())
        wait_for("it to have tried all", lambda: self.metric(
            page, "mintmark_agent_feed_failures_total") >= 3)
        self.assertFalse(a.state.exists())
        self.assertIn(f"{i.name}/.well-known/jwks.json", a.text())
        self.assertNotIn("connected", a.text())


class Trouble(Relays):
    def test_gone(self):
        """What the issuer has no longer, the relay has not: the snapshot."""
        i = self.issuer(flags=["--feed-retain", "60s"])
        r = self.relay(i)
        leaf = self.behind(i, r)
        leaf.stop()
        bad = i.mint()
        i.revoke(bad["id"])
        self.forget_events(i)
        r.stop()
        r.start()
        self.serving(r, "/v1/feed?after=1", 410)
        leaf.start()
        leaf.wait_reason(bad["token"], "revoked")
        self.assertIn("feed.connected", leaf.text())

    def forget_events(self, i):
        """As feed_retain would, tomorrow."""
        i.stop()
        with sqlite3.connect(i.data / "mintmark.db") as db:
            db.execute("DELETE FROM event WHERE seq < "
                       "(SELECT max(seq) FROM event)")
        db.close()
        i.start()

    def test_restart_and_failover(self):
        """A relay that is killed is left within 2 s, and gone back to."""
        i = self.issuer()
        r = self.relay(i)
        leaf = self.behind(i, r)
        wait_for("to follow", lambda: self.connects(leaf, r))
        r.kill9()
        began = time.monotonic()
        bad = i.mint()
        i.revoke(bad["id"])
        leaf.wait_reason(bad["token"], "revoked")
        self.assertLess(time.monotonic() - began, 2 * SLOW)
        r.start()
        wait_for("to be gone back to", lambda: self.connects(leaf, r) > 1, 30)
        another = i.mint()
        leaf.wait_reason(another["token"], None)
        i.revoke(another["id"])
        leaf.wait_reason(another["token"], "revoked")
        # with the relay gone and back, and the issuer out of sight
        i.kill9()
        self.assertTrue(leaf.alive())

    def test_upstream_silent(self):
        """Behind a relay that hears nothing a host is stale in time, asks
        politely, and comes back."""
        i = self.far()
        stale = 3 * max(1, SLOW)
        f = ["--max-staleness", f"{stale:.0f}s"]
        r = self.relay(i, urls=[i.name, i.url], flags=f)
        leaf = self.behind(i, r, only=True, flags=f)
        good = i.mint()["token"]
        leaf.wait_reason(good, None)
        # a sign of life is handed on when it comes, not when a poll is over
        began = time.monotonic()
        self.assertEqual(get(r.port, f"/v1/feed?after={self.head(i)}&wait=30",
                             self.token(r))[0], 200)
        self.assertLess(time.monotonic() - began, 15)
        i.freeze()
        began = time.monotonic()
        leaf.wait_reason(good, "stale", stale + 3)
        self.assertLess(time.monotonic() - began, (stale + 3) * max(1, SLOW))
        self.assertEqual(r.reason(good), "stale")
        i.proc.send_signal(signal.SIGCONT)
        leaf.wait_reason(good, None, 40)


    def test_circle(self):
        """A relay that follows itself, and one that follows it back: they
        find it out, go on with the issuer, and are quiet."""
        i = self.issuer()
        a = self.relay(i, "a", start=False)
        b = self.relay(i, "b", start=False)
        page = free_port()
        a.flags += ["--feed-from", a.serves, "--feed-from", b.serves,
                    "--metrics", f"127.0.0.1:{page}"]
        b.flags += ["--feed-from", a.serves]
        a.start()
        b.start()
        wait_for("the second to follow the first",
                 lambda: self.connects(b, a))
        # by then the first has tried both, and stays with the issuer
        end = time.monotonic() + 7
        polls = 0
        while time.monotonic() < end:
            t = i.mint()
            a.wait_reason(t["token"], None)
            i.revoke(t["id"])
            for relay in (a, b):
                relay.wait_reason(t["token"], "revoked", 3)
            polls += 1
            time.sleep(0.5)
        n = self.metric(page, "mintmark_agent_relay_requests_total{"
                        'method="GET",route="/v1/feed"')
        self.assertLess(n, 3 * polls + 40)
        seq, token = self.head(i), self.token(a)
        self.assertEqual(get(b.port, f"/v1/feed?after={seq - 1}", token)[2][
            "Via"].count("mintmark-"), 2)

    def test_restored(self):
        """A new history after a backup goes down the tree."""
        i = self.issuer()
        one = self.relay(i, "one")
        two = self.relay(i, "two", flags=["--feed-from", one.serves])
        leaf = self.behind(i, two)
        bad = i.mint()
        leaf.wait_reason(bad["token"], None)
        i.revoke(bad["id"])
        leaf.wait_reason(bad["token"], "revoked")
        i.stop()
        i.start(flags=["--restored"])
        fresh = i.mint()
        for a in (one, two, leaf):
            a.wait_reason(fresh["token"], None, 30)
            self.assertEqual(a.reason(bad["token"]), "revoked")
        i.revoke(fresh["id"])
        leaf.wait_reason(fresh["token"], "revoked")

    def test_F16_events_that_the_issuer_has_lost(self):
        """Its whole folder came back from a backup: what a relay holds of the
        lost events leads nobody away from those that are true."""
        i = self.issuer()
        token = i.mint()
        relay = self.relay(i, start=False)
        leaf = self.behind(i, relay, start=False)
        kept = self.folder / "kept"
        i.stop()
        shutil.copytree(i.data, kept)
        i.start()
        relay.start()
        for _ in range(4):
            lost = i.mint()
            i.revoke(lost["id"])
        relay.wait_reason(lost["token"], "revoked")
        i.stop()
        shutil.rmtree(i.data)
        kept.rename(i.data)
        i.start()
        wait_for("the relay to be ahead",
                 lambda: '"reason":"rollback"' in relay.text(), 40)
        leaf.start()
        leaf.wait_reason(token["token"], None)
        i.revoke(token["id"])
        leaf.wait_reason(token["token"], "revoked")

    def test_stolen_key(self):
        """What a stolen key has signed is refused behind relays, too."""
        i = self.issuer()
        r = self.relay(i)
        leaf = self.behind(i, r)
        t = i.mint()
        leaf.wait_reason(t["token"], None)
        kid = [k["kid"] for k in i.admin("GET", "/v1/keys")["keys"]
               if k["state"] == "active"][0]
        subprocess.run([TOP / "keys/compromise", kid, "--yes", "--data",
                        i.data], check=True, capture_output=True, env={
                            **os.environ, "MINTMARK_BIN": str(MINTMARK)})
        leaf.wait_reason(t["token"], "unknown_key")


class Long:
    """Mixed into a test with MM_LONG."""

    CROWD = 5000

    def test_nothing_new_for_long(self):
        """Then it says so, and its agents look elsewhere."""
        i = self.issuer()
        r = self.relay(i)
        path = f"/v1/feed?after={self.head(i)}"
        self.serving(r, path, 200)
        i.freeze()
        began = time.monotonic()
        token = self.token(r)
        while get(r.port, path, token)[0] == 200:
            self.assertLess(time.monotonic() - began, 60)
            time.sleep(0.2)
        took = time.monotonic() - began
        self.assertGreater(took, 30)
        self.assertEqual(get(r.port, path, token)[2]["Retry-After"], "1")
        i.proc.send_signal(signal.SIGCONT)
        self.serving(r, path, 200)

    def test_a_snapshot_that_takes_its_time(self):
        i = self.issuer(start=False)
        slow = Liar(i)
        self.addCleanup(slow.close)
        i.name = slow.url
        r = self.relay(i.start(), urls=[slow.url])
        self.serving(r, f"/v1/feed?after={self.head(i)}", 200)

        def late(path, ask):
            if "snapshot" in path:
                time.sleep(40)
            return ask(path)

        slow.mode = late
        self.assertEqual(get(r.port, "/v1/snapshot", self.token(r), timeout=80)[0],
                         200)

    def test_a_crowd(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * self.CROWD,) * 2)
        i = self.issuer()
        page = free_port()
        r = self.relay(i, flags=["--metrics", f"127.0.0.1:{page}"])
        bad = i.mint()
        path = f"/v1/feed?after={self.head(i)}"
        self.serving(r, path, 200)
        ask = (f"GET {path}&wait=30 HTTP/1.1\r\nHost: x\r\n"
               f"Authorization: Bearer {self.token(r)}\r\n\r\n").encode()
        with contextlib.ExitStack() as all_of_them, \
                selectors.DefaultSelector() as sel:
            for _ in range(self.CROWD):
                s = all_of_them.enter_context(
                    socket.create_connection(("127.0.0.1", r.port)))
                s.sendall(ask)
                sel.register(s, selectors.EVENT_READ)
            wait_for("all to wait", lambda: self.metric(
                page, "mintmark_agent_relay_agents_waiting") == self.CROWD, 20)
            kb = int(pathlib.Path(f"/proc/{r.proc.pid}/status").read_text()
                     .split("VmRSS:")[1].split()[0])
            began = time.monotonic()
            i.revoke(bad["id"])
            acknowledged = time.monotonic() - began
            while sel.get_map():
                for key, _ in sel.select(10):
                    self.assertTrue(key.fileobj.recv(65536).startswith(
                        b"HTTP/1.1 200"))
                    sel.unregister(key.fileobj)
            last = time.monotonic() - began
        print(f"{self.CROWD} agents, {kb} kB: acknowledged after "
              f"{1000 * acknowledged:.0f} ms, the last told after "
              f"{1000 * last:.0f} ms")
        self.assertLess(last, 2 * SLOW)


if "MM_LONG" in os.environ:
    class LongRelays(Long, Relays):
        pass


class Hostile(Relays):
    def test_hostile(self):
        """It replays, flips, gives another epoch's and garbage: refused, the
        issuer is asked, and no revocation is lost."""
        i = self.issuer()
        liar = Liar(i)
        self.addCleanup(liar.close)
        liar.serves = liar.url
        a = self.behind(i, liar)
        good, bad = i.mint(), i.mint()
        a.wait_reason(bad["token"], None)
        token = self.token(a)
        old = i.http("GET", "/v1/snapshot", token=token)[1]
        first = i.http("GET", "/v1/feed?after=0", token=token)[1]
        i.revoke(bad["id"])
        a.wait_reason(bad["token"], "revoked")

        def replay(path, ask):
            return 200, old if "snapshot" in path else first

        def garbage(path, ask):
            return 200, os.urandom(500)

        def flip(path, ask):
            status, raw = ask(quick(path))
            return status, raw[:60] + bytes([raw[60] ^ 1]) + raw[61:]

        def keys(path, ask):
            return 410, b""

        for lie in (replay, garbage, flip, keys):
            liar.mode = lie
            t = i.mint()
            i.revoke(t["id"])
            a.wait_reason(t["token"], "revoked", 5)
            self.assertEqual(a.reason(bad["token"]), "revoked")
            self.assertIsNone(a.reason(good["token"]))
        self.assertIn("rollback", a.text())


if __name__ == "__main__":
    main(at_once=3)
