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
        self.back_up(self.kept)

    def back_up(self, to):
        to.unlink(missing_ok=True)
        with contextlib.closing(self.live()) as db:
            db.execute(f"VACUUM INTO '{to}'")

    def put_back_live(self, kept):
        """Into the file of a mint that runs."""
        with contextlib.closing(sqlite3.connect(kept)) as old, \
                contextlib.closing(self.live()) as live:
            old.backup(live)

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
            self.back_up(self.kept)
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
        self.put_back_live(self.kept)
        for _ in range(200):
            status, reply, _ = self.mint()
            self.assertEqual(status, 503, reply)
        self.assertEqual(self.ids(), after)
        wait_for("a word about it", lambda: '"store.went_back"' in self.i.text(),
                 10 * SLOW)
        self.assertIn("--restored", self.mint()[1]["detail"])
        health = self.i.http("GET", "/health/ready")[1]
        self.assertIn("--restored", health["checks"]["history"]["do"])
        # what is left can be revoked, everywhere: no event was lost
        status, reply, _ = self.i.http("DELETE", f"/v1/tokens/{self.first['id']}",
                                       local=True)
        self.assertEqual((status, reply["published"]), (200, True), reply)
        self.i.stop()
        self.assertRegex(self.i.refused(), r"\s.*start once with --restored")
        self.i.start(flags=["--restored"])
        self.assertEqual(self.mint()[0], 201)

    def test_F16_put_back_again(self):
        """The newer one: then nothing is lost, and nobody has to do anything."""
        newer = self.folder / "newer.db"
        self.i.mint()
        self.back_up(newer)
        self.put_back_live(self.kept)
        wait_for("a word about it", lambda: '"store.went_back"' in self.i.text(),
                 10 * SLOW)
        self.assertEqual(self.mint()[0], 503)
        self.put_back_live(newer)
        wait_for("a mint", lambda: self.mint()[0] == 201, 10 * SLOW)
        wait_for("the end of it", lambda: '"store.whole"' in self.i.text(), 10 * SLOW)
        self.assertEqual(self.i.text().count('"store.went_back"'), 1)


if __name__ == "__main__":
    main()
