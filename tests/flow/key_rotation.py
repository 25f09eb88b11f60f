#!/usr/bin/env python3
"""Ten rotations while tokens are minted and verified without pause: no good
token is ever refused, no token of a key that is gone accepted.  Two agents
follow all the while, a third is away for five of the rotations.  Tokens are
exchanged, too, also while none are minted: no store knows of those."""
import itertools
import os
import random
import subprocess
import threading
import time

from flow import MINTMARK, SLOW, TOP, Agent, Flow, Reader, cli, main, wait_for
from key_compromise import kid

ROTATIONS, LEAVES, RETURNS = 10, 2, 7
QUIET = 5  # from this rotation to the next the key signs access tokens alone
GONE_AT = {4, 8}  # a retiring key is taken away by force, live tokens and all


class Load:
    """Threads that mint and verify, and what went wrong."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.tokens, self.access, self.wrong = [], [], []
        self.minting = threading.Event()
        self.minting.set()
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
        self.minting.set()
        for t in self.threads:
            t.join()

    def mint(self):
        kinds = itertools.cycle(({}, {"auto_refresh": 600}))
        while not self.stop.is_set():
            self.minting.wait()
            self.tokens.append(self.issuer.mint(
                f"u{random.randrange(5)}", expires_in=3600, **next(kinds))["token"])

    def exchange(self):
        while not self.stop.is_set():
            good = [t for t in self.tokens if kid(t) not in self.going]
            if not good:
                continue
            token = random.choice(good)
            status, reply, _ = self.issuer.exchange(token, audience="files")
            if status == 200:
                self.access.append(reply["access_token"])
            elif kid(token) not in self.going:
                self.wrong.append(f"exchange: {status} {reply}")

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


    def verify_access(self, agent):
        while not self.stop.is_set():
            if self.access:
                self.judge("access token", random.choice(self.access), lambda t: agent.reason(
                    t, "--access-tokens", "--audience", "files") or "ok")


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
        load.start(load.exchange)
        load.start(load.verify_access, b)
        for n in range(1, ROTATIONS + 1):
            time.sleep(0.4)
            if n == QUIET:
                load.minting.clear()
                time.sleep(0.3 * SLOW)
            self.assertIn("signs now", self.script("rotate", "--now"))
            if n == QUIET + 1:
                seen = sum(kid(t) == signers[-1] for t in load.access)
                self.assertGreater(seen, 0)
            signers += [k for k, s in self.states().items() if s == "active"]
            self.assertIn("Nothing to retire", self.script("retire"))
            if n > QUIET:
                load.minting.set()
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
        self.assertGreater(len(load.access), 50)
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

    def test_what_keeps_a_key(self):
        """Access tokens for their time; a key that signs, or waits, is none
        to retire; list says how long."""
        self.i = self.issuer(flags=("--exchange-life", "4s", "--list-ttl", "1s"))
        t = self.i.mint()
        self.script("rotate", "--now")
        signs, = [k for k, state in self.states().items() if state == "active"]
        self.assertEqual(self.i.exchange(t["token"], audience="files")[0], 200)
        self.script("rotate", "--now")
        stopped = time.monotonic()
        self.assertIn(f"Next: {signs}, which is needed until", self.script("retire"))
        p = cli("key", "retire", signs, "--data", self.i.data, check=1)
        self.assertIn(f"access tokens that {signs} signed may live until", p.stderr)
        rows = {r.split()[1]: r.split() for r in cli(
            "key", "list", "--data", self.i.data, check=0).stdout.splitlines()}
        known = {k["kid"]: k for k in self.i.admin("GET", "/v1/keys")["keys"]}
        self.assertEqual(rows[signs][-2:], ["0", known[signs]["needed_until"]])
        self.assertEqual(known[t["key"]]["needed_until"], t["expires_at"])
        for kid_, state in self.states().items():
            if state in ("active", "next"):
                p = cli("key", "retire", "--data", self.i.data, "--", kid_, check=1)
                self.assertIn({"active": "signs now: mintmark key rotate",
                               "next": "waits for its turn"}[state], p.stderr)
        wait_for("it to be spent", lambda: "Retired the key" in self.script("retire"))
        self.assertGreater(time.monotonic() - stopped, 4)
        self.assertNotIn(signs, self.states())
        self.assertIn(t["key"], self.states())
        # a token that is revoked needs no key
        self.i.revoke(t["id"])
        self.assertIn("Retired the key", self.script("retire"))


if __name__ == "__main__":
    main(at_once=2)
