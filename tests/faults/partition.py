#!/usr/bin/env python3
"""The network between mint and agent fails, whole or one way, and the mint's
own store is away.  Verifying goes on for max_staleness, then it refuses; no
one who asks the mint is kept waiting for who cannot be reached."""
import contextlib
import sqlite3
import time

from bad_days import Wire
from flow import SLOW, Flow, main, wait_for

# What is done before it is over takes that long where all else runs beside it.
STALE = 3 + 3 * SLOW


class Partition(Flow):
    def begin(self):
        """Agent and mint know the issuer by the address of the wire."""
        self.i = self.issuer(start=False)
        self.wire = Wire(self.i.port)
        self.addCleanup(self.wire.close)
        self.i.name = self.wire.url
        self.i.start()
        self.a = self.agent(self.i, urls=[self.wire.url],
                            flags=["--max-staleness", f"{STALE:.0f}s"])
        self.good, self.bad = self.i.mint(), self.i.mint()
        self.sliding = self.i.mint(auto_refresh=64, expires_in=3600)
        self.a.wait_reason(self.good["token"], None)
        self.heard_at = time.monotonic()

    def revoke_bad(self):
        """Acknowledged soon, although one agent does not hear of it."""
        began = time.monotonic()
        self.i.revoke(self.bad["id"])
        self.assertLess(time.monotonic() - began, 3 * SLOW)

    def goes_on_and_stops(self):
        """Good until the bound, `stale` after it, and nothing in between."""
        self.assertIsNone(self.a.reason(self.good["token"]))
        seen = {None}

        def stale():
            seen.add(self.a.reason(self.good["token"], "--no-use"))
            return "stale" in seen
        wait_for("it to be stale", stale, STALE + 10)
        self.assertEqual(seen, {None, "stale"})
        self.assertGreater(time.monotonic() - self.heard_at, STALE / 3)
        self.assertEqual(self.a.reason(self.bad["token"]), "stale")

    def comes_back(self):
        self.wire.mend()

        def back():
            self.a.proc.send_signal(1)
            return self.a.reason(self.good["token"], "--no-use") is None
        wait_for("the agent to be back", back, 40)
        # at once: what is no longer stale knows of the revocation
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")

    def test_F14_cut_off(self):
        """Uses of that time are told later: the token lives on."""
        self.begin()
        self.wire.cut()
        time.sleep(1.1)  # a use counts a second after the last one, or iat
        self.assertIsNone(self.a.reason(self.sliding["token"]))
        self.revoke_bad()
        self.goes_on_and_stops()
        # who is alone mints all the same
        self.assertTrue(self.i.mint()["token"])
        self.comes_back()
        wait_for("the use to be told", lambda: self.i.admin(
            "GET", f"/v1/tokens/{self.sliding['id']}").get("last_used_at"), 60)

    def test_F14_nothing_comes_back(self):
        """The mint hears the agent, and the agent nothing."""
        self.begin()
        self.wire.back = False
        self.revoke_bad()
        self.goes_on_and_stops()
        self.comes_back()

    def test_F14_nothing_gets_there(self):
        """Requests are lost; the connection looks well."""
        self.begin()
        self.wire.there = False
        self.revoke_bad()
        self.goes_on_and_stops()
        self.comes_back()

    def test_F14_the_store_is_away(self):
        """Somebody holds the file: a mint is refused within the busy timeout,
        verifying does not notice, and the mint takes up again by itself."""
        i, a = self.both()
        good = i.mint()
        a.wait_reason(good["token"], None)
        with contextlib.closing(sqlite3.connect(
                i.data / "mintmark.db", timeout=20, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            status, reply, headers = i.http("POST", "/v1/tokens", {
                "user": "alice", "expires_in": 60}, local=True)
            self.assertLess(time.monotonic() - began, 10 * SLOW)
            self.assertEqual(status, 503, reply)
            self.assertNotIn("token", reply)
            self.assertIsNone(a.reason(good["token"]))
            db.execute("ROLLBACK")
        self.assertIsNone(a.reason(i.mint()["token"]))


if __name__ == "__main__":
    main(at_once=2)
