#!/usr/bin/env python3
"""100,000 tokens of 10,000 people: every page that the console asks for comes
within 100 ms."""
import time

from fill import fill
from flow import SLOW, Flow, main

PEOPLE, TOKENS = 10000, 100000
# What is measured is the work, not who else is on the machine: the best of
# some, and a sanitized build is let off.
LIMIT = 0.1 * SLOW


class Many(Flow):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()
        self.i.stop()
        fill(self.i.data, TOKENS, PEOPLE)
        self.i.start()

    def ask(self, path):
        best = None
        for _ in range(5):
            began = time.perf_counter()
            status, reply, _ = self.i.http("GET", path, local=True)
            took = time.perf_counter() - began
            self.assertEqual(status, 200, reply)
            best = took if best is None else min(best, took)
            if best < LIMIT / 2:
                break
        self.assertLess(best, LIMIT, path)
        return reply

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
        self.assertEqual(sum(counts.values()), 2 * TOKENS, counts)
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

    def test_people(self):
        self.assertEqual(self.walk("/v1/users?limit=1000", "users"), PEOPLE)
        self.assertEqual(self.walk("/v1/users?q=PERSON-0999", "users"), 10)
        self.assertEqual(self.ask("/v1/users?q=nobody")["users"], [])
        self.ask("/v1/keys")


if __name__ == "__main__":
    main()
