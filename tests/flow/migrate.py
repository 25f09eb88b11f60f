#!/usr/bin/env python3
"""mintmarkd migrate, and an issuer whose store a newer release has changed."""
import pathlib
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from flow import MINTMARKD, SLOW, TOP, Flow, main, wait_for
from postgres import started


class Migrate(Flow):
    def migrate(self, *flags, code=0):
        """What it says."""
        p = subprocess.run([MINTMARKD, "migrate", *map(str, flags)], text=True,
                           capture_output=True, timeout=60 * SLOW)
        self.assertEqual(p.returncode, code, p.stderr)
        return p.stdout if code == 0 else p.stderr

    def postgres(self):
        self.pg = started(self)
        return self.pg.url()

    def version(self, number):
        self.pg.ask(f"UPDATE mintmark.head SET version = {number}")

    # ---- a file ----

    def test_F29_a_file(self):
        data = self.folder / "data"
        self.assertIn("there is no store", self.migrate("--data", data, code=1))
        self.assertFalse(data.exists())
        data.mkdir(mode=0o700)
        with sqlite3.connect(data / "mintmark.db") as db:
            db.executescript((TOP / "tests/vectors/store-1.sql").read_text())
        conf = self.folder / "conf"
        conf.write_text(f"data = {data}\n")
        self.assertEqual(self.migrate("--config", conf),
                         "the store is of version 3 now, it was of 1\n")
        self.assertIn("nothing to do", self.migrate("--data", data))
        with sqlite3.connect(data / "mintmark.db") as db:
            self.assertEqual(db.execute("PRAGMA user_version").fetchone(), (3,))
            db.execute("PRAGMA user_version = 4")
        self.assertIn("use the newer mintmarkd",
                      self.migrate("--data", data, code=1))

    def test_a_file_in_use(self):
        i = self.issuer()
        self.assertIn("another mintmarkd holds",
                      self.migrate("--data", i.data, code=1))

    # ---- PostgreSQL ----

    def test_F29_tables(self):
        url = self.postgres()
        self.assertIn("there is no store in the database",
                      self.migrate("--store", url, code=1))
        i = self.issuer(flags=("--store", url))
        self.assertIn("nothing to do", self.migrate("--store", url))
        i.stop()
        self.version(2)
        self.assertIn("run mintmarkd migrate", i.refused("--store", url))
        self.assertIn("no release has made such tables",
                      self.migrate("--store", url, code=1))
        self.assertEqual(self.pg.ask("SELECT version FROM mintmark.head"),
                         [["2"]])

    def test_F29_an_issuer_that_is_left_behind_stops(self):
        """It finds out by itself, asked for anything or not; and does not
        start again."""
        i = self.issuer(flags=("--store", self.postgres()))
        t = i.mint()
        self.version(4)
        status, reply, _ = i.http("DELETE", f"/v1/tokens/{t['id']}", local=True)
        self.assertEqual((status, reply["reason"]), (503, "wrong_version"))
        wait_for("it to stop", lambda: not i.alive(), 20)
        self.processes.remove(i)
        self.assertEqual(i.proc.returncode, 1, i.text())
        self.assertNotIn("Sanitizer", i.text())
        self.assertIn('"issuer.outdated"', i.text())
        self.assertIn('"issuer.stop"', i.text())
        self.assertEqual(self.pg.ask("SELECT status FROM mintmark.token"),
                         [["0"]])
        self.assertIn("use the newer mintmarkd that wrote it",
                      i.refused(*i.flags))


if __name__ == "__main__":
    main()
