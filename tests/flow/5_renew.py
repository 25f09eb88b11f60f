#!/usr/bin/env python3
"""Step 5, renew: a token in use keeps itself alive; an unused one dies."""
import time

from flow import SLOW, Flow, main, wait_for

WINDOW = int(4 * max(1, SLOW / 2))


class Renew(Flow):
    def test_ten_windows_and_then_idle(self):
        """Used about once a window: alive for ten; unused: dead after one."""
        i, a = self.both()
        used = i.mint(auto_refresh=WINDOW, expires_in=3600)
        idle = i.mint(auto_refresh=WINDOW, expires_in=3600)
        begun = time.time()
        while time.time() - begun < 10 * WINDOW:
            time.sleep(WINDOW * 0.6)
            self.assertIsNone(a.reason(used["token"]),
                              f"after {time.time() - begun:.1f} s")
        self.assertEqual(a.reason(idle["token"]) in ("idle", "revoked"), True)
        last = int(time.time())
        while time.time() < last + WINDOW + 1.2:
            time.sleep(0.1)
        self.assertIn(a.reason(used["token"]), ("idle", "revoked"))
        # and for everybody else, by the standard list
        wait_for("the sweeper", lambda: i.admin(
            "GET", f"/v1/tokens/{used['id']}")["status"] == "idle")

    def test_a_clock_that_may_be_wrong_sweeps_nothing_yet(self):
        """Long away, by its clock: idle is final, so the mint waits first."""
        import sqlite3
        i = self.issuer()
        t = i.mint(auto_refresh=2, expires_in=3600)
        i.stop()
        db = i.data / "mintmark.db"
        with sqlite3.connect(db) as c:
            c.execute("UPDATE event SET at = at - 2 * 86400")
        c.close()
        time.sleep(3)
        # new lists are announced at this start: by today's clock, too
        i.start(flags=["--max-life", "500d"])
        time.sleep(2.5)
        self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"], "idle")
        with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as c:
            stored = c.execute("SELECT status FROM token").fetchall()
        c.close()
        self.assertEqual(stored, [(0,)], "nothing was marked yet")

    def test_uses_survive_an_outage_of_the_issuer(self):
        """In use all along: alive here meanwhile, and everywhere after."""
        i, a = self.both()
        window = 3 * WINDOW  # both start again in a part of it
        t = i.mint(auto_refresh=window, expires_in=3600)
        i.kill9()
        begun = time.time()
        while time.time() - begun < 1.5 * window:
            time.sleep(window * 0.3)
            self.assertIsNone(a.reason(t["token"]))
        a.stop()  # pending uses are kept over a restart of the agent, too
        i.start()
        a.start()
        wait_for("the late reports to count", lambda: i.admin(
            "GET", f"/v1/tokens/{t['id']}")["status"] == "active", 20)
        a.wait_reason(t["token"], None)


if __name__ == "__main__":
    main(at_once=3)
