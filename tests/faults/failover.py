#!/usr/bin/env python3
"""A PostgreSQL that lacks what was acknowledged last: a standby that lagged has
taken over, or a backup was put back.

A new history begins: no id is given twice, what the database does not know is
refused, and what a host holds as revoked stays so."""
import time

from bad_days import LONG
from crash import Ledger
from flow import cli, main, wait_for
from two_issuers import TwoIssuers

ROUNDS = 3 if LONG else 1
SKIPPED = 1000  # numbers of lists that a new history passes over, at least
LOST = 16  # a second more than LOST_MS of issuer/publish.c


class LossyLedger(Ledger):
    """A token that was lost before it could be revoked is not there."""

    def not_now(self, what, status, reply):
        if (what, status) != ("revoke", 404):
            super().not_now(what, status, reply)


def list_of(token_id):
    return int(token_id.split(".")[0])


class Failover(TwoIssuers):
    def setUp(self):
        super().setUp()
        self.ledger = LossyLedger()

    def another(self):
        """A standby, not started."""
        standby = self.pg.copy()
        self.addCleanup(standby.end)
        return standby

    def some_work(self, seconds=10):
        done = len(self.ledger.revoked)
        wait_for("some work", lambda: len(self.ledger.revoked) > done + 10, seconds)

    # ---- what must be so ----

    def check(self, issuer, name):
        return issuer.http("GET", "/health/ready")[1]["checks"][name]["status"]

    def nothing_is_to_be_done(self, *issuers):
        """As a new history has begun by itself."""
        for i in issuers:
            self.assertEqual(self.check(i, "history"), "ok")
            self.assertNotIn('"feed.agent_ahead"', i.text())

    def misses_nothing(self, since, *issuers):
        """Who misses something still says so LOST seconds after he has read the
        new primary (`since`)."""
        time.sleep(max(0, since + LOST - time.monotonic()))
        self.nothing_is_to_be_done(*issuers)
        for i in issuers:
            self.assertNotIn('"store.went_back"', i.text())

    def read_again(self, *issuers):
        for i in issuers:
            wait_for("it to read the store again",
                     lambda i=i: self.check(i, "store_read") == "ok", 20)

    def works_again(self, *issuers):
        for i in issuers:
            wait_for("it to mint again", lambda i=i: i.http(
                "POST", "/v1/tokens", {"user": "new", "expires_in": 600},
                local=True)[0] == 201, 20)

    def held_by_the_agent(self):
        """What it refuses of the tokens that were revoked, once it has heard of
        all that is acknowledged by now."""
        told = set(self.ledger.revoked)

        def held():
            refused = {i: t for i, t in list(self.ledger.revoked.items())
                       if self.reader.ask(t) != "ok"}
            return told <= set(refused) and refused
        return wait_for("the agent to hold what was acknowledged", held)

    def new_history(self, old, held):
        """`old`: the highest list before, `held`: the tokens that the agent
        refused then."""
        self.assertEqual(self.ledger.strange, [])
        have = {i: (user, status) for i, user, status in self.pg.ask(
            "SELECT list || '.' || idx, \"user\", status FROM mintmark.token")}
        new = {i for i in self.ledger.minted if list_of(i) > old + SKIPPED}
        self.assertEqual({i for i in new if have.get(i, "")[:1] != ("alice",)}, set())
        self.assertEqual([i for i in self.ledger.revoked
                          if i in new and have[i][1] != "1"], [])
        self.numbers_are_whole()
        self.heard_by_the_agent(self.a, 40)
        self.heard_by_the_agent(self.b, 40)
        known = {i for i in self.ledger.minted if have.get(i, "")[:1] == ("alice",)}
        lost = {t for i, t in self.ledger.minted.items() if i not in known}
        self.assertNotIn("ok", [self.reader.ask(t) for t in lost])
        self.assertNotIn("ok", [self.reader.ask(t) for t in held.values()])
        good = new - set(self.ledger.asked)
        self.assertEqual({self.reader.ask(self.ledger.minted[i]) for i in good}, {"ok"})
        self.assertGreater(len(lost), 0)
        self.assertEqual(self.steady.refused, [])

    # ---- a standby ----

    def taken_over(self, standby):
        """Changes are under way all the time: when the primary dies, too, and
        when the standby takes over."""
        clients = self.load(self.a, self.b)
        self.some_work()
        standby.stop()
        self.some_work()
        held = self.held_by_the_agent()
        self.pg.stop("immediate")
        standby.start()
        old = standby.ask("SELECT max(list) FROM mintmark.list")[0][0]
        standby.promote()
        self.pg = standby
        self.some_work(30)
        since = time.monotonic()
        self.end(clients)
        self.new_history(int(old), held)
        self.misses_nothing(since, self.a, self.b)

    def test_F16_a_standby_takes_over_that_lags(self):
        primary, standby = self.pg, self.another()
        self.start_both(primary, standby)
        for n in range(ROUNDS):
            if n:
                primary, standby = standby, standby.copy(over=primary)
            standby.start()
            self.taken_over(standby)
        said = self.a.text() + self.b.text()
        self.assertEqual(said.count('"store.history_lost"'), ROUNDS)

    def test_F16_the_only_issuer_changes_its_database(self):
        """It has not connected anew since the store was made."""
        standby = self.another()
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
        since = time.monotonic()
        self.works_again(a)
        self.assertNotEqual(standby.ask("SELECT epoch FROM mintmark.meta"), epoch)
        self.assertIn('"store.history_lost"', a.text())
        self.misses_nothing(since, a)
        self.assertNotEqual(a.mint("new")["id"], lost["id"])
        status, reply, _ = a.http("GET", f"/v1/tokens/{lost['id']}", local=True)
        self.assertTrue(status == 404 or reply["status"] == "revoked", reply)

    # ---- a backup ----

    def test_F16_a_backup_of_the_database_is_put_back(self):
        """As SECURITY.md says.  The backup is made while others work, and who
        has published what it lacks does not start on it."""
        self.start_both()
        clients = self.load(self.a, self.b)
        self.some_work()
        self.pg.back_up()
        self.some_work()
        self.end(clients)
        held = self.held_by_the_agent()
        self.a.stop()
        self.b.stop()
        self.pg.put_back()
        old = self.pg.ask("SELECT max(list) FROM mintmark.list")[0][0]
        for i in (self.a, self.b):
            self.assertRegex(i.refused(*i.flags), r"the store ends at event \d+, and "
                             r"up to \d+ was published from here.*\s.*--restored")
        self.a.start(flags=["--restored"])
        self.b.start()
        clients = self.load(self.a, self.b)
        self.some_work()
        self.end(clients)
        self.new_history(int(old), held)
        self.nothing_is_to_be_done(self.a, self.b)
        cli("audit", "--verify", env={"MINTMARK_SOCKET": str(self.b.socket)}, check=0)

    def test_F16_a_backup_of_before_a_new_history(self):
        """Who has published from the later one goes on when another issuer has
        begun one after it, of which his folder knows nothing."""
        self.start_both()
        self.pg.back_up()
        self.a.stop()
        self.b.stop()
        self.b.start(flags=["--restored"])
        self.b.stop()
        self.pg.put_back()
        self.assertIn("came from a backup of before --restored",
                      self.b.refused(*self.b.flags))
        time.sleep(1)  # or neither is the later one
        self.a.start(flags=["--restored"])
        self.b.start()
        self.nothing_is_to_be_done(self.a, self.b)


if __name__ == "__main__":
    main(at_once=2)
