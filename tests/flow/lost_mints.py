#!/usr/bin/env python3
"""A backup that lacks nothing but mints: they are no events, and no agent knows
of them, but their ids would be given a second time."""
import contextlib
import shutil
import sqlite3

from flow import SLOW, Flow, main, wait_for


class LostMints(Flow):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()
        self.first = self.i.mint()
        self.kept = self.folder / "kept.db"
        self.back_up()

    def back_up(self):
        self.kept.unlink(missing_ok=True)
        with contextlib.closing(self.live()) as db:
            db.execute(f"VACUUM INTO '{self.kept}'")

    def live(self):
        return sqlite3.connect(self.i.data / "mintmark.db", timeout=10)

    def ids(self, file=None):
        with contextlib.closing(sqlite3.connect(file) if file else self.live()) as db:
            return set(db.execute("SELECT list, idx FROM token"))

    def mint(self):
        return self.i.http("POST", "/v1/tokens", {"user": "bob", "expires_in": 600},
                           local=True)

    def put_back(self):
        for f in self.i.data.glob("mintmark.db*"):
            f.unlink()
        shutil.copy(self.kept, self.i.data / "mintmark.db")

    def written_down(self):
        """Line of the audit that `newest` says; 0: it does not say any yet."""
        newest = self.i.data / "newest"
        return int(newest.read_text().split()[4]) if newest.exists() else 0

    def lines(self):
        with contextlib.closing(self.live()) as db:
            return db.execute("SELECT max(seq) FROM audit").fetchone()[0]

    def test_F16_a_start_asks_for_restored(self):
        for stop in (self.i.stop, self.i.kill9):
            self.back_up()
            lost = self.i.mint("bob")
            wait_for("the file newest", lambda: self.written_down() == self.lines(),
                     10 * SLOW)
            stop()
            self.put_back()
            self.assertRegex(self.i.refused(), r"all events.*but not line \d+ of the audit"
                             r"[^$]*start once with --restored")
            self.i.start(flags=["--restored"])
            again = [self.i.mint("bob")["id"] for _ in range(20)]
            self.assertNotIn(lost["id"], again)

    def test_F16_under_a_mint_that_runs(self):
        """From the next transaction on, not one is given twice."""
        for _ in range(100):
            self.i.mint()
        after = self.ids(self.kept)
        with contextlib.closing(sqlite3.connect(self.kept)) as old, \
                contextlib.closing(self.live()) as live:
            old.backup(live)
        for _ in range(200):
            status, reply, _ = self.mint()
            self.assertEqual(status, 503, reply)
        self.assertEqual(self.ids(), after)
        wait_for("a word about it", lambda: '"store.went_back"' in self.i.text(),
                 10 * SLOW)
        self.assertIn("--restored", self.mint()[1]["detail"])
        health = self.i.http("GET", "/health/ready")[1]
        self.assertIn("--restored", health["checks"]["history"]["do"])
        # what is left can be revoked
        self.i.revoke(self.first["id"])
        self.i.stop()
        self.assertRegex(self.i.refused(), r"\s.*start once with --restored")
        self.i.start(flags=["--restored"])
        self.assertEqual(self.mint()[0], 201)


if __name__ == "__main__":
    main()
