#!/usr/bin/env python3
"""A35: guessing.  Nothing counts wrong tokens by address: a token is a
signature of 256 bits, and who shares an address with a guesser (a proxy, a
NAT) is not to be shut out by him.  What has a limit is what a guesser costs:
lines in the log and in the audit."""
import http.client
import json
import threading
import time

import paths  # noqa: F401
from agent import AgentDoor
from flow import SLOW, cli, main
from key_compromise import Stolen
from web import basic

SECONDS = 3
FOR_THE_PROXY = ("date", "x-request-id", "x-mintmark-reason")


class Guesser(threading.Thread):
    """As fast as one connection goes; every answer must be the same."""

    def __init__(self, port, method, path, guesses):
        super().__init__(daemon=True)
        self.port, self.ask, self.guesses = port, (method, path), guesses
        self.answers, self.count = set(), 0
        self.over = threading.Event()
        self.start()

    def run(self):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.over.is_set():
            guess = self.guesses[self.count % len(self.guesses)]
            c.request(*self.ask, headers={"Authorization": guess})
            r = c.getresponse()
            body = r.read()
            self.answers.add((r.status, body, tuple(
                v for k, v in sorted(r.getheaders())
                if k.lower() not in FOR_THE_PROXY)))
            self.count += 1
        c.close()

    def stop(self):
        self.over.set()
        self.join()
        return self.count


class Guessing(AgentDoor):
    def guesses(self, good):
        head, body, sig = good.split(".")
        near = [f"{head}.{body}.{sig[:n]}{'A' if sig[n] != 'A' else 'B'}"
                f"{sig[n + 1:]}" for n in range(0, len(sig) - 1, 5)]
        near += [Stolen.new().token(good, jti=f"1.{n}") for n in range(5)]
        return ([f"Bearer {t}" for t in near]
                + [basic("alice", t) for t in near[:5]]
                + [basic("nobody", t) for t in (near[0], good)])

    def test_A35_guessing(self):
        i, a = self.open()
        good = i.mint("root", scopes=["mintmark:admin"])["token"]
        self.assertEqual(self.ask("root", good)[0], 200)
        lines = a.text().count("\n"), i.text().count("\n")
        audit = len(self.audit(i))
        # the mint's API takes Bearer only; with Basic nobody has come in
        bearers = [g for g in self.guesses(good) if g[:6] == "Bearer"]
        guessers = [Guesser(self.port, "GET", "/auth", self.guesses(good)),
                    Guesser(self.port, "GET", "/auth", self.guesses(good)),
                    Guesser(i.port, "GET", "/v1/keys", bearers)]
        slowest, begun = 0, time.monotonic()
        try:
            while time.monotonic() < begun + SECONDS:
                asked = time.monotonic()
                self.assertEqual(self.ask("root", good)[0], 200)
                self.assertEqual(i.http("GET", "/v1/keys", token=good)[0], 200)
                slowest = max(slowest, time.monotonic() - asked)
        finally:
            counts = [g.stop() for g in guessers]
        took = time.monotonic() - begun
        self.assertGreater(min(counts), 300 / SLOW)
        for g in guessers:
            self.assertEqual(len(g.answers), 1, g.answers)
            self.assertEqual({s for s, *_ in g.answers}, {401})
        self.assertLess(slowest, SLOW)
        # 100 a second of one event, and a word on what was left out
        for p, before in ((a, lines[0]), (i, lines[1])):
            self.assertLess(p.text().count("\n") - before, 103 * (took + 2))
        self.assertIn("log.left_out", a.text())
        # of strangers, in the audit, one a minute
        self.assertLessEqual(len(self.audit(i)) - audit, 3)
        self.assertEqual(self.ask("root", good)[0], 200)

    @staticmethod
    def audit(i):
        out = cli("audit", "--data", i.data, "-o", "json", check=0).stdout
        return [json.loads(line) for line in out.splitlines()]


if __name__ == "__main__":
    main()
