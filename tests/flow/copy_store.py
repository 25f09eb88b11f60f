#!/usr/bin/env python3
"""mintmark-store copy: a mint goes from its file to PostgreSQL, and nobody who
follows it, or holds a token of it, notices."""
import contextlib
import json
import pathlib
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from damage import lose_an_entry, lose_rows, spoil
from fill import fill
from flow import BUILD, Flow, cli, main, wait_for
from metrics import Page
from postgres import started

STORE = BUILD / "issuer/mintmark-store"
DAY = 86400
TABLES = {"meta": "iss, epoch, began", "head": "seq", "event": "seq, at, body",
          "key": "*", "list": "*", "token": "*", "repeat": "*", "audit": "*"}
ODD = ["a\\b \\n \\. \\N", "\\.", "\\N", "naïve 日本 🦀", "%_'\"$$;--",
       "ends in \\"]


class Copy(Flow):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.url = self.pg.url()
        self.file = self.folder / "data/mintmark.db"

    def copy(self, code=0, to=None, file=None):
        """What it says."""
        p = subprocess.run([STORE, "copy", file or self.file, to or self.url],
                           text=True, capture_output=True, timeout=300)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        return p.stdout if code == 0 else p.stderr

    def nothing_there(self):
        self.assertEqual(self.pg.ask(
            "SELECT nspname FROM pg_namespace WHERE nspname = 'mintmark'"), [])

    # ---- what must be the same ----

    def same_rows(self):
        """Each value of each table."""
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            for table, columns in TABLES.items():
                if columns == "*":
                    columns = ", ".join(
                        f'"{c[1]}"' for c in db.execute(
                            f"PRAGMA table_info({table})"))
                sql = f"SELECT {columns} FROM "
                here = sorted(map(json.dumps, db.execute(sql + table)))
                there = [r[0] for r in self.pg.ask(
                    "SELECT array_to_json(array_agg(x))"
                    f" FROM ({sql} mintmark.{table}) AS x")]
                rows = json.loads(there[0]) if there[0] else []
                self.assertEqual(here, sorted(
                    json.dumps(list(r.values())) for r in rows), table)

    def told(self):
        """By the command line: of each token, and of the audit."""
        socket = {"MINTMARK_SOCKET": str(self.i.socket)}
        return (cli("token", "list", "--status", "all", "-o", "json",
                    env=socket, check=0).stdout,
                cli("audit", "--verify", env=socket, check=0).stdout)

    # ---- a mint ----

    def tokens(self):
        i = self.i
        self.good = i.mint("alice", label="good", scopes=["photos:read"])
        self.gone = i.mint("bob")
        i.revoke(self.gone["id"])
        halted = i.mint("bob", cidr=["10.1.0.0/16", "2001:db8::7"])
        i.admin("POST", f"/v1/tokens/{halted['id']}/suspend")
        self.used = i.mint("carol", auto_refresh=DAY, expires_in=9 * DAY,
                           audience=["files"])
        i.admin("POST", f"/v1/tokens/{i.mint('dave')['id']}/rotate",
                {"overlap": 3600})
        for label in ODD:
            i.mint("odd", label=label)
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            # the API lets none of these in
            db.execute("UPDATE token SET created_by = char(9, 10, 13, 92, 110)"
                       " || created_by || char(10) WHERE user = 'odd'")
            db.commit()
        i.http("POST", "/v1/tokens", {"user": "once", "expires_in": 600},
               local=True, headers={"Idempotency-Key": "once-only"})

    def test_a_mint_with_an_agent(self):
        self.i, agent = self.both()
        self.tokens()
        agent.wait_reason(self.good["token"], None)
        self.assertEqual(agent.reason(self.used["token"], "--audience",
                                      "files"), None)
        wait_for("its use to count", lambda: self.i.admin(
            "GET", f"/v1/tokens/{self.used['id']}")["last_used_at"])
        agent.wait_reason(self.gone["token"], "revoked")
        told = self.told()
        self.i.stop()

        said = self.copy()
        self.assertRegex(said, r"(?m)^token +14 rows$")
        self.assertIn(f"store = {self.url}", said)
        self.assertRegex(said, rf"\n{self.file} is not to be served any more, nor is any "
                         r"copy[^.]*\.\n$")
        self.assertFalse(pathlib.Path(f"{self.file}-wal").exists())
        self.same_rows()
        self.file.rename(f"{self.file}.copied")

        page = Page("mintmark")
        self.i.flags = ("--store", self.url, *page.flags)
        self.i.start()
        self.assertEqual(self.told()[0], told[0])
        self.assertEqual(self.told()[1], told[1])
        self.assertNotIn("mintmark.db", self.i.text().split("uses ")[-1])
        new = self.i.mint("new")
        agent.wait_reason(new["token"], None)
        agent.wait_reason(self.gone["token"], "revoked")
        self.i.revoke(self.good["id"])
        agent.wait_reason(self.good["token"], "revoked")
        asked = page.text()
        self.assertTrue('route="/v1/feed",status="2xx"' in asked)
        self.assertFalse('route="/v1/snapshot"' in asked)
        with contextlib.closing(sqlite3.connect(f"{self.file}.copied")) as db:
            taken = db.execute("SELECT list, next FROM list").fetchall()
        number, index = map(int, new["id"].split("."))
        self.assertGreaterEqual(index, dict(taken)[number])
        self.assertNotIn("audit.mended", self.i.text())
        self.i.stop()
        pathlib.Path(f"{self.file}.copied").rename(self.file)
        self.assertIn("or was copied to PostgreSQL (then say --store)",
                      self.i.refused())
        self.i.start()
        self.assertIn("only added to", self.pg.run(
            "psql", "-h", self.pg.folder, "-U", "mintmark", "-d", "postgres",
            "-c", "DELETE FROM mintmark.audit", check=False))

    # ---- refused ----

    def test_what_is_refused(self):
        self.assertIn("there is no store at", self.copy(1))
        self.i = self.issuer()
        self.i.mint()
        self.assertIn("another mintmarkd holds", self.copy(1))
        self.nothing_there()
        self.i.stop()
        p = subprocess.run([STORE, "copy", self.i.data, self.url],
                           capture_output=True, text=True)
        self.assertIn(f"is a folder: say {self.i.data}/mintmark.db", p.stderr)
        for to, why in (("///postgres?host=/nowhere", "cannot use the database"),
                        ("//db.example.org/x", "sslmode=verify-full"),
                        ("//me:secret@127.0.0.1/x", "passfile")):
            said = self.copy(1, to="postgresql:" + to)
            self.assertIn(why, said)
            self.assertNotIn("read first", said)
            self.assertNotIn("secret", said)
        for argv in ((), ("copy",), ("copy", self.url, self.file),
                     ("copy", self.file, self.file), ("move", "a", "b")):
            p = subprocess.run([STORE, *argv], capture_output=True, text=True)
            self.assertEqual(p.returncode, 2, argv)

    def test_F15_a_mint_that_has_it_by_a_link(self):
        """What it acknowledged after the copy had begun would be lost."""
        self.i = self.issuer()
        self.i.stop()
        disk = self.folder / "disk"
        disk.mkdir(0o700)
        self.file.rename(disk / "mintmark.db")
        self.file.symlink_to(disk / "mintmark.db")
        self.i.start()
        for file in (disk / "mintmark.db", self.file):
            self.assertIn(f"another mintmarkd holds {file}:",
                          self.copy(1, file=file))
        self.nothing_there()
        self.i.stop()
        self.copy(file=disk / "mintmark.db")

    def test_F29_versions_and_what_cannot_be_text(self):
        self.i = self.issuer()
        self.i.mint()
        self.i.stop()
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            for version, next_ in ((2, "mintmarkd migrate first"),
                                   (4, "newer release")):
                db.execute(f"PRAGMA user_version = {version}")
                db.commit()
                self.assertIn(next_, self.copy(1))
            db.execute("PRAGMA user_version = 3")
            db.execute("UPDATE token SET label = CAST(x'61ff' AS TEXT)")
            db.commit()
            self.assertRegex(self.copy(1), r"cannot copy token: invalid byte "
                             r"sequence.*COPY token, line 1.*nothing was")
            self.nothing_there()
            db.execute("UPDATE token SET label = 'well'")
            db.commit()
        self.copy()
        said = self.copy(1)
        self.assertIn("has a store already", said)
        self.assertNotIn("read first", said)
        self.assertEqual(self.pg.ask("SELECT label FROM mintmark.token"),
                         [["well"]])

    # ---- damaged ----

    def refused_as(self, reason, file=None):
        """Nothing is done, to either, and it says what to do."""
        before = self.file.read_bytes()
        said = self.copy(1, file=file)
        self.assertRegex(said, reason)
        self.assertRegex(said, "nothing was copied; .*move mintmark.db. aside .*"
                         r"--restored \(SECURITY.md, When the store is damaged\)\n$")
        self.nothing_there()
        self.assertEqual(self.file.read_bytes(), before)
        return said

    def test_F2_said_to_be_damaged(self):
        """A start may take that back, and nobody else."""
        self.i = self.issuer()
        self.i.stop()
        mark = pathlib.Path(f"{self.file}.damaged")
        mark.touch()
        link = self.folder / "link.db"
        link.symlink_to(self.file)
        for file in (self.file, link):
            said = self.refused_as(r"was found damaged .*start mintmarkd", file)
            self.assertNotIn("read first", said)
        self.assertTrue(mark.exists())
        self.i.start()
        self.i.stop()
        self.copy(file=link)

    def test_F2_what_reads_well_and_is_not_whole(self):
        """What is lost would be valid, and its place free."""
        self.i = self.issuer()
        gone = self.i.mint()
        self.i.revoke(gone["id"])
        self.i.stop()
        whole = self.file.read_bytes()
        for harm in (lambda: lose_rows(self.file, "token"),
                     lambda: lose_an_entry(self.file, "token_changed",
                                           "UPDATE token SET status = 2")):
            self.file.write_bytes(whole)
            harm()
            said = self.refused_as(r"mintmark.db is damaged: .*index")
            self.assertIn("All of it is read first", said)
        self.file.write_bytes(whole)
        self.copy()
        self.same_rows()

    def test_F2_pages_that_are_none(self):
        self.filled(20000)
        spoil(self.file, "token")
        self.refused_as(r"mintmark.db is damaged: .*\b[Pp]age\b")
        self.file.write_bytes(b"")
        self.refused_as("is not a Mintmark store")

    # ---- many ----

    def filled(self, tokens):
        self.i = self.issuer()
        self.i.stop()
        fill(self.i.data, tokens=tokens, users=tokens // 10)

    def test_F1_killed_in_the_middle(self):
        """The database is empty still, and the next copy is whole."""
        self.filled(20000)
        p = subprocess.Popen([STORE, "copy", self.file, self.url],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_for("some rows to have gone", lambda: int(self.pg.ask(
            "SELECT coalesce(sum(tuples_processed), 0) FROM"
            " pg_stat_progress_copy")[0][0]) > 100)
        self.assertIsNone(p.poll())
        p.kill()
        p.communicate()
        wait_for("the database to see it", lambda: self.pg.ask(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'mintmarkd'") == [["0"]])
        self.nothing_there()
        self.copy()
        self.same_rows()


if __name__ == "__main__":
    main()
