#!/usr/bin/env python3
"""mintmark doctor where the store is in PostgreSQL: all is well; the database
is not there; nor is mintmarkd."""
import json

import doctor
from flow import SLOW, main, wait_for
from postgres import started


class Elsewhere(doctor.Doctor):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.begin(mint_flags=("--store", self.pg.url()))

    def test_a_store_in_postgresql(self):
        found = self.well()
        self.assertLessEqual((doctor.OF_MINT | doctor.OF_HOST) - {"store.whole"},
                             {f["check"] for f in found})

    def test_no_database(self):
        self.pg.stop("immediate")
        wait_for("mintmarkd to notice", lambda: {"store_read", "store_write", "feed"}
                 <= {c for c, how in self.i.http("GET", "/health/ready")[1]
                     ["checks"].items() if how["status"] != "ok"}, 20 * SLOW)
        self.wrong(("health.store_write", "is failing", "--store answers"),
                   ("health.store_read", "is failing", "the log says why"),
                   ("health.feed", "is failing", "mend the other checks"),
                   ("issuer", "answers 503 .*not well", "^on the mint's host"))
        self.i.stop()
        f = self.wrong(
            ("mint", "No such file", "journalctl"),
            ("issuer", "no answer", "^curl -v"),
            ("folder.store", "mintmark.db is not there",
             "^is it in PostgreSQL[?] then .*--store that it had; else"))
        self.assertNotIn(self.token, json.dumps(f))


if __name__ == "__main__":
    main(at_once=2)
