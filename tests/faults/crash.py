#!/usr/bin/env python3
"""kill -9 of the mint, the agent and the rotate script at random moments, under
load, with a ledger of what was acknowledged.

Nothing acknowledged is lost, nothing revoked is accepted again, and files,
event numbers, audit and keyring are whole after each."""
import collections
import contextlib
import http.client
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from bad_days import LONG, seeded
from flow import MINTMARK, SLOW, TOP, Flow, Reader, cli, main, wait_for
from key_compromise import kid, part

ROUNDS = 500 if LONG else 50
GONE = (OSError, http.client.HTTPException)  # nobody there, or in the middle


@contextlib.contextmanager
def during(what):
    try:
        yield
    except AssertionError as e:
        raise AssertionError(f"{what}: {e}") from e


class Ledger:
    """What was asked for, and what was acknowledged.  {id: token} each."""

    def __init__(self):
        self.minted, self.asked, self.revoked = {}, {}, {}
        self.strange = []  # answers that are neither yes nor "not now"

    def mint(self, i):
        status, r, _ = i.http("POST", "/v1/tokens", {
            "user": "alice", "expires_in": 86400}, local=True)
        if status == 201:
            if r["id"] in self.minted:
                self.strange.append(f"{r['id']} was given twice")
            self.minted[r["id"]] = r["token"]
            return r["id"]
        self.not_now("mint", status, r)

    def revoke(self, i, token_id):
        self.asked[token_id] = self.minted[token_id]
        status, r, _ = i.http("DELETE", f"/v1/tokens/{token_id}", local=True)
        if status == 200:
            self.revoked[token_id] = self.minted[token_id]
        else:
            self.not_now("revoke", status, r)

    def not_now(self, what, status, reply):
        if status != 503:
            self.strange.append(f"{what}: {status} {reply}")


class Client(threading.Thread):
    """Mints two, revokes one, until nobody answers."""

    def __init__(self, issuer, ledger):
        super().__init__()
        self.issuer, self.ledger, self.enough = issuer, ledger, False
        self.start()

    def run(self):
        with contextlib.suppress(*GONE):
            while not self.enough:
                one = self.ledger.mint(self.issuer)
                self.ledger.mint(self.issuer)
                if one:
                    self.ledger.revoke(self.issuer, one)

    def end(self):
        self.enough = True
        self.join()


class Watch(threading.Thread):
    """A verifying process that stays through all of it: who was once refused
    is never let in again, also while the agent is dead or comes back."""

    def __init__(self, state, ledger):
        super().__init__(daemon=True)
        self.reader, self.ledger = Reader(state), ledger
        self.refused, self.back, self.enough = set(), [], False
        self.start()

    def run(self):
        while not self.enough:
            for token_id, token in list(self.ledger.asked.items())[-200:]:
                word = self.reader.ask(token)
                if word != "ok":
                    self.refused.add(token_id)
                elif token_id in self.refused:
                    self.back.append(token_id)
            time.sleep(0.01)

    def end(self):
        self.enough = True
        self.join()
        self.reader.close()


class Crash(Flow):
    def setUp(self):
        super().setUp()
        self.rng = seeded()
        self.i, self.a = self.both()
        self.ledger, self.gone = Ledger(), set()
        self.reader = Reader(self.a.state)
        self.addCleanup(self.reader.close)
        self.watch = Watch(self.a.state, self.ledger)
        self.addCleanup(self.watch.end)
        self.looked_at = 0
        self.slowest = 0

    # ---- killing ----

    def script(self, name, *flags):
        """A rotation script in a process group of its own."""
        return subprocess.Popen(
            [TOP / "keys" / name, "--data", self.i.data, *flags], text=True,
            env={**os.environ, "MINTMARK_BIN": str(MINTMARK)},
            start_new_session=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def kill_after(self, victims, seconds):
        """Kill them while clients work and, if it is one of them, the script."""
        script = self.script("rotate", "--now") if "rotate" in victims else None
        time.sleep(seconds)
        if script:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(script.pid, signal.SIGKILL)
            script.communicate()
        if "issuer" in victims:
            self.i.kill9()
        if "agent" in victims:
            self.a.kill9()

    def start_agent(self):
        """It is there once it says so; before, SIGHUP would end it."""
        starts = self.a.text().count('"agent.start"')
        self.a.start(wait=False)
        wait_for("the agent to start",
                 lambda: self.a.text().count('"agent.start"') > starts, 20)

    # ---- what must be so ----

    def store_is_whole(self):
        """As the dead mint has left it, on a copy: nothing is mended by that."""
        copy = self.folder / "copy"
        copy.mkdir(exist_ok=True)
        for f in self.i.data.glob("mintmark.db*"):
            shutil.copy2(f, copy)
        with contextlib.closing(sqlite3.connect(copy / "mintmark.db")) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                             [("ok",)])
            first, last, count = db.execute(
                "SELECT min(seq), max(seq), count(*) FROM event").fetchone()
            self.assertEqual((first, last), (1, count), "event numbers")
            self.assertEqual(db.execute("SELECT seq FROM head").fetchall(),
                             [(last,)])
        shutil.rmtree(copy)

    def keys_are_whole(self):
        """Each in one state, one signs (or two, of a rotation cut off)."""
        states = collections.defaultdict(list)
        for f in (self.i.data / "keys").glob("[!.]*/[!.]*.pem"):
            states[f.parent.name].append(f.stem)
        every = sum(states.values(), [])
        self.assertEqual(len(every), len(set(every)), states)
        self.assertIn(len(states["active"]), (1, 2), states)
        return states

    def agent_has_followed(self):
        """Wake it until it has heard the newest; what it then says of the
        ledger has no second chance."""
        probe = self.i.mint()
        self.i.revoke(probe["id"])
        began = time.monotonic()

        def heard():
            self.a.proc.send_signal(signal.SIGHUP)
            self.word = self.reader.ask(probe["token"])
            return self.word == "revoked"
        try:
            wait_for("the agent to follow", heard, 30)
        except AssertionError as e:
            raise AssertionError(
                f"{e}: a reader says {self.word} of {probe['id']}, the mint is at "
                f"{self.i.http('GET', '/health/ready')}\n{self.a.text()[-3000:]}\n"
                f"{self.i.text()[-3000:]}") from None
        self.slowest = max(self.slowest, time.monotonic() - began)

    def check_new(self):
        """What was acknowledged since we last looked."""
        new = list(self.ledger.minted.items())[self.looked_at:]
        self.looked_at += len(new)
        self.check_tokens(new)
        for token_id, token in new[-20:]:
            t = self.i.admin("GET", f"/v1/tokens/{token_id}")
            if token_id in self.ledger.revoked:
                self.assertEqual(t["status"], "revoked")

    def check_tokens(self, tokens):
        for token_id, token in tokens:
            word = self.reader.ask(token)
            if token_id in self.ledger.revoked:
                self.assertIn(word, ("revoked", "unknown_key"), token_id)
            elif kid(token) in self.gone:
                self.assertEqual(word, "unknown_key", token_id)
            elif token_id not in self.ledger.asked:
                self.assertEqual(word, "ok", token_id)

    def make_room(self):
        """The keyring has room for so many."""
        for key in self.keys_are_whole()["retiring"]:
            cli("key", "retire", "--force", "--data", self.i.data, "--", key, check=0)
            self.gone.add(key)

    # ---- the rounds ----

    def round(self, n):
        victims = self.rng.choice([("issuer",), ("issuer",), ("agent",), ("rotate",),
                                   ("issuer", "agent"), ("rotate", "issuer")])
        seconds = self.rng.uniform(0.01, 0.15) * min(SLOW, 2)
        clients = [Client(self.i, self.ledger) for _ in range(2)]
        try:
            self.kill_after(victims, seconds)
        finally:
            for c in clients:
                c.end()
        if "issuer" in victims:
            self.store_is_whole()
            self.i.start()
        if "agent" in victims:
            self.start_agent()
        if "rotate" in victims:  # nobody else changes them
            cli("key", "list", "--data", self.i.data, check=0)
        if len(self.keys_are_whole()["retiring"]) > 12:
            self.make_room()
        self.agent_has_followed()
        self.check_new()
        self.assertEqual((self.ledger.strange, self.watch.back), ([], []))
        if n % 10 == 9:
            cli("audit", "--verify", "--data", self.i.data, check=0)

    def test_F1_kill_9_of_each_at_random(self):
        for n in range(ROUNDS):
            with during(f"round {n}"):
                self.round(n)
        last = self.script("rotate", "--now")
        said = last.communicate()[0]
        self.assertEqual(last.returncode, 0, said)
        self.assertEqual(len(self.keys_are_whole()["active"]), 1)
        self.check_all()
        print(f"{ROUNDS} rounds: {len(self.ledger.minted)} mints and "
              f"{len(self.ledger.revoked)} revocations acknowledged, none lost; "
              f"{len(self.watch.refused)} refusals watched, none taken back; the "
              f"agent had followed {self.slowest:.2f} s after it could at the "
              "latest", flush=True)

    def check_all(self):
        """The whole ledger, in the store, in the audit and at the agent."""
        held, cursor = {}, ""
        while cursor is not None:
            page = self.i.admin("GET", "/v1/tokens?status=all&limit=1000" +
                                (f"&cursor={cursor}" if cursor else ""))
            held.update((t["id"], t["status"]) for t in page["tokens"])
            cursor = page["next_cursor"]
        self.assertLessEqual(set(self.ledger.minted), set(held))
        self.assertEqual({held[t] for t in self.ledger.revoked}, {"revoked"})
        self.assertGreater(len(self.ledger.minted), 3 * ROUNDS)
        self.assertGreater(len(self.ledger.revoked), ROUNDS)

        cli("audit", "--verify", "--data", self.i.data, check=0)
        lines = cli("audit", "-o", "json", "--data", self.i.data, check=0).stdout
        for event, ids in (("token.mint", self.ledger.minted),
                           ("token.revoke", self.ledger.revoked)):
            written = {l.partition('"id":"')[2].partition('"')[0]
                       for l in lines.splitlines() if f'"{event}"' in l}
            self.assertLessEqual(set(ids), written, event)
        self.agent_has_followed()
        self.check_tokens(self.ledger.minted.items())
        self.events_are_whole()

    def events_are_whole(self):
        """The feed itself, from its beginning."""
        agent, at = self.a.token_file.read_text().strip(), 0
        head = self.i.http("GET", "/health/ready")[1]["seq"]
        while at < head:
            raw = self.i.http("GET", f"/v1/feed?after={at}&wait=0", token=agent)[1]
            batch = part(raw.decode(), 1)
            numbers = [e["seq"] for e in batch["events"]]
            self.assertEqual(numbers, list(range(at + 1, batch["seq"] + 1)))
            at = batch["seq"]


if __name__ == "__main__":
    main()
