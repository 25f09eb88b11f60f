#!/usr/bin/env python3
"""mintmark doctor where files are not what they should be, are somebody else's,
or are gone; where a backup came back; and where nobody is known."""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
import unittest

import doctor
from clock import FAKE, HOUR, Clock
from flow import main, wait_for

NOBODY = 65534
STOPPED = (("mint", "No such file", "^systemctl status mintmarkd"),
           ("issuer", "no answer at", "^curl -v"))
as_root = unittest.skipIf(os.getuid() != 0, "only root gives files away")


class Files(doctor.Doctor):
    def finding(self, check, *flags, **kw):
        return next(f for f in self.ask(*flags, **kw)[1] if f["check"] == check)

    # ---- the store ----

    def test_a_store_that_is_damaged(self):
        self.begin()
        self.i.stop()
        db = self.i.data / "mintmark.db"
        whole = db.read_bytes()
        for is_now, says in ((bytes(100) + whole[100:], "is no database"),
                             (whole[:-4096], "is damaged"),
                             (b"", "not a Mintmark store")):
            db.write_bytes(is_now)
            f = self.wrong(("store.whole", f"{db} {says}|{says}",
                            "^systemctl stop mintmarkd;.*--restored"), *STOPPED)
            self.assertNotIn(self.token, str(f))
        db.write_bytes(whole)
        if not os.path.exists("/usr/local/sbin/mintmark-store"):
            f = self.finding("store.whole", env={"PATH": "/nowhere"})
            self.assertEqual(f["state"], "note")
            self.assertIn("mintmark-store is not there", f["detail"])
            self.assertEqual(f["next"].split("  ")[0], f"mintmark-store check '{db}'")

    def test_a_store_that_takes_long(self):
        self.begin()
        tool = self.folder / "bin/mintmark-store"
        tool.parent.mkdir()
        tool.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
        tool.chmod(0o755)
        f = self.finding("store.whole", env={"PATH": str(tool.parent)})
        self.assertEqual(f["state"], "note")
        self.assertIn("too large to be read within 10 s", f["detail"])

    def keeps_nothing(self, moved):
        wait_for("it to be noticed", lambda: not self.i.ready(), 20)
        self.wrong(moved, ("health.store_write", "is failing", "mintmark.db is in its place"),
                   ("issuer", "answers 503", "^on the mint's host"))

    def is_well_again(self):
        wait_for("it to be noticed", self.i.ready, 20)
        self.well()

    def test_a_store_that_is_gone(self):
        self.begin()
        db = self.i.data / "mintmark.db"
        wal, kept = db.with_name("mintmark.db-wal"), self.folder / "kept-wal"
        backup = self.folder / "backup"
        with contextlib.closing(sqlite3.connect(db)) as c:
            c.execute("VACUUM INTO ?", [str(backup)])
        backup.chmod(0o600)
        db.rename(self.folder / "moved")
        moved = ("folder.store", f"pid {self.i.proc.pid}.*not in .* any more",
                 "^was it moved.*was it removed.*--restored")
        self.keeps_nothing(moved)
        os.link(wal, kept)
        wal.unlink()
        backup.rename(db)  # another, at that path
        self.keeps_nothing(moved)
        (self.folder / "moved").rename(db)
        self.keeps_nothing(moved)
        kept.rename(wal)
        self.is_well_again()
        self.i.stop()
        db.rename(self.folder / "moved")
        (self.i.data / "keys").rename(self.folder / "keys")
        _, found = self.ask()
        f, = [f for f in found if f["check"] == "folder.store"] or self.fail(
            f"{sorted(self.i.data.iterdir())} {found}")
        self.assertIn("the files here are a mint's", f["detail"])

    def test_the_keys_are_gone(self):
        """What is to be done first is what the mint says itself."""
        self.begin()
        keys = self.i.data / "keys"
        keys.rename(self.folder / "keys")
        first = "^bring the folder back; without a copy: mintmark key generate --data "
        self.wrong(("keys", f"no keys in {keys} any more: mintmarkd goes on", first))
        self.i.stop()
        self.wrong(("keys", f"no keys in {keys}, and the mint here has begun", first),
                   *STOPPED)
        self.assertIn("bring the folder back", self.i.refused())
        (self.folder / "keys").rename(keys)
        self.i.start()
        # of a mint that has not begun, its first start makes them
        f = self.finding("keys", "--data", self.folder, here=False)
        self.assertRegex(f["detail"], "mintmark key generate makes it, and the first start")

    def test_what_was_published_is_damaged(self):
        self.begin()
        newest = self.i.data / "newest"
        wait_for("a word of it", newest.exists)
        self.i.stop()
        newest.write_bytes(bytes(40))
        self.wrong(("folder.newest", f"{newest} is damaged.*not start again",
                    f"^rm '{newest}' .*backup.*--restored"), *STOPPED)
        f, = [f for f in self.ask()[1] if f["check"] == "folder.newest"]
        self.assertIn("newest is damaged", self.i.refused())
        subprocess.run(f["next"], shell=True, check=True)
        newest.symlink_to(self.folder / "elsewhere")
        self.wrong(("folder.file", f"{newest} is no file of its own", "^ls -ld"), *STOPPED)
        newest.unlink()
        self.i.start()

    def test_a_store_that_came_from_a_backup(self):
        self.begin()
        kept = self.folder / "kept"
        self.i.stop()
        shutil.copytree(self.i.data, kept)
        self.i.start()
        bad = self.i.mint()
        self.i.revoke(bad["id"])
        self.a.wait_reason(bad["token"], "revoked", 40)
        self.i.stop()
        shutil.rmtree(self.i.data)
        kept.rename(self.i.data)
        self.i.start()
        wait_for("the agent to be ahead",
                 lambda: '"feed.agent_ahead"' in self.i.text(), 40)
        f = self.finding("health.history")
        self.assertEqual(f["state"], "wrong")
        self.assertRegex(f["next"], "from a backup, stop mintmarkd .*--restored")

    @unittest.skipIf(FAKE is None, "there is no libfaketime")
    def test_a_mint_whose_clock_is_behind(self):
        clock = Clock(self.folder / "clock")
        with clock.worn():
            self.begin()
        clock.set(-HOUR)
        wait_for("it to be noticed", lambda: self.i.http(
            "GET", "/health/ready")[1]["status"] == "degraded", 20)
        f = self.finding("health.clock")
        self.assertEqual(f["state"], "wrong")
        self.assertRegex(f["next"], "^nothing is minted.*set the clock; or")

    # ---- whose they are ----

    @as_root
    def test_a_data_folder_given_away(self):
        """Whose it was says who runs; where nobody does, the other files."""
        self.folder.chmod(0o711)
        self.begin(mint_flags=("--user", str(NOBODY)))
        self.well()
        all_of_it = self.i.data, *self.i.data.iterdir()
        for path in all_of_it:
            os.chown(path, 0, 0)
        f = self.finding("folder.owner")
        self.assertIn("mintmarkd runs as uid 65534", f["detail"])
        self.assertRegex(f["next"], f"^chown -h {NOBODY}:{NOBODY} ")
        # to one who owns nothing there, nothing is given
        all_of_it = self.i.data, *self.i.data.rglob("*")
        for path in all_of_it:
            os.chown(path, 0, 0)
        f = self.finding("folder.owner")
        self.assertIn("mintmarkd runs as uid 65534", f["detail"])
        self.assertRegex(f["next"], f"^ls -lan '{self.i.data}'; ps -C mintmarkd ")
        for path in all_of_it:
            os.chown(path, NOBODY, NOBODY)
        for stopped in (False, True):
            if stopped:
                self.i.stop()
            os.chown(self.i.data, 0, 0)
            self.wrong(("folder.owner", r"is uid 0's, and .*uid 65534",
                            f"^chown -h {NOBODY}:{NOBODY} '{self.i.data}'$"),
                           *(STOPPED if stopped else ()))
            os.chown(self.i.data, NOBODY, NOBODY)
        # a backup, put back as root
        os.chown(self.i.data / "mintmark.db", 0, 0)
        self.wrong(("folder.owner", r"mintmark.db is uid 0's, and the most .*uid "
                    "65534's", f"^chown -h {NOBODY}:{NOBODY} .*mintmark.db'$"),
                   *STOPPED)

    @as_root
    def test_an_agents_files_given_away(self):
        """What its next start would refuse."""
        self.begin()
        for end in ("", ".checkpoint", ".journal", ".lock"):
            path = self.a.state.with_name(self.a.state.name + end)
            os.chown(path, NOBODY, NOBODY)
            self.wrong(("state.owner", rf"{path} is uid 65534's, and mintmark-agent"
                        " uid 0", f"^chown -h 0:0 '{path}'"))
            os.chown(path, 0, 0)
        journal = self.a.state.with_name(self.a.state.name + ".journal")
        journal.chmod(0o620)
        self.wrong(("state.mode", "others can write to", f"^chmod go-w '{journal}'"))
        journal.chmod(0o600)
        os.link(journal, self.folder / "twin")
        self.wrong(("state.file", f"{journal} is no file of its own", "^ls -l"))
        (self.folder / "twin").unlink()
        os.chown(self.folder, NOBODY, NOBODY)
        self.wrong(("state.owner", "is uid 65534's", f"^chown -h 0:0 '{self.folder}'"))
        os.chown(self.folder, 0, 0)
        self.folder.chmod(0o777)
        self.wrong(("state.folder", "put another state file into", "^chmod go-w"))
        self.folder.chmod(0o700)
        self.well()
        # and no agent that would say whose they are
        self.a.stop()
        os.chown(journal, NOBODY, NOBODY)
        f = self.finding("state.owner")
        self.assertEqual((f["state"], str(journal) in f["detail"]), ("wrong", True))

    # ---- the state file ----

    def test_a_state_file_that_is_damaged(self):
        """What an agent knows for one it makes anew when it starts; the rest is
        to be removed, if an agent has kept it."""
        self.begin()
        self.a.stop()
        whole = self.a.state.read_bytes()
        for is_now, next_ in (
                (whole[:60] + b"?" * 8 + whole[68:200] + b"?" + whole[201:], "^systemctl restart"),
                (whole[:100], "^systemctl restart"), (b"", "^systemctl restart"),
                (bytes(64) + whole[64:], f"^rm '{self.a.state}'; systemctl restart")):
            self.a.state.write_bytes(is_now)
            f = self.finding("state")
            self.assertEqual(f["state"], "wrong")
            self.assertRegex(f["next"], next_)
        command = f["next"].partition("; ")[0]
        subprocess.run(command, shell=True, check=True)
        self.a.start()
        wait_for("the agent to follow", lambda: self.a.text().count("feed.connected") == 2)
        self.well()
        self.a.stop()
        for end in (".lock", ".checkpoint", ".journal", ".pending"):
            self.a.state.with_name(self.a.state.name + end).unlink(missing_ok=True)
        self.a.state.write_text("a letter to somebody")
        self.assertRegex(self.finding("state")["next"], f"^ls -l '{self.a.state}'")

    def test_an_agents_token_that_is_lost(self):
        """That of one that runs, and that its next start would refuse."""
        self.begin()
        self.a.token_file.unlink()
        self.wrong(("agent.settings", f"not start again .*{self.a.token_file}", "--test"),
                   ("token", f"{self.a.token_file} is not there", "^at the mint: mintmark"
                    f" token create .* -s mintmark:agent .*; here: into {self.a.token_file}"))
        if os.getuid() == 0:
            self.a.token_file.mkdir()
            self.assertRegex(self.finding("token")["next"], "^ls -l '")

    def test_all_files_of_an_agent_that_are_removed(self):
        """It runs on, and makes the state file alone anew: both say that a
        restart makes the rest."""
        self.begin()
        for path in self.folder.glob(f"{self.a.state.name}*"):
            path.unlink()
        wait_for("a word of it", lambda: '"state.gone"' in self.a.text())
        self.assertIn("; and its .lock, so that its sockets may be gone, too: a restart",
                      self.a.text())
        self.wrong(("agent", f"at {self.a.state}.sock .*, unless there is one whose files",
                    "^systemctl restart mintmark-agent; "))
        self.a.stop()
        self.a.start()
        wait_for("the agent to follow", lambda: self.a.text().count("feed.connected") == 2)
        self.well()

    # ---- sockets ----

    def test_a_socket_that_others_may_not_use(self):
        self.begin()
        sock = self.a.state.with_suffix(".state.sock")
        sock.chmod(0o600)
        self.wrong(("agent.mode", "their uses do not count", f"^chmod 660 '{sock}'"))

    def test_admin_sock_is_removed(self):
        self.begin()
        self.i.socket.unlink()
        self.wrong(("mint", f"runs, and {self.i.socket} was removed",
                    "^systemctl restart mintmarkd$"))

    # ---- nobody ----

    def test_no_agent_is_known(self):
        self.begin()
        self.a.stop()
        self.i.stop()
        self.i.start()
        f, began = self.finding("agents"), time.monotonic()
        self.assertEqual(f["state"], "note")
        self.assertRegex(f["detail"], r"^none follows the feed yet: mintmarkd started \d+ s ago")
        self.assertRegex(f["next"], "^mintmark doctor .*again")
        time.sleep(max(0, began + 41 - time.monotonic()))
        f = self.finding("agents")
        self.assertEqual(f["state"], "note")
        self.assertRegex(f["next"], "^systemctl status mintmark-agent .*dead[?]")
        if not os.path.exists("/run/mintmark/state"):
            f = self.finding("agents", "--data", self.i.data, here=False,
                             env={"MINTMARK_STATE": ""})
            self.assertRegex(f["next"], "^mintmark token create -u agent")


if __name__ == "__main__":
    main(at_once=2)
