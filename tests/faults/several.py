#!/usr/bin/env python3
"""Two issuers on one PostgreSQL, and what can become of either.

A ledger has what was acknowledged: none of it is lost while there is one primary,
no id is given twice, agents go over to the other issuer, and whoever
verifies notices nothing."""
import json
import shutil
import signal
import threading
import time

from bad_days import LONG, Front, Wire, seeded
from crash import Client, Ledger
from flow import SLOW, Agent, Flow, Issuer, Reader, main, wait_for
from postgres import started

ROUNDS = 40 if LONG else 3
# Seconds from the fault on within which an agent has found the other issuer,
# and a revocation there is enforced.
OVER = 2 * SLOW
# ... when the one that it followed does not answer any more: its poll ends
# first (5 s, and 2 s for the answer).
SILENT = 7 + 1.5 * SLOW
# ... when it hears nothing from the database: it holds nobody after 5 s.
DEAF = 5 + 2.5 * SLOW
# ... when the database says nothing: it is given 12 s for an answer (that may
# be another's), 5 s of tries, and 3 s more to connect; and then we have ours.
REFUSED = 25


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


class Several(Flow):
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

    def one(self, name, store, url=None):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        issuer = getattr(self, "a", None)
        i = Issuer(folder, issuer=url or (issuer and issuer.name),
                   flags=("--store", store))
        self.processes.append(i)
        return i.start()

    def load(self, *issuers):
        return [Client(i, self.ledger) for i in issuers for _ in range(2)]

    # ---- what must be so ----

    def check(self, issuer, name):
        return issuer.http("GET", "/health/ready")[1]["checks"][name]["status"]

    def nothing_is_to_be_done(self, *issuers):
        """As a new history began by itself.  Asked of issuers that have read
        what is there before they were asked to write."""
        for i in issuers:
            self.assertEqual(self.check(i, "history"), "ok")
            for said in "store.went_back", "feed.agent_ahead":
                self.assertNotIn(f'"{said}"', i.text())

    def read_again(self, *issuers):
        for i in issuers:
            wait_for("it to read the store again",
                     lambda i=i: self.check(i, "store_read") == "ok", 20)

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

    # ---- one of the issuers ----

    def test_F15_one_of_two_is_killed(self):
        rng = seeded()
        self.start_both()
        for n in range(ROUNDS):
            one, other = self.followed()
            clients = self.load(self.a, self.b)
            time.sleep(rng.uniform(0.05, 0.3) * SLOW)
            began = time.monotonic()
            one.kill9()
            self.assert_found(other, began, OVER)
            wait_for("the agent to say that it went over",
                     lambda: self.followed() == (other, one))
            self.end(clients)
            self.everything_is_there(other)
            one.start()
        self.assertGreater(len(self.ledger.revoked), 5 * ROUNDS)

    def test_F15_one_of_two_is_frozen(self):
        """Perhaps in the middle of a change, with the lock that the other one
        needs: the database throws it out."""
        self.start_both()
        for _ in range(ROUNDS // 4 or 2):
            one, other = self.followed()
            clients = self.load(one)
            time.sleep(0.2)
            one.freeze()
            began = time.monotonic()
            other.mint("meanwhile")
            self.assertLess(time.monotonic() - began, 3 * SLOW)
            self.assert_found(other, began, SILENT)
            wait_for("the agent to say that it went over",
                     lambda: self.followed() == (other, one))
            others = self.load(other)
            time.sleep(1)
            self.end(others)
            one.proc.send_signal(signal.SIGCONT)
            self.end(clients)
            self.everything_is_there(other)
            self.everything_is_there(one)

    def give_many(self, user, count):
        """So many tokens, without minting them; their list."""
        like = self.b.mint(user)["id"].split(".")[0]
        others = [c for c, in self.pg.ask(
            "SELECT quote_ident(column_name) FROM information_schema.columns"
            " WHERE table_schema = 'mintmark' AND table_name = 'token'"
            " AND column_name <> 'idx'")]
        self.pg.ask(
            f"BEGIN; UPDATE mintmark.list SET next = next + {count} WHERE list = {like};"
            f"INSERT INTO mintmark.token(idx, {', '.join(others)})"
            f" SELECT l.next - n, {', '.join('t.' + c for c in others)}"
            f" FROM mintmark.token t JOIN mintmark.list l ON l.list = t.list,"
            f" generate_series(1, {count}) n WHERE t.list = {like}"
            f" AND t.idx = (SELECT max(idx) FROM mintmark.token WHERE list = {like});"
            " COMMIT")
        return like

    def statuses(self, user):
        return {s: int(n) for s, n in self.pg.ask(
            "SELECT status, count(*) FROM mintmark.token"
            f" WHERE \"user\" = '{user}' GROUP BY status")}

    def test_F15_frozen_in_the_middle_of_a_change(self):
        """With the lock, and a hundred of three thousand tokens revoked."""
        self.start_both()
        many = self.give_many("many", 2999)
        self.pg.ask(
            "CREATE FUNCTION mintmark.doze() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN PERFORM pg_sleep(1.5); RETURN NEW; END$$;"
            "CREATE TRIGGER doze BEFORE UPDATE ON mintmark.token FOR EACH ROW WHEN"
            f" (NEW.list = {many} AND NEW.idx = 100 AND NEW.status = 1)"
            " EXECUTE FUNCTION mintmark.doze()")
        said = []
        asker = threading.Thread(target=lambda: said.append(
            self.a.admin("DELETE", "/v1/users/many/tokens")))
        asker.start()
        wait_for("the change to be half done", lambda: self.pg.ask(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event = 'PgSleep'") == [["1"]])
        self.a.freeze()
        began = time.monotonic()
        self.b.mint("meanwhile")
        self.assertLess(time.monotonic() - began, 1.5 + 1 + 2 * SLOW)
        self.assertGreater(time.monotonic() - began, 0.5, "it had no lock")
        self.assertEqual(self.statuses("many"), {"0": 3000}, "half a change")
        self.a.proc.send_signal(signal.SIGCONT)
        asker.join(30)
        self.assertEqual([(r["user"], r["revoked"]) for r in said], [("many", 3000)])
        self.assertEqual(self.statuses("many"), {"1": 3000})
        self.everything_is_there(self.a)

    # ---- one of the issuers' ways to the database ----

    def cut_off(self, front=None):
        """Two issuers, of which a reaches the database by a wire, which is cut
        so that nobody is told.  When it was."""
        wire = Wire(self.pg.socket())
        self.addCleanup(wire.close)
        self.start_both(
            a_store=f"postgresql://127.0.0.1:{wire.port}/postgres?user=mintmark",
            front=front)
        self.heard_by_the_agent(self.a, 10)  # and polls from now on
        wire.there = wire.back = False
        return time.monotonic()

    def test_F14_one_of_two_is_cut_off_from_the_database(self):
        """It does not know what is revoked elsewhere, and has nobody wait for
        it; nor does it mint.  A poll of 25 s, by a way that leads to either."""
        front = Front()
        self.addCleanup(front.close)
        began = self.cut_off(front)
        front.mint = self.b  # a poll that is held stays where it is
        self.assert_found(self.b, began, DEAF)
        began = time.monotonic()
        status, reply, _ = self.a.http("POST", "/v1/tokens", {
            "user": "nobody", "expires_in": 60}, local=True)
        self.assertEqual((status, "token" in reply), (503, False))
        self.assertLess(time.monotonic() - began, REFUSED)

    # ---- the database ----

    def broken_by(self, *modes):
        self.start_both()
        for mode in modes:
            done = len(self.ledger.revoked)
            clients = self.load(self.a, self.b)
            wait_for("some work", lambda: len(self.ledger.revoked) > done + 5)
            self.pg.stop(mode)
            self.pg.start()
            done = len(self.ledger.revoked)
            wait_for("both to work again",
                     lambda: len(self.ledger.revoked) > done + 5, 20)
            self.end(clients)
            self.everything_is_there(self.a)
            self.everything_is_there(self.b)

    def test_F14_the_database_is_restarted(self):
        self.broken_by("fast")

    def test_F14_the_database_crashes(self):
        self.broken_by(*["immediate"] * (ROUNDS // 2))

    def test_F16_a_standby_takes_over_that_lags(self):
        """What was acknowledged last is not in it.  A new history begins: what
        it does not know is refused, and what a host holds as revoked stays."""
        standby = self.pg.copy()
        self.addCleanup(standby.end)
        standby.start()
        self.start_both(self.pg, standby)
        self.work_a_while()
        standby.stop()
        before = dict(self.ledger.minted)
        self.work_a_while()
        lost = {i: t for i, t in self.ledger.minted.items() if i not in before}
        revoked = list(self.ledger.revoked.values())
        self.pg.stop("immediate")
        standby.start()
        standby.promote()
        self.pg = standby

        self.read_again(self.a, self.b)
        for i in (self.a, self.b):
            wait_for("it to mint again", lambda: i.http(
                "POST", "/v1/tokens", {"user": "new", "expires_in": 600},
                local=True)[0] == 201, 20)
        new = [i.mint("new") for i in (self.a, self.b) for _ in range(20)]
        self.assertEqual({t["id"] for t in new} & set(self.ledger.minted), set())
        self.assertEqual(len({t["id"] for t in new}), 40)
        self.heard_by_the_agent(self.a, 20)
        self.assertEqual({self.reader.ask(t["token"]) for t in new}, {"ok"})
        self.assertNotIn("ok", [self.reader.ask(t) for t in lost.values()])
        self.assertNotIn("ok", [self.reader.ask(t) for t in revoked])
        self.assertIn('"store.history_lost"', self.a.text() + self.b.text())
        self.nothing_is_to_be_done(self.a, self.b)
        self.assertEqual(self.steady.refused, [])

    def test_F16_the_only_issuer_changes_its_database(self):
        """It has not connected anew since the store was made."""
        standby = self.pg.copy()
        self.addCleanup(standby.end)
        standby.start()
        a = self.one("a", self.pg.url(standby))
        epoch = self.pg.ask("SELECT epoch FROM mintmark.meta")
        a.mint("kept")
        wait_for("the standby to have it", lambda: standby.ask(
            "SELECT 1 FROM mintmark.token WHERE \"user\" = 'kept'"), 20)
        standby.stop()
        lost = a.mint("lost")
        self.pg.stop("immediate")
        standby.start()
        standby.promote()
        self.read_again(a)
        wait_for("it to mint again", lambda: a.http(
            "POST", "/v1/tokens", {"user": "new", "expires_in": 600},
            local=True)[0] == 201, 20)
        self.assertNotEqual(standby.ask("SELECT epoch FROM mintmark.meta"), epoch)
        self.assertIn('"store.history_lost"', a.text())
        self.nothing_is_to_be_done(a)
        self.assertNotEqual(a.mint("new")["id"], lost["id"])
        status, reply, _ = a.http("GET", f"/v1/tokens/{lost['id']}", local=True)
        self.assertTrue(status == 404 or reply["status"] == "revoked", reply)

    def work_a_while(self):
        done = len(self.ledger.revoked)
        clients = self.load(self.a, self.b)
        wait_for("some work", lambda: len(self.ledger.revoked) > done + 10)
        self.end(clients)


if __name__ == "__main__":
    main(at_once=2)
