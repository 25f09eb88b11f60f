#!/usr/bin/env python3
"""Pages of mintmark.db are overwritten: before the mint starts, and while it
runs.  It does not look healthy once it has met one, says once what to do, mints
nothing that a backup would not know, and still revokes; and what was
acknowledged is refused, also when a backup has taken the store's place."""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import bad_days  # noqa: F401 (where flow is)
import damage
from flow import BUILD, Flow, cli, main, wait_for

STORE = BUILD / "issuer/mintmark-store"
ADVICE = "stop mintmarkd"


def has_open(pid, path):
    try:
        return any(fd.readlink() == path for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it opens and closes them, and ends
        return False


class Damaged(Flow):
    def setUp(self):
        super().setUp()
        self.i, self.a = self.both()
        self.minted = [self.i.mint(label="x" * 60) for _ in range(300)]
        self.bad = self.revoke(self.minted.pop())

    def revoke(self, token):
        self.i.revoke(token["id"])
        self.a.wait_reason(token["token"], "revoked", 40)
        return token

    def db(self):
        return self.i.data / "mintmark.db"

    def back_up(self):
        with sqlite3.connect(self.db()) as db:
            db.execute("VACUUM INTO ?", [str(self.folder / "backup.db")])
        db.close()

    def spoil(self):
        damage.spoil(self.db())

    def settle(self):
        """All is in the file itself, and nothing in its log."""
        self.i.stop()
        self.assertFalse(self.db().with_name("mintmark.db-wal").exists())

    def check(self):
        p = subprocess.run([STORE, "check", self.db()], capture_output=True,
                           text=True)
        return p.returncode, p.stdout + p.stderr

    def doctor(self, check):
        p = subprocess.run([BUILD / "cli/mintmark", "doctor", "--data",
                            self.i.data, "-o", "json"], capture_output=True)
        return {f["check"]: f["state"] for f in json.loads(p.stdout)}.get(check)

    def said(self, event):
        return [json.loads(l) for l in self.i.text().splitlines()
                if f'"{event}"' in l]

    def is_met(self):
        """By who reads a page that is not what it was."""
        self.assertEqual(self.i.http("GET", "/health/ready")[0], 200)
        for _ in range(2):
            status, problem, _ = self.i.http("GET", "/v1/audit", local=True)
            self.assertEqual(status, 503)
            self.assertIn("the mint's store is damaged", problem["detail"])
        p = cli("audit", "--data", self.i.data, check=3)
        self.assertIn("store is damaged: its administrator has to put a backup in"
                      " its place; mintmark doctor on", p.stderr)
        status, health, _ = self.i.http("GET", "/health/ready")
        # agents are served by who can be asked: no balancer may cut them off
        self.assertEqual((status, health["status"]), (200, "degraded"))
        bad = {c: how for c, how in health["checks"].items()
               if how["status"] != "ok"}
        self.assertEqual(set(bad), {"store_whole"})
        self.assertIn(ADVICE, bad["store_whole"]["do"])
        self.assertEqual(self.doctor("health.store_whole"), "wrong")
        said, = self.said("store.corrupt")
        self.assertIn(ADVICE, said["detail"])
        self.assertIn("--restored", said["detail"])

    def goes_on_as_far_as_it_may(self):
        status, problem, _ = self.i.http("POST", "/v1/tokens", {
            "user": "alice", "expires_in": 60}, local=True)
        self.assertEqual(status, 503)
        self.assertIn("the mint's store is damaged", problem["detail"])
        self.revoke(self.minted.pop())
        for t in self.minted[::50]:
            self.assertIsNone(self.a.reason(t["token"]))

    def test_F2_damaged_before_it_starts(self):
        self.settle()
        self.assertEqual(self.check()[0], 0)
        self.spoil()
        self.assertEqual(self.check()[0], 1)
        self.i.start()
        self.is_met()
        self.goes_on_as_far_as_it_may()

    def test_F2_a_restart_mends_nothing(self):
        """It is the first thing that is tried: no token is made then either,
        until what is there is sound."""
        self.back_up()
        self.settle()
        self.spoil()
        self.i.start()
        self.is_met()
        self.i.stop()
        self.i.start()
        health = self.i.http("GET", "/health/ready")[1]
        self.assertEqual(health["checks"]["store_whole"]["status"], "failing")
        self.assertEqual(len(self.said("store.corrupt")), 2)
        self.goes_on_as_far_as_it_may()
        self.i.stop()
        # the file alone, without the mark that stands beside it
        shutil.copy(self.folder / "backup.db", self.db())
        for name in ("-wal", "-shm"):
            Path(f"{self.db()}{name}").unlink(missing_ok=True)
        self.i.start(flags=["--restored"])
        self.assertEqual(self.i.http("GET", "/health/ready")[1]["status"], "ok")
        self.assertEqual(len(self.said("store.sound")), 1)
        self.i.mint()

    def test_F2_an_index_that_lacks_a_row(self):
        """Each page of it is sound.  Whoever starts it anew has mended nothing
        here either."""
        token = self.minted.pop()["id"]
        self.settle()
        damage.lose_an_entry(self.db(), "token_changed", "UPDATE token SET status"
                             " = 2 WHERE list = {} AND idx = {}".format(
                                 *token.split(".")))
        self.i.start()
        self.assertEqual(self.i.http("GET", "/health/ready")[1]["status"], "ok")
        self.assertEqual(self.i.http("DELETE", f"/v1/tokens/{token}",
                                     local=True)[0], 503)
        self.i.stop()
        self.assertEqual(self.check()[0], 0)  # of pages alone
        self.i.start()
        health = self.i.http("GET", "/health/ready")[1]
        self.assertEqual(health["checks"]["store_whole"]["status"], "failing")
        self.assertIn("index", self.said("store.corrupt")[-1]["reason"])
        self.assertEqual((len(self.said("store.corrupt")), self.said("store.sound")),
                         (2, []))
        self.goes_on_as_far_as_it_may()
        self.i.stop()
        with sqlite3.connect(self.db()) as db:
            db.execute("REINDEX")
        db.close()
        self.i.start()
        self.assertEqual(self.i.http("GET", "/health/ready")[1]["status"], "ok")
        self.assertEqual(len(self.said("store.sound")), 1)
        self.i.revoke(token)

    def test_F2_a_store_behind_a_link(self):
        """What is noted of it, the next start finds; and a check its log."""
        self.settle()
        disk = self.folder / "disk"
        disk.mkdir(0o700)
        self.db().rename(disk / "mintmark.db")
        self.db().symlink_to(disk / "mintmark.db")
        self.i.start()
        with sqlite3.connect(self.db()) as db:
            db.execute("VACUUM")  # each page is in the log now
        db.close()
        with self.db().open("r+b") as f:
            f.seek(4096)
            f.write(os.urandom(self.db().stat().st_size - 4096))
        self.assertEqual(self.check()[0], 0)
        self.settle()
        self.assertEqual(self.check()[0], 0)
        self.spoil()
        self.i.start()
        self.is_met()
        self.i.stop()
        self.assertTrue((disk / "mintmark.db.damaged").exists())
        self.i.start()
        health = self.i.http("GET", "/health/ready")[1]
        self.assertEqual(health["checks"]["store_whole"]["status"], "failing")

    def test_F2_damaged_while_it_runs(self):
        self.back_up()
        late = self.i.mint()
        self.settle()
        self.i.start()
        self.spoil()
        code, said = self.check()  # beside the mint
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"is damaged: [^*\n]*\b[Pp]age\b[^*\n]*\n$")
        self.is_met()
        self.goes_on_as_far_as_it_may()

        # what it said to do
        gone = self.minted.pop()
        self.revoke(gone)
        self.i.stop()
        shutil.copytree(self.i.data, self.folder / "aside")
        for f in self.i.data.glob("mintmark.db*"):
            f.unlink()
        shutil.copy(self.folder / "backup.db", self.db())
        self.db().chmod(0o600)
        self.i.start(flags=["--restored"])
        self.assertEqual(self.i.http("GET", "/health/ready")[1]["status"], "ok")
        fresh = self.i.mint()
        self.a.wait_reason(fresh["token"], None, 60)
        for t in (self.bad, gone, late):  # by the host, and by the new history
            self.assertEqual(self.a.reason(t["token"]), "revoked")
        self.assertNotIn(fresh["id"], {t["id"] for t in (*self.minted, late)})

    def test_F2_the_end_of_the_audit(self):
        """Where each change is written, so that none can be made; but what is
        known is published, by a mint that runs and by one that is started."""
        self.settle()
        self.i.start()
        damage.spoil_end(self.db())
        good = self.minted[0]["token"]
        for _ in range(2):
            self.assertNotEqual(self.i.http("POST", "/v1/tokens", {"user": "a"},
                                            local=True)[0], 201)
            time.sleep(6)  # a feed that is not followed is refused after 5 s
            health = self.i.http("GET", "/health/ready")
            self.assertEqual((health[0], health[1]["status"]), (200, "degraded"))
            self.assertEqual(self.i.http("GET", "/s/1")[0], 200)
            self.assertIsNone(self.a.reason(good))
            self.i.stop()
            self.i.start()
        said = self.i.text()
        self.assertLess(said.count('"audit.unread"'), 6)
        self.assertLess(said.count('"store.error"'), 20)

    def test_F2_no_database_any_more(self):
        self.settle()
        with self.db().open("r+b") as f:
            f.write(b"\0" * 100)
        code, said = self.check()
        self.assertEqual(code, 1)
        self.assertIn("is no database, or its head is damaged", said)
        self.assertIn("file is not a database", self.says_what_to_do())
        self.db().write_bytes(b"")
        code, said = self.check()
        self.assertEqual((code, "not a Mintmark store" in said), (1, True), said)
        self.assertEqual(subprocess.run(
            [STORE, "check", self.folder / "none"],
            capture_output=True).returncode, 3)

    def keeps_nothing(self):
        """... and acknowledges nothing."""
        for method, path, body in (
                ("DELETE", f"/v1/tokens/{self.minted[0]['id']}", None),
                ("POST", "/v1/tokens", {"user": "a", "expires_in": 60})):
            status, said, _ = self.i.http(method, path, body, local=True)
            self.assertEqual(status, 503, said)
            self.assertIn("run mintmark doctor on its host", said["detail"])
        wait_for("its health", lambda: not self.i.ready(), 20)
        self.assertIn("mintmark.db, or its -wal, was moved, removed or replaced",
                      self.i.text())

    def test_F2_a_backup_is_put_under_a_mint_that_runs(self):
        """What it went on with was lost when it stopped, acknowledged or not."""
        self.back_up()
        late = self.revoke(self.minted.pop())
        wal, aside = self.db().with_name("mintmark.db-wal"), self.folder / "aside"
        os.link(self.db(), aside)
        os.link(wal, aside.with_name("wal"))
        wal.unlink()
        (self.folder / "backup.db").rename(self.db())
        self.keeps_nothing()
        self.assertEqual(self.a.reason(late["token"]), "revoked")
        aside.rename(self.db())
        self.keeps_nothing()  # its log is another's still
        aside.with_name("wal").rename(wal)
        wait_for("its health", self.i.ready, 20)
        wait_for("a word of it", lambda: '"store.commit_good"' in self.i.text(), 20)
        self.i.kill9()
        self.i.start()  # and all is there
        self.assertEqual(self.a.reason(late["token"]), "revoked")
        self.revoke(self.minted.pop())

    def test_F2_removed_under_a_mint_that_runs(self):
        for file in self.i.data.glob("mintmark.db*"):
            if file.suffix != ".lock":
                file.unlink()
        self.keeps_nothing()
        self.i.stop()
        self.assertIn("bring", self.i.refused())

    def sound(self):
        with contextlib.closing(sqlite3.connect(self.db())) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])

    def test_F16_a_log_that_is_left_beside_a_backup(self):
        """SQLite would write it over the backup, page by page: indexes that say
        another thing than the rows, revoked tokens that are valid."""
        backup = self.folder / "backup.db"
        with contextlib.closing(sqlite3.connect(self.db())) as db, \
                contextlib.closing(sqlite3.connect(backup)) as to:
            db.backup(to)  # each page keeps its place
        backup.chmod(0o600)
        self.revoke(self.minted.pop())
        for _ in range(40):
            self.i.mint()
        self.i.kill9()
        wal = self.db().with_name("mintmark.db-wal")
        self.assertGreater(wal.stat().st_size, 0)
        shutil.copy(backup, self.folder / "copy.db")
        (self.folder / "copy.db").rename(self.db())
        self.assertIn("is the log of another mintmark.db", self.i.refused())
        self.assertIn("lies mintmark.db-wal", self.i.refused("--restored"))
        self.assertEqual(self.db().read_bytes(), backup.read_bytes())
        wal.rename(self.folder / "wal")
        self.i.start(flags=["--restored"])
        self.i.stop()
        self.sound()
        self.db().rename(self.folder / "elsewhere")
        self.db().symlink_to(self.folder / "elsewhere")
        self.i.start()
        self.i.mint()
        self.i.kill9()  # its log lies beside the file itself
        self.assertIn("lies mintmark.db-wal", self.i.refused("--restored"))

    def test_F16_a_whole_folder_that_was_copied(self):
        """Its log is its own, and holds what was acknowledged last."""
        late = self.revoke(self.minted.pop())
        self.i.kill9()
        aside = self.folder / "aside"
        shutil.copytree(self.i.data, aside, ignore=shutil.ignore_patterns("*.sock"))
        shutil.rmtree(self.i.data)
        aside.rename(self.i.data)
        self.assertIn("take mintmark.db.lock away", self.i.refused())
        self.db().with_name("mintmark.db.lock").unlink()
        self.i.start()
        self.assertEqual(self.i.admin("GET", f"/v1/tokens/{late['id']}")["status"],
                         "revoked")
        self.i.stop()
        self.sound()

    def test_F16_what_a_mint_has_open_is_saved(self):
        """As mintmark doctor says, before it is stopped."""
        late = self.revoke(self.minted.pop())
        for name in ("mintmark.db", "mintmark.db-wal"):
            self.db().with_name(name).unlink()
        for fd in Path(f"/proc/{self.i.proc.pid}/fd").iterdir():
            to = os.readlink(fd)
            for name in ("mintmark.db", "mintmark.db-wal"):
                if to == f"{self.i.data}/{name} (deleted)":
                    shutil.copy(fd, self.folder / name)
        self.i.stop()
        for name in ("mintmark.db", "mintmark.db-wal"):
            (self.folder / name).chmod(0o600)
            (self.folder / name).rename(self.i.data / name)
        self.db().with_name("mintmark.db.lock").unlink()
        self.i.start()
        self.assertEqual(self.i.admin("GET", f"/v1/tokens/{late['id']}")["status"],
                         "revoked")
        self.i.stop()
        self.sound()

    def says_what_to_do(self):
        said = self.i.refused()
        line, = (l for l in said.splitlines() if l.startswith("mintmarkd: "))
        self.assertRegex(line, r"the store .*is damaged \(.*: move mintmark.db\* "
                         r"aside \(keep .*put a backup in their place, .*--restored"
                         r" \(SECURITY.md, When the store is damaged\)$")
        return line

    def test_F2_it_cannot_be_opened(self):
        self.back_up()
        self.settle()
        whole = self.db().read_bytes()
        with sqlite3.connect(self.db()) as db:
            root, = db.execute("SELECT rootpage FROM sqlite_master"
                               " WHERE name = 'list'").fetchone()
        db.close()
        for bad in (whole[:4096 * (root - 1)] + os.urandom(4096) + whole[4096 * root:],
                    whole[:5000], b"not what it was\n" * 4096,
                    whole[:100] + os.urandom(3996) + whole[4096:],
                    whole[:4096] + os.urandom(len(whole) - 4096)):
            self.db().write_bytes(bad)
            self.says_what_to_do()
        shutil.copy(self.folder / "backup.db", self.db())
        self.i.start(flags=["--restored"])
        self.i.mint()

    def stopped_check(self, db):
        """One that has the file open; None: it was over before we saw it."""
        p = subprocess.Popen([STORE, "check", db], stderr=subprocess.PIPE, text=True)
        while not has_open(p.pid, db):
            if p.poll() is not None:
                p.communicate()
                return None
        os.kill(p.pid, signal.SIGSTOP)  # p.send_signal() may reap it
        os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if Path(f"/proc/{p.pid}/stat").read_text().rsplit(") ")[1][0] == "T":
            return p
        p.communicate()
        return None

    def check_while(self, db, happens):
        """Its exit, when that happens as soon as it has the file open."""
        p = wait_for("a check to be caught at it", lambda: self.stopped_check(db))
        happens()
        p.send_signal(signal.SIGCONT)
        said = p.communicate(timeout=60)[1]
        return p.returncode, said

    def test_F2_a_check_while_a_mint_starts(self):
        """What another changes meanwhile looks like damage, and is none."""
        self.settle()
        odd = self.folder / "odd.db"
        shutil.copy(self.db(), odd)
        with sqlite3.connect(odd) as db:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("CREATE TABLE filler(x NOT NULL)")  # it takes a while
            db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                       " FROM n WHERE i < 1000000)"
                       " INSERT INTO filler SELECT i FROM n")
            db.execute("PRAGMA application_id = 7")
        db.close()
        wal = odd.with_name("odd.db-wal")
        self.assertEqual(self.check_while(odd, lambda: None)[0], 1)
        for happens in wal.touch, lambda: os.utime(odd), \
                lambda: os.truncate(odd, odd.stat().st_size - 4096):
            code, said = self.check_while(odd, happens)
            self.assertEqual((code, "was in use" in said), (3, True), said)
            wal.unlink(missing_ok=True)
        self.assertEqual(self.check_while(odd, lambda: None)[0], 1)

    def test_F2_a_check_changes_nothing(self):
        """Nor does it keep the mint from its work, or leave files behind."""
        def files():
            return {p.name: (p.stat().st_mtime_ns, p.stat().st_ino)
                    for p in self.i.data.iterdir()}
        odd = self.folder / "a 100%25?#.db"
        self.settle()
        shutil.copy(self.db(), odd)
        before = files()
        self.assertEqual(self.check()[0], 0)
        self.assertEqual(files(), before)
        self.assertEqual(subprocess.run([STORE, "check", odd]).returncode, 0)
        self.i.start()
        self.i.mint()
        before = set(files())
        self.assertEqual(self.check(), (0, f"the structure of {self.db()} is sound\n"))
        self.i.mint()
        self.assertEqual(set(files()), before)
        # and where a mint died
        self.i.kill9()
        before = set(files())
        self.assertEqual(self.check()[0], 0)
        self.assertEqual(set(files()), before)
        self.i.start()
        wait_for("it to be well", self.i.ready)


if __name__ == "__main__":
    main()
