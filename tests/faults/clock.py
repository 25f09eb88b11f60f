#!/usr/bin/env python3
"""Clocks that are wrong: an hour and ten years, ahead and behind, at the mint
and at a host that verifies.  libfaketime turns the wall clock of a running
process; the steady clock, which the kernel has for such days, goes on."""
import contextlib
import os
import pathlib
import shutil
import signal
import sys
import time
import urllib.request
from datetime import datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import Flow, cli, free_port, main, skip, verify, wait_for

HOUR, YEARS = 3600, 10 * 365 * 86400
FAKE = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Clock:
    """A wall clock that can be set, for processes begun in `with clock:`."""

    def __init__(self, path):
        self.path = path
        self.off = 0
        self.set(0)

    def set(self, off):
        self.off = off
        new = self.path.with_suffix(".new")
        new.write_text(f"{off:+d}")
        new.rename(self.path)

    def now(self):
        return int(time.time()) + self.off

    @contextlib.contextmanager
    def worn(self):
        was = dict(os.environ)
        os.environ.update(
            LD_PRELOAD=str(FAKE), FAKETIME_TIMESTAMP_FILE=str(self.path),
            FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1",
            NO_FAKE_STAT="1", ASAN_OPTIONS=was.get("ASAN_OPTIONS", "") +
            ":verify_asan_link_order=0",
            # Waits for a condition are the library's, so that this one sees
            # the lock taken twice, and races of who has it.
            TSAN_OPTIONS=was.get("TSAN_OPTIONS", "") + ":report_bugs=0")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(was)


class Clocks(Flow):
    def setUp(self):
        super().setUp()
        self.mint_clock = Clock(self.folder / "mint.clock")
        self.host_clock = Clock(self.folder / "host.clock")

    def begin(self, *agent_flags):
        i = self.issuer(start=False)
        a = self.agent(i, start=False, flags=agent_flags)
        with self.mint_clock.worn():
            i.start()
        with self.host_clock.worn():
            a.start()
        wait_for("the agent to follow", lambda: "feed.connected" in a.text())
        return i, a

    def reason(self, a, token):
        """What the host says, by its clock."""
        with self.host_clock.worn():
            return verify(token, "--state", a.state, "--no-use")[1].get("reason")

    def soon(self, a, token, want, seconds=10):
        def it_is():
            a.proc.send_signal(signal.SIGHUP)  # not after its pause: now
            return self.reason(a, token) == want
        wait_for(f"{want!r}, it is {self.reason(a, token)!r}\n{a.text()}",
                 it_is, seconds)

    def mints(self, i):
        return i.http("POST", "/v1/tokens", {"user": "x", "expires_in": 60},
                      local=True)[0]

    def health(self, i, want):
        """It is told of the clock, and a balancer does not cut the mint off."""
        def said():
            status, health, _ = i.http("GET", "/health/ready")
            self.assertEqual(status, 200, health)
            return health
        wait_for(f"the health to be {want}",
                 lambda: said()["status"] == want, 20)
        bad = {c for c, how in said()["checks"].items() if how["status"] != "ok"}
        self.assertEqual(bad, set() if want == "ok" else {"clock"})

    # ---- the mint's ----

    def test_F6_mint_behind(self):
        """It makes nothing, and takes back what is to be taken back."""
        i, a = self.begin()
        good, bad = i.mint(), [i.mint() for _ in range(2)]
        for off, t in zip((-HOUR, -YEARS), bad):
            self.mint_clock.set(off)
            self.assertEqual(self.mints(i), 503)
            self.assertIn("clock.behind", i.text())
            self.health(i, "degraded")
            i.revoke(t["id"])
            self.soon(a, t["token"], "revoked")
            self.assertIsNone(self.reason(a, good["token"]))
        self.mint_clock.set(0)
        self.health(i, "ok")
        self.assertIsNone(self.reason(a, i.mint()["token"]))

    def test_F6_mint_ahead(self):
        """What it makes is not valid before its time; nothing else changes,
        and when it is right again, all that lived lives."""
        i, a = self.begin()
        good = i.mint(expires_in=7200)
        slides = i.mint(auto_refresh=7200, expires_in=86400)
        for off in (HOUR, YEARS):
            bad = i.mint()
            self.mint_clock.set(off)
            early = i.mint(expires_in=60)
            self.soon(a, early["token"], "not_yet_valid")
            i.revoke(bad["id"])
            if off == HOUR:  # in ten years the agent's own token is dead, too
                self.soon(a, bad["token"], "revoked")
            for t in (good, slides):
                self.assertIsNone(self.reason(a, t["token"]))
            self.mint_clock.set(0)
            self.soon(a, bad["token"], "revoked", 60)
            self.assertEqual(self.mints(i), 503)
            i.revoke(early["id"])  # as its message says
            self.assertEqual(self.mints(i), 201)
        for t in (good, slides):
            self.assertIsNone(self.reason(a, t["token"]))
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                             "active")

    # ---- the host's ----

    def test_F6_host_behind(self):
        """The mint's news tell it better: what has died stays dead, and what
        is new is good."""
        i, a = self.begin("--max-staleness", "6s")
        good, short = i.mint(), i.mint(expires_in=2)
        self.soon(a, short["token"], "expired")
        for off in (-HOUR, -YEARS):
            wait_for("news", lambda: self.reason(a, i.mint()["token"]) is None)
            self.host_clock.set(off)
            again = i.mint(expires_in=2)
            self.soon(a, short["token"], "expired")
            self.assertIsNone(self.reason(a, good["token"]))
            self.assertIsNone(self.reason(a, i.mint()["token"]))
            # the news go on to come, and time with them
            self.soon(a, again["token"], "expired")
            bad = i.mint()
            i.revoke(bad["id"])
            self.soon(a, bad["token"], "revoked")
            self.host_clock.set(0)
        # cut off, it does not believe what it has for years more
        self.host_clock.set(-YEARS)
        i.stop()
        self.soon(a, good["token"], "stale", 60)
        self.host_clock.set(-HOUR)
        self.assertEqual(self.reason(a, good["token"]), "stale")
        i.start()
        self.soon(a, good["token"], None, 60)

    def test_F6_host_started_behind(self):
        """It had heard that it is later: nothing is believed by its clock, and
        all by the mint's news."""
        port = free_port()
        i, a = self.begin("--metrics", f"127.0.0.1:{port}")
        good, short = i.mint(), i.mint(expires_in=1)
        self.soon(a, short["token"], "expired")
        for n, off in enumerate((-HOUR, -YEARS)):
            a.stop()
            i.stop()
            self.host_clock.set(off)
            with self.host_clock.worn():
                a.start()
            wait_for("the mint to be missed", lambda n=n:
                     a.text().count("feed.unreachable") > n)
            for t in (good, short):
                self.assertEqual(self.reason(a, t["token"]), "stale")
            self.assertEqual(a.text().count('"state.ahead"'), n + 1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as r:
                self.assertIn(b"\nmintmark_agent_stale 1\n", r.read())
            i.start()
            self.soon(a, good["token"], None, 60)
            self.assertEqual(self.reason(a, short["token"]), "expired")
            self.assertIsNone(self.reason(a, i.mint()["token"]))

    def test_F6_host_started_behind_and_set_right(self):
        """Before its clock was, as at a boot, and the mint is away: what it had
        heard is good again when the clock is."""
        i, a = self.begin()
        good, short, bad = i.mint(), i.mint(expires_in=1), i.mint()
        i.revoke(bad["id"])
        self.soon(a, short["token"], "expired")
        self.soon(a, bad["token"], "revoked")
        a.stop()
        i.stop()
        self.host_clock.set(-YEARS)
        with self.host_clock.worn():
            a.start()
        wait_for("the mint to be missed", lambda: "feed.unreachable" in a.text())
        self.assertEqual(self.reason(a, good["token"]), "stale")
        self.host_clock.set(0)
        self.soon(a, good["token"], None, 60)
        self.assertEqual(self.reason(a, short["token"]), "expired")
        self.assertEqual(self.reason(a, bad["token"]), "revoked")

    def test_F6_host_ahead(self):
        """It refuses what would be dead, and believes nothing by a clock that
        is further ahead than max_staleness; no harm is done for good."""
        i, a = self.begin()
        day = i.mint(expires_in=86400)
        half = i.mint(expires_in=1800)
        slides = i.mint(auto_refresh=1800, expires_in=2 * YEARS // 100)
        self.host_clock.set(HOUR)
        self.assertIsNone(self.reason(a, day["token"]))
        self.assertEqual(self.reason(a, half["token"]), "expired")
        self.assertEqual(self.reason(a, slides["token"]), "idle")
        # a use that is said to be to come does not count
        with self.host_clock.worn():
            verify(slides["token"], "--state", a.state)
        self.host_clock.set(YEARS)
        self.assertEqual(self.reason(a, day["token"]), "stale")
        bad = i.mint()
        i.revoke(bad["id"])
        self.host_clock.set(0)
        self.soon(a, bad["token"], "revoked")
        for t in (day, half, slides):
            self.soon(a, t["token"], None)
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                             "active")

    def dies(self, a, token, *flags):
        with self.host_clock.worn():
            said = verify(token, "--state", a.state, *flags)[1]
        return datetime.fromisoformat(said["dies_at"]).timestamp()

    def test_F6_a_use_counted_ahead(self):
        """It keeps its token for a window more, on that host, and not past its
        end."""
        i, a = self.begin()
        window, ahead, far = 1800, 1700, time.time() + 2 * 1800
        slides = i.mint(auto_refresh=window, expires_in=86400)
        ends = i.mint(auto_refresh=window, expires_in=window + 600)
        self.soon(a, ends["token"], None)
        self.host_clock.set(ahead)
        for t in (slides, ends):
            before = self.dies(a, t["token"])  # a use
            wait_for("it to count", lambda t=t, before=before: self.dies(
                a, t["token"], "--no-use") > before)
        self.host_clock.set(0)
        dies = self.dies(a, slides["token"], "--no-use")
        self.assertGreater(dies, time.time() + window + ahead - 60)
        self.assertLess(dies, far)
        self.assertEqual(self.dies(a, ends["token"], "--no-use"),
                         datetime.fromisoformat(ends["expires_at"]).timestamp())


if __name__ == "__main__":
    if FAKE is None or shutil.which("faketime") is None:
        skip("libfaketime not installed: tests/install-packages test")
    main()
