#!/usr/bin/env python3
"""100,000 tokens of 10,000 people: every page that the console asks for comes
within 100 ms."""
import contextlib
import pathlib
import sqlite3
import time

from fill import fill
from flow import SLOW, Flow, main

PEOPLE, TOKENS = 10000, 100000
LIMIT = 0.1 * SLOW


class Many(Flow):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()
        self.i.stop()
        fill(self.i.data, TOKENS, PEOPLE)
        self.i.start()

    def worked(self):
        """Seconds of processor time that the daemon has had."""
        tasks = pathlib.Path(f"/proc/{self.i.proc.pid}/task")
        return sum(int((t / "schedstat").read_text().split()[0])
                   for t in tasks.iterdir()) / 1e9

    def timed(self, path):
        """The answer, and what it took: the time on the clock, or, where
        others have the processors, the daemon's own."""
        work, began = self.worked(), time.perf_counter()
        status, reply, _ = self.i.http("GET", path, local=True)
        took = min(time.perf_counter() - began, self.worked() - work)
        self.assertEqual(status, 200, reply)
        return reply, took

    def ask(self, path):
        """The best of some: once something else may come between."""
        for _ in range(3):
            reply, took = self.timed(path)
            if took < LIMIT:
                return reply
        self.fail(f"{path}: {1000 * took:.0f} ms")

    def first_overview(self):
        """It is kept for some seconds: this is about who asks first.  The
        best of some, each of a daemon that was begun anew."""
        for _ in range(8):
            reply, took = self.timed("/v1/overview")
            if took < LIMIT:
                return reply
            self.i.stop()
            self.i.start()
        self.fail(f"{1000 * took:.0f} ms")

    def test_the_overview(self):
        o = self.first_overview()
        self.assertEqual(o["counts"]["users"], PEOPLE)
        self.assertEqual(o["counts"]["live"], o["days"]["live"][-1])
        self.assertGreater(min(o["days"]["minted"] + o["days"]["died"]), 100)
        self.assertEqual((len(o["expiring"]), len(o["never_used"])), (20, 20))

    def walk(self, path, what):
        """Every page, to the deepest: how many there are in all."""
        count, cursor = 0, ""
        while cursor is not None:
            page = self.ask(path + cursor)
            count += len(page[what])
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        return count

    def test_tokens(self):
        counts = {s: self.walk(f"/v1/tokens?limit=500&status={s}", "tokens")
                  for s in ("active", "revoked", "suspended", "expired", "all")}
        self.assertEqual(counts["all"], TOKENS)
        # some die between two walks
        self.assertAlmostEqual(sum(counts.values()), 2 * TOKENS, delta=20)
        self.assertGreater(min(counts.values()), 500)

    def test_searching(self):
        for status in ("active", "all"):
            path = f"/v1/tokens?status={status}&q="
            self.assertEqual(self.ask(path + "no+such+words")["tokens"], [])
            self.assertEqual(len(self.ask(path + "LAPTOP")["tokens"]), 100)
        mine = self.walk("/v1/tokens?status=all&user=person-00003", "tokens")
        self.assertGreater(mine, 500)
        self.assertEqual(self.walk("/v1/tokens?status=all&q=person-00003",
                                   "tokens"), mine)
        self.ask("/v1/tokens?status=all&user=person-00003&q=no+such+words")

    def mint_took(self, user):
        """Seconds of the daemon's, at best."""
        def once():
            work = self.worked()
            self.i.mint(user)
            return self.worked() - work
        return min(once() for _ in range(9))

    def test_a_rule_does_not_count_the_dead(self):
        """max_tokens: of one who has had 100,000, and of one who had none."""
        self.i.stop()
        with contextlib.closing(sqlite3.connect(
                self.i.data / "mintmark.db")) as db:
            db.execute("UPDATE token SET user = 'busy', status = 1")
            db.commit()
        self.i.flags = (*self.i.flags, "--max-tokens", "1000")
        self.i.start()
        self.assertLess(self.mint_took("busy"),
                        self.mint_took("new") + 0.002 * SLOW)

    def test_people(self):
        self.assertEqual(self.walk("/v1/users?limit=1000", "users"), PEOPLE)
        self.assertEqual(self.walk("/v1/users?q=PERSON-0999", "users"), 10)
        self.assertEqual(self.ask("/v1/users?q=nobody")["users"], [])
        self.ask("/v1/keys")


if __name__ == "__main__":
    main()
