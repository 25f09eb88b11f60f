#!/usr/bin/env python3
"""Ten rotations while tokens are minted and verified without pause: no good
token is ever refused, no token of a key that is gone accepted.  Two agents
follow all the while, a third is away for five of the rotations."""
import itertools
import os
import random
import subprocess
import threading
import time

from flow import MINTMARK, SLOW, TOP, Agent, Flow, cli, main, wait_for
from key_compromise import Reader, kid

ROTATIONS, LEAVES, RETURNS = 10, 2, 7
GONE_AT = {4, 8}  # a retiring key is taken away by force, live tokens and all


class Load:
    """Threads that mint and verify, and what went wrong."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.tokens, self.wrong = [], []
        self.going, self.gone = set(), set()
        self.checks, self.refusals = itertools.count(), itertools.count()
        self.stop = threading.Event()
        self.threads = []

    def start(self, run, *args):
        t = threading.Thread(target=self.guarded, args=(run, *args))
        self.threads.append(t)
        t.start()

    def guarded(self, run, *args):
        try:
            run(*args)
        except Exception as e:
            self.wrong.append(repr(e))

    def finish(self):
        self.stop.set()
        for t in self.threads:
            t.join()

    def mint(self):
        kinds = itertools.cycle(({}, {"auto_refresh": 600}))
        while not self.stop.is_set():
            self.tokens.append(self.issuer.mint(
                f"u{random.randrange(5)}", expires_in=3600, **next(kinds))["token"])

    def judge(self, name, token, ask):
        """One check.  What is being taken away just now may go either way."""
        key = kid(token)
        was_gone = key in self.gone
        word = ask(token)
        next(self.checks)
        if was_gone:
            next(self.refusals)
            if word != "unknown_key":
                self.wrong.append(f"{name}: gone key {key}: {word}")
        elif key not in self.going and word != "ok":
            self.wrong.append(f"{name}: good token of {key}: {word}")

    def verify(self, agent):
        """A process that has its state mapped and stays."""
        reader = Reader(agent.state)
        try:
            while not self.stop.is_set():
                if self.tokens:
                    self.judge(agent.log.name, self.tokens[-1], reader.ask)
                    self.judge(agent.log.name, random.choice(self.tokens),
                               reader.ask)
        finally:
            reader.close()

    def verify_anew(self, agent):
        """A process for each check, as a script would."""
        while not self.stop.is_set():
            if self.tokens:
                self.judge("mintmark verify", random.choice(self.tokens),
                           lambda t: agent.reason(t) or "ok")


class Rotation(Flow):
    def script(self, name, *flags):
        p = subprocess.run([TOP / "keys" / name, "--data", self.i.data, *flags],
                           env={**os.environ, "MINTMARK_BIN": str(MINTMARK)},
                           capture_output=True, text=True)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        return p.stdout

    def states(self):
        return {k["kid"]: k["state"]
                for k in self.i.admin("GET", "/v1/keys")["keys"]}

    def take_away(self, load):
        """The oldest of retiring/, by force."""
        oldest = [k for k, state in self.states().items() if state == "retiring"][-1]
        p = cli("key", "retire", oldest, "--data", self.i.data)
        self.assertEqual(p.returncode, 1, p.stdout)
        self.assertIn("still live", p.stderr)
        load.going.add(oldest)
        token = next(t for t in load.tokens if kid(t) == oldest)
        self.script("retire", oldest, "--force")
        if SLOW > 1:  # a sanitized agent may need more than its half second
            for agent in filter(Agent.alive, self.agents):
                agent.wait_reason(token, "unknown_key")
        load.gone.add(oldest)

    def test_ten_rotations_under_load(self):
        self.i, a = self.both()
        b = self.agent(self.i, name="second")
        away = self.agent(self.i, name="away")
        self.agents = a, b, away
        for agent in (b, away):
            wait_for("it to follow", lambda: "feed.connected" in agent.text())
        load = Load(self.i)
        self.addCleanup(load.finish)
        signers = []
        for run in (load.mint, load.mint):
            load.start(run)
        for agent in (a, a, b):
            load.start(load.verify, agent)
        load.start(load.verify_anew, b)
        for n in range(1, ROTATIONS + 1):
            time.sleep(0.4)
            self.assertIn("signs now", self.script("rotate", "--now"))
            signers += [k for k, s in self.states().items() if s == "active"]
            self.assertIn("No retiring key", self.script("retire"))
            if n == LEAVES:
                away.stop()
            if n in GONE_AT:
                self.take_away(load)
            if n == RETURNS:
                away.start()
                away.wait_reason(self.i.mint()["token"], None)
                load.start(load.verify, away)
        time.sleep(0.4)
        load.finish()

        self.assertEqual(load.wrong[:5], [])
        self.assertEqual(len(set(signers)), ROTATIONS)
        self.assertEqual(len(load.gone), len(GONE_AT))
        self.assertGreater(len(load.tokens), 50)
        self.assertGreater(next(load.checks), 500)
        self.assertGreater(next(load.refusals), 10)
        self.assertEqual(set(map(kid, load.tokens)) - load.gone,
                         {k for k, s in self.states().items()
                          if s != "next"} & set(map(kid, load.tokens)))
        for agent in (a, b, away):
            reader = Reader(agent.state)
            for token in load.tokens:
                load.judge(agent.log.name, token, reader.ask)
            reader.close()
        self.assertEqual(load.wrong[:5], [])


if __name__ == "__main__":
    main()
