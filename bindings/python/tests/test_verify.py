#!/usr/bin/env python3
"""The package on a live issuer and agent."""
import calendar
import dataclasses
import gc
import os
import signal
import threading
import time

from binding import Flow, main, wait_for
import mintmark
from mintmark import READ, WRITE, Reason, Refused


class Live(Flow):
    """self.v is open on an agent's state."""

    def setUp(self):
        super().setUp()
        self.mint, self.agent_ = self.both()
        self.v = self.open()

    def open(self, **kw):
        v = mintmark.Verifier(self.agent_.state, **kw)
        self.addCleanup(v.close)
        return v

    def refused(self, reason, call, *args):
        with self.assertRaises(Refused) as caught:
            call(*args)
        self.assertIs(caught.exception.reason, reason)
        self.assertEqual(str(caught.exception), reason.value)
        self.assertEqual(caught.exception.reason, reason.value)

    def test_a_token(self):
        minted = self.mint.mint("alice", expires_in=3600, auto_refresh=60,
                                scopes=["photos:read", "node:1:r"])
        t = self.v.verify(minted["token"])
        self.assertEqual((t.id, t.user), (minted["id"], "alice"))
        self.assertEqual(set(t.scopes), {"photos:read", "node:1:r"})
        self.assertLess(abs(t.issued_at - time.time()), 5)
        self.assertEqual(t.expires_at - t.issued_at, 3600)
        self.assertEqual(t.dies_at - t.issued_at, 60)
        self.assertEqual(t.auto_refresh, 60)
        with self.assertRaises(dataclasses.FrozenInstanceError):
            t.user = "bob"
        again = self.v.verify(minted["token"].encode())
        self.assertEqual(again, t)
        self.assertEqual(hash(again), hash(t))
        self.assertNotIn("_token", repr(t))

    def test_state(self):
        s = self.v.state()
        self.assertEqual((s.issuer, s.max_staleness, s.stale),
                         (self.mint.name, 86400, False))
        self.assertLess(abs(s.heard_at - time.time()), 30)
        self.assertGreater(s.sequence, 0)
        self.assertEqual(self.open(max_staleness=1).state().max_staleness, 1)

    def test_all_rights_of_the_user(self):
        t = self.v.verify(self.mint.mint("zoë")["token"])
        self.assertEqual((t.user, t.scopes, t.auto_refresh), ("zoë", None, 0))
        t.allow("node", ["1"], READ | WRITE)
        self.assertTrue(t.has_scope("photos:read"))

    def test_scopes(self):
        t = self.v.verify(self.mint.mint(
            scopes=["photos:read", "node:1:r", "node:2:rw"])["token"])
        self.assertTrue(t.has_scope("photos:read"))
        self.assertFalse(t.has_scope("photos"))
        self.assertFalse(t.has_scope("photos:read\0x"))
        t.allow("node", ["1"], READ)
        t.allow("node", ["9", "8", "2"], READ | WRITE)
        for kind, ids, perm in (
                ("node", ["1"], WRITE), ("node", ["1"], READ | WRITE),
                ("node", ["3"], READ), ("node", [], READ),
                ("nod", ["1"], READ), ("node", ["1"], 0),
                ("node", ["1"], 4), ("node", ["1\0x"], READ),
                ("node\0x", ["1"], READ), ("node", ["\udc80"], READ)):
            self.refused(Reason.INSUFFICIENT_SCOPE, t.allow, kind, ids, perm)
        with self.assertRaises(TypeError):
            t.allow("node", "12", READ)  # would be the ids 1 and 2

    def test_users(self):
        token = self.mint.mint("alice")["token"]
        self.assertEqual(self.v.verify_user("alice", token).user, "alice")
        for user in ("bob", "Alice", "", "alic", "alice\0", "alice\0x",
                     "\udc80"):
            self.refused(Reason.WRONG_USER, self.v.verify_user, user, token)

    def test_source_addresses(self):
        token = self.mint.mint("alice", cidr=["192.0.2.0/24"])["token"]
        for ask in (self.v.verify,
                    lambda t, **kw: self.v.verify_user("alice", t, **kw)):
            self.assertEqual(ask(token, address="192.0.2.7").user, "alice")
            for bad in ({}, {"address": None}, {"address": ""},
                        {"address": "192.0.3.7"}, {"address": "localhost"},
                        {"address": "192.0.2.7\0"}, {"address": "\udc80"}):
                with self.assertRaises(Refused) as caught:
                    ask(token, **bad)
                self.assertIs(caught.exception.reason, Reason.WRONG_ADDRESS)
        anywhere = self.mint.mint("alice")["token"]
        for good in ({}, {"address": "x\0"}, {"address": "192.0.2.7"}):
            self.v.verify(anywhere, **good)

    def test_what_is_no_token(self):
        token = self.mint.mint()["token"]
        for bad in ("", "x", b"\xff", "\udc80", token + "\0", "\0" + token,
                    "a.b.c", "x" * 5000):
            self.refused(Reason.MALFORMED, self.v.verify, bad)
        self.refused(Reason.BAD_SIGNATURE, self.v.verify,
                     token[:token.rindex(".") + 1] + "A" * 86)

    def test_reasons(self):
        other = self.open(audience="files")
        token = self.mint.mint(audience=["mail"])["token"]
        self.v.verify(token)
        self.refused(Reason.WRONG_AUDIENCE, other.verify, token)
        short = self.mint.mint(expires_in=1)["token"]
        time.sleep(1.1)
        self.refused(Reason.EXPIRED, self.v.verify, short)
        t = self.mint.mint()
        self.mint.admin("POST", f"/v1/tokens/{t['id']}/suspend")
        self.refused(Reason.SUSPENDED, self.v.verify, t["token"])
        self.mint.revoke(t["id"])
        self.refused(Reason.REVOKED, self.v.verify, t["token"])

    def test_stale(self):
        strict = self.open(max_staleness=1)
        token = self.mint.mint()["token"]
        strict.verify(token)
        self.mint.stop()
        wait_for("it to be stale", lambda: self.says(strict, token) == "stale")
        self.v.verify(token)

    def says(self, v, token):
        try:
            v.verify(token)
        except Refused as e:
            return e.reason

    def test_looking_is_not_using(self):
        looked, used = (self.mint.mint(auto_refresh=30, expires_in=600)
                        for _ in range(2))
        time.sleep(2.1)
        looker = self.open(report_uses=False, cache_size=0)
        looker.verify(looked["token"])
        self.v.verify(used["token"])
        wait_for("the use to count", lambda: looker.verify(
            used["token"]).dies_at > used_until(used))
        self.assertEqual(looker.verify(looked["token"]).dies_at,
                         used_until(looked))

    def test_many_threads_and_a_close(self):
        """Whoever is inside finishes; whoever comes later is told."""
        tokens = [self.mint.mint()["token"] for _ in range(4)]
        bad, ends = [], []

        def work(token):
            try:
                while True:
                    if self.v.verify_user("alice", token).user != "alice":
                        bad.append(token)
            except ValueError as e:
                ends.append(str(e))
            except Exception as e:
                bad.append(e)

        threads = [threading.Thread(target=work, args=(t,)) for t in tokens]
        for t in threads:
            t.start()
        time.sleep(0.5)
        self.v.close()
        self.v.close()
        for t in threads:
            t.join()
        self.assertEqual((bad, ends), ([], ["the verifier is closed"] * 4))

    def test_it_is_closed(self):
        with self.open() as v:
            token = self.mint.mint()["token"]
            t = v.verify(token)
        with self.assertRaises(ValueError):
            v.verify(token)
        t.allow("node", ["1"], READ)  # a token outlives its verifier
        gc.collect()
        before = mapped(self.agent_.state)
        v = self.open()
        self.assertGreater(mapped(self.agent_.state), before)
        v.close()
        self.assertEqual(mapped(self.agent_.state), before)

    def test_fork(self):
        token = self.mint.mint()["token"]
        self.assertEqual(in_child(lambda: self.v.verify(token)),
                         "RuntimeError")

        def close_and_open():
            self.v.close()
            self.open().verify(token)
        self.assertEqual(in_child(close_and_open), "nothing")
        self.v.verify(token)


def used_until(minted):
    """When it would die, had it never been used."""
    issued = time.strptime(minted["issued_at"], "%Y-%m-%dT%H:%M:%SZ")
    return calendar.timegm(issued) + minted["auto_refresh"]


def mapped(path):
    """How often this process has the file mapped."""
    with open("/proc/self/maps") as maps:
        return sum(str(path) in line for line in maps)


def in_child(call):
    """What call() raises in a forked child: a name, or "nothing"."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "nothing"
        try:
            call()
        except BaseException as e:
            said = type(e).__name__
        os.write(into, said.encode())
        os.kill(os.getpid(), signal.SIGKILL)  # no clean-up of the parent's
    os.close(into)
    with open(out) as f:
        said = f.read()
    os.waitpid(pid, 0)
    return said


class ByUrl(Flow):
    """No agent: the process follows the feed itself."""

    def test_follow(self):
        mint = self.issuer()
        agent = mint.mint("agent", scopes=["mintmark:agent"])["token"]
        secret = self.folder / "agent.token"
        secret.write_text(agent)
        secret.chmod(0o600)
        t = mint.mint()
        os.environ["TMPDIR"] = str(self.folder)
        self.addCleanup(os.environ.pop, "TMPDIR")
        with mintmark.Verifier(mint.url, token_file=secret) as v:
            self.assertEqual(len(list(self.folder.glob("mintmark-*"))), 1)
            v.verify(t["token"])
            mint.revoke(t["id"])
            wait_for("it to be revoked", lambda: self.refuses(v, t["token"]))
            # a child that forgets it does not take it from its parent
            self.assertEqual(in_child(v.close), "nothing")
            self.assertEqual(len(list(self.folder.glob("mintmark-*"))), 1)
        self.assertEqual(len(list(self.folder.glob("mintmark-*"))), 0)

    def refuses(self, v, token):
        try:
            v.verify(token)
        except Refused as e:
            return e.reason is Reason.REVOKED


class NothingThere(Flow):
    def test_unavailable(self):
        with self.assertRaises(mintmark.Unavailable) as caught:
            mintmark.Verifier(self.folder / "state")
        self.assertIn("state", caught.exception.why)
        self.assertEqual(str(caught.exception), caught.exception.why)
        with self.assertRaises(mintmark.Unavailable) as caught:
            mintmark.Verifier("https://127.0.0.1:1")
        self.assertIn("token_file", caught.exception.why)
        with self.assertRaises(ValueError):
            mintmark.Verifier("/run/mintmark/state\0x")

    def test_no_library(self):
        for path in (self.folder / "none.so", "libc.so.6"):
            was, os.environ["MINTMARK_LIB"] = os.environ["MINTMARK_LIB"], \
                str(path)
            self.addCleanup(os.environ.update, MINTMARK_LIB=was)
            with self.assertRaises(mintmark.Unavailable) as caught:
                mintmark.Verifier(self.folder / "state")
            self.assertIn("libmintmark.so.0", caught.exception.why)
            os.environ["MINTMARK_LIB"] = was


if __name__ == "__main__":
    main()
