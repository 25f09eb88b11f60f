#!/usr/bin/env python3
"""Two issuers on one PostgreSQL, and what can become of either.

A ledger has what was acknowledged: none of it is lost while there is one primary,
no id is given twice, agents go over to the other issuer, and whoever
verifies notices nothing."""
import signal
import threading
import time

from bad_days import LONG, Front, Wire, seeded
from flow import SLOW, main, wait_for
from two_issuers import TwoIssuers

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


class Several(TwoIssuers):
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

    def revoke_all(self, user, said):
        """Its answers, and what is so after each.  It tries for 5 s by itself,
        which on a slow host is once or twice; then it may be asked again."""
        for _ in range(5):
            status, reply, _ = self.a.http("DELETE", f"/v1/users/{user}/tokens",
                                           local=True)
            said.append((status, reply.get("revoked"), self.statuses(user)))
            if status == 200:
                break

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
        asker = threading.Thread(target=self.revoke_all, args=("many", said))
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
        asker.join(60 * SLOW)
        *before, last = said
        self.assertEqual(last, (200, 3000, {"1": 3000}))
        for answer in before:
            self.assertEqual(answer, (503, None, {"0": 3000}))
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


if __name__ == "__main__":
    main(at_once=2)
