#!/usr/bin/env python3
"""The mint's PostgreSQL is away for a while: what people are told meanwhile, and
how often the log says so."""
import json
import shutil
import subprocess
import threading
import time
from datetime import datetime

import bad_days  # noqa: F401 (where flow is)
from flow import Flow, cli, main, wait_for
from postgres import started

AWAY = 10  # seconds
SAYS = ("the mint's store does not answer: try again in a moment; .* mintmark "
        "doctor on its host")


def at(line):
    return datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()


def pairs_of_one_kind(lines):
    """Each line and the next one that says the same."""
    last = {}
    for line in lines:
        kind = line["event"], line.get("what"), line["reason"]
        if kind in last:
            yield last[kind], line
        last[kind] = line


class Away(Flow):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.i = self.issuer(flags=("--store", self.pg.url()))

    def said(self, *events):
        return [json.loads(line) for line in self.i.text().splitlines()
                if any(f'"event":"{e}"' in line for e in events)
                and line.endswith("}")]

    def mints(self):
        return self.i.http("POST", "/v1/tokens", {"user": "a", "expires_in": 600},
                           local=True)

    def test_F16_a_store_that_goes_back_under_a_mint_that_runs(self):
        """As with its host, from a snapshot: another history has not begun
        there.  Ids would be given twice, until that is sure (15 s)."""
        self.pg.stop()
        kept = self.pg.folder / "kept"
        subprocess.run(["cp", "-a", self.pg.data, kept], check=True)
        self.pg.start()
        wait_for("the mint", self.i.ready, 20)
        given = [self.i.mint() for _ in range(20)]
        for t in given:
            self.i.revoke(t["id"])
        self.pg.stop()
        shutil.rmtree(self.pg.data)
        kept.rename(self.pg.data)
        self.pg.start()
        found = wait_for("it to be noticed", lambda: "nothing is minted" in self.mints()
                         [1].get("detail", ""), 12)
        self.assertTrue(found)
        self.assertNotIn('"store.went_back"', self.i.text())
        status, t, _ = self.i.http("DELETE", "/v1/users/a/tokens", local=True)
        self.assertEqual((status, t["published"]), (200, False), t)
        began = time.monotonic()
        while '"store.went_back"' not in self.i.text():
            self.assertLess(time.monotonic() - began, 40)
            self.assertEqual(self.mints()[0], 503)
            time.sleep(0.2)
        self.assertEqual(self.mints()[0], 503)

    def test_F16_only_mints_were_lost(self):
        """Mints are no events: the audit tells, and not one id is given twice."""
        given = {self.i.mint()["id"] for _ in range(5)}
        self.pg.stop()
        kept = self.pg.folder / "kept"
        subprocess.run(["cp", "-a", self.pg.data, kept], check=True)
        self.pg.start()
        wait_for("the mint", self.i.ready, 20)
        given |= {self.i.mint()["id"] for _ in range(60)}
        self.pg.stop()
        shutil.rmtree(self.pg.data)
        kept.rename(self.pg.data)
        self.pg.start()
        began, answers = time.monotonic(), set()
        while time.monotonic() - began < 8:
            status, reply, _ = self.mints()
            self.assertEqual(status, 503, reply)
            answers.add(reply["detail"])
        self.assertTrue(any("--restored" in a for a in answers), answers)

    def test_F25_the_audit_is_locked(self):
        """As VACUUM FULL does it: no change is made, but what is known is
        published for as long."""
        a = self.agent(self.i, flags=("--max-staleness", "6s"))
        t = self.i.mint()
        a.wait_reason(t["token"], None, 20)
        lock = threading.Thread(target=self.pg.ask, args=[
            "BEGIN; LOCK TABLE mintmark.audit IN ACCESS EXCLUSIVE MODE;"
            " SELECT pg_sleep(14); COMMIT"])
        lock.start()
        while lock.is_alive():
            self.assertEqual(self.i.http("GET", "/health/live")[0], 200)
            self.assertIsNone(a.reason(t["token"]))
            time.sleep(0.5)
        lock.join()
        wait_for("a mint", lambda: self.mints()[0] == 201, 20)

    def test_F14_the_log_of_a_store_that_is_away(self):
        """Each says it at once, and not with every try; and when it is over."""
        bad = ("publish.behind", "store.commit_failed", "sweep.failed")
        good = ("publish.good", "store.commit_good", "sweep.good")
        self.assertEqual(self.said(*bad, *good), [])
        self.pg.stop("immediate")
        for event in bad[:2]:
            wait_for(event, lambda: self.said(event), 20)
        time.sleep(AWAY)
        for e, next_ in pairs_of_one_kind(self.said(*bad)):
            self.assertGreater(at(next_) - at(e), 50, (e, next_))
        self.assertEqual(self.said(*good), [])
        self.pg.start()
        for event in good[:2]:
            last, = wait_for(event, lambda: self.said(event), 30)
            self.assertGreaterEqual(int(last["seconds"]), AWAY - 2)
            self.assertGreater(int(last["times"]), 2)


    def test_F14_what_people_are_told_of_a_store_that_is_away(self):
        """By the command line, and over HTTP also who may be a stranger: what is
        wrong and what to do, and not where the database is."""
        t = self.i.mint("root", scopes=["mintmark:admin"])
        self.pg.stop("immediate")
        wait_for("mintmarkd to notice", lambda: self.said("publish.behind"), 20)
        for argv in (["list"], ["create", "-u", "alice", "-e", "1d"],
                     ["revoke", t["id"]], ["revoke", "-u", "root"]):
            p = cli("token", *argv, "--data", self.i.data, check=3)
            self.assertRegex(p.stderr, SAYS)
            self.assertNotIn(str(self.pg.folder), p.stderr)
        token = t["token"]
        for status, problem, _ in (
                self.i.http("GET", "/v1/tokens", token=token),
                self.i.http("GET", "/v1/snapshot", token=token),
                self.i.http("GET", "/s/1"), self.i.exchange(token),
                self.i.form("/oauth/revoke", {"token": token}),
                self.i.http("POST", "/v1/tokens", {"user": "a", "expires_in": 60},
                            local=True),
                self.i.http("POST", "/v1/keys/reload", {}, local=True)):
            self.assertEqual(status, 503, problem)
            self.assertRegex(problem["detail"], SAYS)
            self.assertNotIn(str(self.pg.folder), problem["detail"])
        self.pg.start()
        wait_for("it to be well", self.i.ready, 30)
        cli("token", "list", "--data", self.i.data, check=0)


if __name__ == "__main__":
    main()
