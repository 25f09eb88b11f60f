"""two_issuers.py - two issuers on one PostgreSQL, an agent that knows both, and
a ledger of what was acknowledged."""
import json
import shutil
import threading
import time

import bad_days  # noqa: F401 (where flow is)
from crash import Client, Ledger
from flow import SLOW, Agent, Flow, Issuer, Reader, wait_for
from postgres import started


class Steady(threading.Thread):
    """A verifying process, and one token that is good all the time."""

    def __init__(self, state, token):
        super().__init__(daemon=True)
        self.reader, self.token = Reader(state), token
        self.asked, self.refused, self.enough = 0, [], False
        self.start()

    def run(self):
        while not self.enough:
            word = self.reader.ask(self.token)
            self.asked += 1
            if word != "ok":
                self.refused.append(word)
            time.sleep(0.005)

    def end(self):
        self.enough = True
        self.join()
        self.reader.close()


class TwoIssuers(Flow):
    flags = ()  # more, of each issuer
    ports = {}  # of "a" and "b", where who is in front has to know them before

    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.ledger = Ledger()

    def start_both(self, *databases, a_store=None, front=None):
        """And an agent, which knows both, or only what is in front of a."""
        store = (databases or (self.pg,))[0].url(*databases[1:])
        self.a = self.one("a", a_store or store, front and front.url)
        shutil.copytree(self.a.data / "keys", self.folder / "b/data/keys")
        (self.folder / "b/data").chmod(0o700)
        self.b = self.one("b", store)
        urls = [self.a.url, self.b.url]
        if front:
            front.mint, urls = self.a, [front.url]
        self.agent = Agent(self.folder, self.a, urls=urls)
        self.processes.append(self.agent)
        self.agent.start()
        self.steady = Steady(self.agent.state, self.b.mint("steady")["token"])
        self.addCleanup(self.steady.end)
        self.reader = Reader(self.agent.state)
        self.addCleanup(self.reader.close)
        wait_for("a first answer", lambda: self.steady.asked > 1)
        wait_for("the agent to say that it follows",
                 lambda: "feed.connected" in self.agent.text())

    def one(self, name, store, url=None):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        issuer = getattr(self, "a", None)
        i = Issuer(folder, self.ports.get(name), url or (issuer and issuer.name),
                   ("--store", store, *self.flags))
        self.processes.append(i)
        return i.start()

    def load(self, *issuers):
        return [Client(i, self.ledger) for i in issuers for _ in range(2)]

    # ---- what must be so ----

    def heard_by_the_agent(self, issuer, seconds):
        """How long it takes until a revocation at that issuer is enforced."""
        probe = issuer.mint("probe")
        wait_for("the agent to know the token's list",
                 lambda: self.reader.ask(probe["token"]) == "ok", seconds)
        issuer.revoke(probe["id"])
        wait_for("the revocation to be enforced",
                 lambda: self.reader.ask(probe["token"]) == "revoked", seconds)

    def followed(self):
        """The issuer that the agent follows by what it said last, and the other
        one."""
        url = [json.loads(line)["issuer"] for line in self.agent.text().splitlines()
               if '"feed.connected"' in line][-1]
        return (self.a, self.b) if url == self.a.url else (self.b, self.a)

    def assert_found(self, issuer, began, seconds):
        """What is revoked there is enforced so soon after `began`, and who
        verifies has noticed nothing."""
        probe = issuer.mint("probe")
        issuer.revoke(probe["id"])
        wait_for("the revocation to be enforced",
                 lambda: self.reader.ask(probe["token"]) == "revoked",
                 (began + seconds - time.monotonic()) / SLOW)
        self.assertEqual(self.steady.refused, [])

    def everything_is_there(self, issuer):
        self.assertEqual(self.ledger.strange, [])
        have = dict(self.pg.ask(
            "SELECT list || '.' || idx, status FROM mintmark.token"))
        self.assertEqual(set(self.ledger.minted) - set(have), set(), "lost")
        self.assertEqual([i for i in self.ledger.revoked if have[i] != "1"], [])
        self.numbers_are_whole()
        self.heard_by_the_agent(issuer, 10)
        for token_id, token in list(self.ledger.revoked.items())[-50:]:
            self.assertEqual(self.reader.ask(token), "revoked", token_id)
        self.assertEqual(self.steady.refused, [])

    def numbers_are_whole(self):
        first, last, count, head = map(int, self.pg.ask(
            "SELECT min(e.seq), max(e.seq), count(*), min(h.seq)"
            " FROM mintmark.event e, mintmark.head h")[0])
        self.assertEqual((first, last, last), (1, count, head))

    def end(self, clients):
        for c in clients:
            c.end()
