#!/usr/bin/env python3
"""mintmark doctor where the store is in PostgreSQL: all is well; agents are at
another issuer; the database is not there; nor is mintmarkd."""
import json
import shutil

import doctor
from flow import SLOW, Issuer, cli, main, wait_for
from postgres import started


class Elsewhere(doctor.Doctor):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.begin(mint_flags=("--store", self.pg.url()))

    def test_a_store_in_postgresql(self):
        found = {f["check"]: f["detail"] for f in self.well()}
        self.assertLessEqual((doctor.OF_MINT | doctor.OF_HOST) - {"store.whole"}
                             | {"folder.room"}, set(found))
        self.assertRegex(found["store"], r"^in PostgreSQL, \d.* [kMG]B$")
        self.assertRegex(found["agents"], "^1 follow the feed of this issuer; ")

    def beside(self):
        """Another issuer, which nobody follows."""
        folder = self.folder / "other"
        shutil.copytree(self.i.data / "keys", folder / "data/keys")
        (folder / "data").chmod(0o700)
        other = Issuer(folder, issuer=self.i.name, flags=self.i.flags)
        self.processes.append(other)
        return other.start()

    def test_all_agents_are_at_another_issuer(self):
        """Of the two neither knows the agents of the other."""
        other = self.beside()
        code, found = self.ask("--data", other.data, here=False)
        self.assertEqual([f for f in found if f["state"] == "wrong"], [])
        said, = [f for f in found if f["check"] == "agents"]
        self.assertEqual((code, said["state"], said["detail"]), (
            0, "note", "0 follow the feed of this issuer; others have theirs"))
        self.assertEqual(said["next"],
                         "on the hosts of the others, too: mintmark doctor")

    def test_a_key_of_another_issuer(self):
        """It has rotated, and its new key was not copied here yet: nothing is
        wrong, and the key is not to be ended for that."""
        other = self.beside()
        cli("key", "rotate", "--now", "--data", other.data, check=0)
        code, found = self.ask("--data", self.i.data, here=False)
        self.assertEqual([f for f in found if f["state"] == "wrong"], [])
        said = [f for f in found if f["check"] == "keys.elsewhere"]
        self.assertEqual([code] + [f["state"] for f in said], [0, "note"])
        self.assertRegex(said[0]["next"], "^copy it here .*if no issuer has it")

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
