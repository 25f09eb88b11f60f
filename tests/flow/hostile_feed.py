#!/usr/bin/env python3
"""A feed between agent and issuer that lies: rollback, gap, another epoch,
freeze, flipped bits, endless data.  The agent keeps its last good state and
never drops a revocation.  (The attacks of The Update Framework.)"""
import base64
import contextlib
import http.client
import json
import re
import shutil
import sqlite3
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from flow import SLOW, Flow, cli, free_port, main, wait_for


class Liar:
    """A proxy whose answers to /v1/feed a test can change.

    mode(path, ask) returns (status, bytes), and (name, value) of headers
    behind them; ask(path) asks the issuer."""

    def __init__(self, issuer):
        self.issuer, self.mode, self.polls = issuer, None, 0
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                def ask(path):
                    c = http.client.HTTPConnection("127.0.0.1", liar.issuer.port,
                                                   timeout=40)
                    try:
                        c.request("GET", path, headers={
                            k: v for k, v in self.headers.items()
                            if k.lower() == "authorization"})
                        r = c.getresponse()
                        return r.status, r.read()
                    finally:
                        c.close()

                feed = self.path.startswith(("/v1/feed", "/v1/snapshot"))
                try:
                    status, raw, *headers = (
                        liar.mode(self.path, ask)
                        if liar.mode and feed else ask(self.path))
                except OSError:
                    status, raw, headers = 502, b"", []
                liar.polls += feed
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                try:
                    self.wfile.write(raw)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def payload(jws):
    part = jws.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))


def quick(path):
    """The same question without waiting."""
    u = urllib.parse.urlsplit(path)
    q = urllib.parse.parse_qs(u.query)
    q["wait"] = ["0"]
    return u.path + "?" + urllib.parse.urlencode(q, doseq=True)


def metric(port, name):
    """A number that the agent with these metrics tells."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as r:
        return int(re.search(rf"(?m)^mintmark_agent_{name} (\d+)$",
                             r.read().decode())[1])


def sequence(port):
    """Where it stands."""
    return metric(port, "feed_sequence")


class HostileFeed(Flow):
    def begin(self, *flags):
        """Everybody, the agent too, knows the issuer by the liar's URL."""
        self.i = self.issuer(start=False)
        self.liar = Liar(self.i)
        self.addCleanup(self.liar.close)
        self.i.name = self.liar.url
        self.i.start()
        self.a = self.agent(self.i, urls=[self.liar.url],
                            flags=["--max-staleness", f"{3 * SLOW:.0f}s", *flags])
        self.good, self.bad = self.i.mint(), self.i.mint()
        self.a.wait_reason(self.good["token"], None)

    def holds(self, polls=3):
        """After some more lies: nothing has changed for the worse."""
        seen = self.liar.polls
        wait_for("more polls", lambda: self.liar.polls >= seen + polls, 40)
        self.assertTrue(self.a.alive())
        self.assertIn(self.a.reason(self.bad["token"]), ("revoked", "stale"))

    def revoke_bad(self):
        self.i.revoke(self.bad["id"])
        self.a.wait_reason(self.bad["token"], "revoked")

    def test_F8_rollback(self):
        self.begin()
        old = self.i.http("GET", "/v1/snapshot",
                          token=self.a.token_file.read_text().strip())[1]
        first = self.i.http("GET", "/v1/feed?after=0",
                            token=self.a.token_file.read_text().strip())[1]
        self.revoke_bad()
        self.liar.mode = lambda path, ask: (
            200, old if "snapshot" in path else first)
        self.holds()
        self.assertIn("rollback", self.a.text())

    def signed_before(self):
        """A snapshot, and the news behind it, of before a revocation."""
        token = self.a.token_file.read_text().strip()
        old = self.i.http("GET", "/v1/snapshot", token=token)[1]
        still = self.i.http("GET", f"/v1/feed?after={self.head()}",
                            token=token)[1]
        self.revoke_bad()
        return old, still

    def test_F8_an_old_snapshot_to_who_knows_more(self):
        """Who is told that its events are forgotten asks for a snapshot."""
        port = free_port()
        self.begin("--metrics", f"127.0.0.1:{port}")
        old, _ = self.signed_before()
        held, asked, stood = sequence(port), [], []

        def replay(path, ask):
            asked.append(path)
            stood.append(sequence(port))
            return (200, old) if "snapshot" in path else (410, b"")
        self.liar.mode = replay
        self.a.wait_reason(self.good["token"], "stale", 12)
        self.assertIn("/v1/snapshot", asked)
        self.assertIn("the snapshot is refused: it is older", self.a.text())
        self.a.kill9()  # nor does it begin with what it was shown
        self.a.start()
        self.holds(2)
        self.assertEqual({*stood, sequence(port)}, {held})
        self.liar.mode = None
        self.a.wait_reason(self.good["token"], None, 60)
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")

    def test_F8_an_old_snapshot_to_who_knows_nothing(self):
        """It cannot know of newer news, and goes by the age of these."""
        self.begin()
        old, still = self.signed_before()
        self.a.stop()
        self.liar.mode = lambda path, ask: (
            200, old if "snapshot" in path else still)
        for name, wait in (("soon", 0), ("late", 3 * SLOW + 2)):
            time.sleep(wait)
            fresh = self.agent(self.i, name=name, urls=[self.liar.url],
                               flags=["--max-staleness", f"{3 * SLOW:.0f}s"])
            if name == "late":  # of no use, not for a moment
                self.assertEqual(fresh.reason(self.bad["token"]), "stale")
            wait_for("the news", lambda f=fresh: "feed.connected" in f.text() or
                     "state.resumed" in f.text() or "stale" in f.text(), 20 * SLOW)
            for t in (self.bad, self.good):
                fresh.wait_reason(t["token"], "stale", 3 * SLOW + 2)
        self.liar.mode = None
        fresh.wait_reason(self.good["token"], None, 60)
        self.assertEqual(fresh.reason(self.bad["token"]), "revoked")

    def test_gap(self):
        self.begin()
        self.revoke_bad()
        other = self.i.mint()
        def skip(path, ask):
            if "snapshot" in path:
                return 503, b""
            self.i.revoke(self.i.mint()["id"])
            self.i.revoke(self.i.mint()["id"])
            after = int(urllib.parse.parse_qs(path.split("?")[1])["after"][0])
            return ask(f"/v1/feed?after={after + 1}&wait=0")
        self.liar.mode = skip
        self.holds()
        self.assertIn("gap", self.a.text())
        self.liar.mode = None
        self.i.revoke(other["id"])
        self.a.wait_reason(other["token"], "revoked", 40)

    def test_F11_another_epoch(self):
        """History was lost: new epoch.  What was revoked stays so."""
        self.begin()
        self.revoke_bad()
        self.i.stop()
        for f in self.i.data.glob("mintmark.db*"):
            f.unlink()
        self.i.start(flags=["--restored"])
        t = self.i.mint("agent", scopes=["mintmark:agent"])["token"]
        self.a.token_file.write_text(t)
        fresh = self.i.mint()
        wait_for("the new history", lambda:
                 self.a.reason(fresh["token"]) is None, 60)
        # its list is not in the new history at all
        self.assertIn(self.a.reason(self.bad["token"]), ("revoked", "stale"))

    def back_up(self):
        kept = self.folder / "backup"
        kept.mkdir(mode=0o700)
        shutil.copytree(self.i.data / "keys", kept / "keys")
        with sqlite3.connect(self.i.data / "mintmark.db") as db:
            db.execute(f"VACUUM INTO '{kept / 'mintmark.db'}'")
        db.close()
        return kept

    def put_back(self, kept):
        self.i.stop()
        shutil.rmtree(self.i.data)
        kept.rename(self.i.data)

    def put_back_live(self, kept):
        """Into the file of a mint that runs."""
        with contextlib.closing(sqlite3.connect(kept / "mintmark.db")) as old, \
                contextlib.closing(sqlite3.connect(
                    self.i.data / "mintmark.db", timeout=10)) as live:
            old.backup(live)
        wait_for("a word about it",
                 lambda: '"store.went_back"' in self.i.text(), 10 * SLOW)

    def test_F16_a_restored_backup(self):
        """What happened after the backup is lost, but not to the agents."""
        self.begin()
        early = self.i.mint()
        kept = self.back_up()
        # after the backup: the store will not know them
        lost = self.i.mint()
        sliding = self.i.mint(auto_refresh=600)
        for _ in range(3):
            self.i.revoke(self.i.mint()["id"])
        self.revoke_bad()
        self.put_back(kept)

        self.i.start()
        wait_for("a word about the backup",
                 lambda: '"feed.agent_ahead"' in self.i.text(), 40)
        status, health, _ = self.i.http("GET", "/health/ready")
        self.assertEqual((status, health["status"]), (200, "degraded"))
        self.assertIn("--restored", health["checks"]["history"]["do"])
        self.i.stop()
        self.i.start(flags=["--restored"])
        self.assertEqual(self.i.http("GET", "/health/ready")[1]["status"], "ok")
        self.assertEqual(self.i.admin("GET", f"/v1/tokens/{self.bad['id']}")["status"], "active")
        fresh = self.i.mint()
        wait_for("the new history", lambda:
                 self.a.reason(fresh["token"]) is None, 60)
        # it asked from where it was, and need not be told of twice
        self.assertEqual(self.i.http("GET", "/health/ready")[1]["status"], "ok")
        self.assertEqual(self.i.text().count('"feed.agent_ahead"'), 1)
        self.assertIsNone(self.a.reason(early["token"]))
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")
        self.assertEqual(self.a.reason(lost["token"]), "revoked")
        self.assertIsNotNone(self.a.reason(sliding["token"]))
        self.assertNotIn(fresh["id"].split(".")[0],
                         {t["id"].split(".")[0] for t in (early, lost)})
        self.i.revoke(early["id"])
        self.a.wait_reason(early["token"], "revoked")

    def test_F16_the_whole_folder_came_back(self):
        """And went on without --restored, with a host at the very number: its
        history is another, and so it hears of what is revoked now."""
        self.begin()
        held, first, second = (self.i.mint() for _ in range(3))
        self.a.wait_reason(second["token"], None)
        kept = self.back_up()
        self.i.admin("POST", f"/v1/tokens/{held['id']}/suspend")
        self.revoke_bad()
        lost = self.head()
        self.liar.mode = lambda path, ask: (503, b"")
        self.put_back(kept)
        self.i.start()
        for t in (first, second):
            self.i.revoke(t["id"])
        self.assertEqual(self.head(), lost)
        self.liar.mode = None
        for t in (first, second):
            self.a.wait_reason(t["token"], "revoked", 60)
        self.assertIn("another history", self.a.text())
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")
        self.assertEqual(self.a.reason(held["token"]), "suspended")
        self.a.wait_reason(self.good["token"], None)

    def test_F16_the_store_came_back_under_a_mint(self):
        """What it has read of the lost events, it lets go of: what is revoked
        then reaches all, as soon as the numbers are past the lost ones."""
        self.begin()
        tokens = [self.i.mint() for _ in range(8)]
        self.a.wait_reason(tokens[-1]["token"], None)
        kept = self.back_up()
        self.revoke_bad()
        for _ in range(3):
            self.i.revoke(self.i.mint()["id"])
        lost = self.head()
        self.wait_newest()
        self.put_back_live(kept)
        health = self.i.http("GET", "/health/ready")[1]
        self.assertIn("--restored", health["checks"]["history"]["do"])
        status, reply, _ = self.i.http("POST", "/v1/tokens", {
            "user": "alice", "scopes": ["files:read"], "expires_in": 60}, local=True)
        self.assertEqual(status, 503)
        self.assertIn("--restored", reply["detail"])
        status, reply, _ = self.i.exchange(self.good["token"], audience="files")
        self.assertEqual(status, 200, reply)
        for t in tokens:
            self.i.revoke(t["id"])
        self.assertGreater(self.head(), lost)
        for t in tokens:
            self.a.wait_reason(t["token"], "revoked", 60)
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")
        self.assertEqual(self.i.text().count('"store.went_back"'), 1)
        self.i.stop()  # what it lost is no less lost for what came since
        self.assertRegex(self.i.refused(), r"event \d+ is not the one that was "
                         r"published from here.*\s.*--restored")

    def test_F16_the_store_alone_came_back(self):
        """It would give ids and numbers a second time: the folder knows."""
        self.begin()
        kept = self.back_up()
        self.revoke_bad()
        self.i.stop()
        for f in self.i.data.glob("mintmark.db*"):
            f.unlink()
        shutil.copy(kept / "mintmark.db", self.i.data)
        self.assertRegex(self.i.refused(), r"the store ends at event \d+, and up to "
                         r"\d+ was published from here.*\s.*--restored")
        for flags in (["--restored"], []):
            self.i.start(flags=flags)
            self.i.stop()
        (self.i.data / "newest").write_text("f802 no number\n")
        said = self.i.refused()
        self.assertIn("newest is damaged", said)
        self.assertIn("take it away; if one was, start once with --restored", said)
        self.i.start(flags=["--restored"])  # which needs no such file

    def test_F16_a_backup_of_before_the_last_new_history(self):
        """What was revoked since then, it does not know: it is none that
        follows, whatever its epoch."""
        self.begin()
        kept = self.back_up()
        self.i.stop()
        self.i.start(flags=["--restored"])
        self.revoke_bad()
        lost = self.i.mint()
        self.i.revoke(lost["id"])
        self.wait_newest()
        self.put_back_live(kept)
        self.i.stop()
        for _ in range(2):  # as it is, and put back while nobody runs
            self.assertRegex(self.i.refused(),
                             "came from a backup of before --restored.*"
                             r"\s.*start once with --restored")
            for f in self.i.data.glob("mintmark.db*"):
                f.unlink()
            shutil.copy(kept / "mintmark.db", self.i.data)
        self.i.start(flags=["--restored"])
        self.i.stop()
        self.i.start()
        # this one went on from where that did, but gives no id of it again
        self.assertFalse(self.i.form("/oauth/introspect", {"token": lost["token"]},
                                     local=True)[1]["active"])
        self.a.wait_reason(self.bad["token"], "revoked", 60)

    def wait_newest(self):
        newest = self.i.data / "newest"
        wait_for("the file newest", lambda: newest.exists() and
                 int(newest.read_text().split()[1]) == self.head(), 10 * SLOW)

    def test_F16_how_far_it_came_is_kept_as_it_runs(self):
        self.begin()
        self.wait_newest()
        self.revoke_bad()
        self.wait_newest()

    def throw_out(self, key):
        cli("key", "compromise", "--yes", "--data", self.i.data, "--", key,
            check=0)

    def without_the_key_again(self, key):
        """As SECURITY.md says: what was done after the backup, once more."""
        self.throw_out(key)
        fresh = self.i.mint()
        self.assertNotEqual(fresh["key"], key)
        self.a.wait_reason(fresh["token"], None, 60)
        self.a.wait_reason(self.good["token"], "unknown_key", 40)

    def test_F16_a_key_comes_back_with_the_backup(self):
        """Also where it was gone already: until it is taken out again."""
        self.begin()
        cli("key", "rotate", "--now", "--data", self.i.data, check=0)
        key, kept = self.good["key"], self.back_up()
        self.throw_out(key)
        self.a.wait_reason(self.good["token"], "unknown_key")
        self.put_back(kept)
        self.i.start(flags=["--restored"])
        self.a.wait_reason(self.good["token"], None, 60)
        self.without_the_key_again(key)

    def test_F16_the_signer_comes_back_with_the_backup(self):
        """Hosts that know it is gone believe nothing that it signs."""
        self.begin()
        key, kept = self.good["key"], self.back_up()
        self.throw_out(key)
        self.a.wait_reason(self.good["token"], "unknown_key")
        self.put_back(kept)
        self.i.start(flags=["--restored"])
        wait_for("the feed to be refused", lambda:
                 "nothing we trust has announced" in self.a.text(), 60)
        self.assertIn(self.a.reason(self.good["token"]),
                      ("unknown_key", "stale"))
        self.without_the_key_again(key)

    def health(self, port):
        """How an agent's check of its state is."""
        with contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", port, timeout=20)) as c:
            c.request("GET", "/health/ready")
            return json.loads(c.getresponse().read())["checks"]["state"]["status"]

    def test_F9_freeze(self):
        port = free_port()
        self.begin("--listen", f"127.0.0.1:{port}")
        self.revoke_bad()
        frozen = self.i.http("GET", "/v1/feed?after=%d" % self.head(),
                             token=self.a.token_file.read_text().strip())[1]
        self.assertEqual(self.health(port), "ok")
        self.liar.mode = lambda path, ask: (200, frozen)
        self.a.wait_reason(self.good["token"], "stale", 12)
        self.assertEqual(self.health(port), "failing")
        wait_for("the alarm", lambda: "older than max-staleness" in self.a.text())
        self.liar.mode = None
        self.a.wait_reason(self.good["token"], None, 40)
        self.assertEqual(self.health(port), "ok")

    def test_F9_fresh_but_short(self):
        """Batches of a thousand, made and signed today, that all end just
        before the revocation: they say nothing about today."""
        self.begin()
        self.a.stop()  # or each change is waited for until it has heard
        t = self.i.mint()["id"]
        while self.head() < 1010:
            self.i.admin("POST", f"/v1/tokens/{t}/suspend")
            self.i.admin("POST", f"/v1/tokens/{t}/reinstate")
        self.a.start()
        self.a.wait_reason(self.good["token"], None)
        here = self.head()
        old = f"/v1/feed?after={here - 1000}&wait=0"
        self.liar.mode = lambda path, ask: (
            (503, b"") if "snapshot" in path else ask(old))
        seen = self.liar.polls
        wait_for("lies to be taken", lambda: self.liar.polls > seen + 2, 40)
        self.i.revoke(self.bad["id"])
        self.a.wait_reason(self.bad["token"], "stale", 12)
        raw = self.i.http("GET", old, token=self.a.token_file.read_text().strip())[1]
        self.assertEqual((payload(raw)["seq"], payload(raw)["more"]), (here, True))
        self.assertNotIn("another history", self.a.text())
        self.liar.mode = None
        self.a.wait_reason(self.bad["token"], "revoked", 40)
        self.a.wait_reason(self.good["token"], None)

    def head(self):
        return self.i.http("GET", "/health/ready")[1]["seq"]

    def test_F14_a_busy_issuer_is_asked_again_soon(self):
        """Its database is away: it answers 503, and is back any moment."""
        self.begin()
        asked = []

        def busy(path, ask):
            asked.append(time.monotonic())
            return 503, b"", ("Retry-After", "1")
        self.liar.mode = busy
        wait_for("seven to be turned away", lambda: len(asked) >= 7, 60)
        pauses = [b - a for a, b in zip(asked, asked[1:])]
        self.assertLess(pauses[5], 4.8 + 2 * SLOW)  # doubled on: 12.8 at least
        self.assertGreater(pauses[5], 3.1)

    def test_F7_flipped_bits(self):
        """Of what is signed, a bit at a time: nothing of it is taken."""
        port = free_port()
        self.begin("--metrics", f"127.0.0.1:{port}")
        self.revoke_bad()
        held, failed = sequence(port), metric(port, "feed_failures_total")

        def flip(path, ask):
            status, raw = ask(quick(path))
            if status == 200 and raw:
                text = raw.index(b".") + 1
                at = text + self.liar.polls * 37 % (raw.rindex(b".") - text)
                raw = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:]
            return status, raw
        self.liar.mode = flip
        self.holds(2)  # the one that waited was not lied to
        self.i.revoke(self.good["id"])
        self.holds(2)
        self.assertEqual(sequence(port), held)
        self.assertGreaterEqual(metric(port, "feed_failures_total"), failed + 3)
        self.assertIn("its signature is not the issuer's", self.a.text())
        self.liar.mode = None
        self.a.wait_reason(self.good["token"], "revoked", 40)

    def test_F12_endless_and_empty(self):
        self.begin()
        self.revoke_bad()
        answers = [(200, b"x" * (4 << 20)), (200, b""), (500, b"no"),
                   (200, b"a.b.c"), (302, b""), (200, b"\0" * 1000)]
        self.liar.mode = lambda path, ask: answers[self.liar.polls % len(answers)]
        self.holds(6)
        self.liar.mode = None
        self.a.wait_reason(self.good["token"], None, 60)


if __name__ == "__main__":
    main(at_once=4)
