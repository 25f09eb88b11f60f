#!/usr/bin/env python3
"""The file of a key whose tokens live is gone, and nobody said that the key is
to end: a disk that failed, a restore that left it out.  Its tokens stay good,
whoever starts the mint is told what to do, and either way out works."""
import base64
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from flow import Flow, Issuer, cli, main, wait_for
from postgres import started


class Lost(Flow):
    def begin(self, **kw):
        """A retiring key with a live token, and an agent that follows."""
        self.i, self.a = self.both(**kw)
        self.old = self.i.mint()
        self.key = self.old["key"]
        self.command("rotate", "--now")
        self.fresh = self.i.mint()
        self.assertNotEqual(self.fresh["key"], self.key)
        self.aside = self.folder / "aside.pem"

    def command(self, *argv, code=0):
        p = cli("key", argv[0], "--data", self.i.data, *argv[1:], check=code)
        return p.stdout + p.stderr

    def lose(self, key=None):
        self.file, = self.i.data.glob(f"keys/*/{key or self.key}.pem")
        shutil.move(self.file, self.aside)

    def put_back(self):
        shutil.copy2(self.aside, self.file)

    def hup(self, event):
        said = self.i.text().count(f'"{event}"')
        self.i.proc.send_signal(signal.SIGHUP)
        wait_for(event, lambda: self.i.text().count(f'"{event}"') > said)
        return [l for l in self.i.text().splitlines() if f'"{event}"' in l][-1]

    def published(self):
        keys = self.i.http("GET", "/.well-known/jwks.json")[1]["keys"]
        return {k["kid"] for k in keys}

    def files(self):
        return sorted(str(p) for p in (self.i.data / "keys").glob("*/[!.]*"))

    def refused(self, *flags):
        """A start that changes nothing, and says it once."""
        before = self.files()
        said = self.i.refused(*self.i.flags, *flags)
        line, = (l for l in said.splitlines() if l.startswith("mintmarkd: "))
        self.assertRegex(line, rf"key {self.key} has \d+ live tokens? and no file: "
                         rf"put it back, .*; missing.* in {self.i.data}/keys")
        self.assertIn(f": mintmark key retire --force {self.key} (", line)
        self.assertEqual(self.files(), before)
        return line

    def not_without_yes(self):
        """There is no way back from it."""
        said = self.command("compromise", self.key, code=2)
        self.assertIn("nothing was changed", said)
        self.assertEqual([f for f in self.files() if self.key in f], [])

    def all_good(self):
        for t in (self.old, self.fresh):
            self.a.wait_reason(t["token"], None)
        self.assertIn(self.key, self.published())

    def is_gone(self, word="key.retired"):
        """For good, and by command."""
        wait_for(word, lambda: f'"{word}"' in self.i.text())
        self.a.wait_reason(self.old["token"], "unknown_key")
        self.assertNotIn(self.key, self.published())
        # where it is another history, by the second try: the longer the mint
        # was away the later that comes
        self.a.wait_reason(self.i.mint()["token"], None, 40)
        self.assertEqual([f for f in self.files() if self.key in f], [])


class Start(Lost):
    def test_F26_refused_until_it_is_put_back(self):
        self.begin()
        self.i.stop()
        self.lose()
        self.refused()
        self.put_back()
        self.i.start()
        self.all_good()

    def test_F26_refused_until_it_is_given_up(self):
        self.begin()
        self.i.stop()
        self.lose()
        self.refused()
        said = self.command("retire", "--force", self.key)
        self.assertIn("is taken for retired", said)
        self.i.start()
        self.is_gone()
        self.i.stop()
        self.i.start()

    def test_F13_refused_until_it_is_said_to_be_stolen(self):
        self.begin()
        self.i.stop()
        self.lose()
        self.refused()
        self.not_without_yes()
        self.refused()
        said = self.command("compromise", self.key, "--yes", code=3)
        self.assertIn("it is marked as stolen", said)
        self.assertIn("start or reload it, and run this again", said)
        self.i.start()
        self.is_gone("key.compromised")
        self.command("compromise", self.key, "--yes")

    def test_F26_the_key_that_signs(self):
        """No other takes its place: it may come back."""
        self.begin()
        self.key = self.fresh["key"]
        self.i.stop()
        self.lose()
        self.refused()
        self.command("retire", "--force", self.key)
        self.old, self.fresh = self.fresh, self.old
        self.i.start()
        self.is_gone()

    def test_F26_more_than_one(self):
        self.begin()
        self.i.stop()
        shutil.move(self.i.data / "keys/active", self.folder / "active")
        self.lose()
        self.key = self.fresh["key"]  # it was announced first
        self.assertIn("missing (and 1 more) in", self.refused())
        shutil.rmtree(self.i.data / "keys/active", ignore_errors=True)
        shutil.move(self.folder / "active", self.i.data / "keys/active")
        self.key = self.old["key"]
        self.assertNotIn("more", self.refused())
        self.command("retire", "--force", self.key)
        self.i.start()
        self.is_gone()
        self.a.wait_reason(self.fresh["token"], None)

    def test_a_key_whose_tokens_are_dead(self):
        """Nobody misses it: it is retired."""
        self.begin()
        for token in self.i.admin("GET", "/v1/tokens")["tokens"]:
            if token["key"] == self.key:
                self.i.revoke(token["id"])
        self.i.stop()
        self.lose()
        self.i.start()
        wait_for("its end", lambda: '"key.retired"' in self.i.text())
        self.assertNotIn(self.key, self.published())

    def test_retired_while_the_mint_is_stopped(self):
        """By command, whatever lives: that is no loss."""
        self.begin()
        self.i.stop()
        self.command("retire", "--force", self.key)
        self.i.start()
        self.is_gone()
        self.assertEqual(list(self.i.data.glob("keys/retired/*")), [])


class Backup(Lost):
    def backup(self):
        self.i.stop()
        kept = self.folder / "backup"
        shutil.copytree(self.i.data, kept)
        self.i.start()
        return kept

    def test_F16_a_store_that_is_older_than_the_keys(self):
        """It has tokens of a key that ended since: that has to be said
        again, as SECURITY.md has it."""
        self.begin()
        kept = self.backup()
        self.command("retire", "--force", self.key)
        self.a.wait_reason(self.old["token"], "unknown_key")
        self.i.stop()
        for f in self.i.data.glob("mintmark.db*"):
            f.unlink()
        shutil.copy2(kept / "mintmark.db", self.i.data)
        self.refused("--restored")
        self.command("retire", "--force", self.key)
        self.i.start(flags=["--restored"])
        self.is_gone()

    def histories(self):
        with sqlite3.connect(self.i.data / "mintmark.db") as db:
            (n,), = db.execute("SELECT COUNT(*) FROM audit WHERE line LIKE"
                               " '%mintmarkd --restored%'")
        db.close()
        return n

    def test_F16_a_store_without_any_keys(self):
        """Refused before a new history begins; and each command that is
        advised leads on, up to a start with new keys."""
        self.begin()
        self.i.stop()
        (self.i.data / "keys").rename(self.folder / "keys.away")
        self.key = self.fresh["key"]  # it was announced first
        self.refused("--restored")
        self.assertFalse((self.i.data / "keys").exists())
        self.assertEqual(self.histories(), 0)
        self.assertIn("mintmark key generate makes it",
                      self.command("retire", "--force", self.key, code=1))
        self.command("generate")
        self.command("retire", "--force", self.key)
        self.key = self.old["key"]
        self.refused("--restored")
        self.command("retire", "--force", self.key)
        self.i.start(flags=["--restored"])
        self.assertEqual(self.histories(), 1)
        kids = self.published()
        self.assertIn(self.i.mint()["key"], kids)
        self.assertFalse(kids & {self.old["key"], self.fresh["key"]})

    def test_F16_keys_that_are_older_than_the_store(self):
        self.begin()
        kept = self.backup()
        self.command("rotate", "--now")
        self.command("rotate", "--now")
        newest = self.i.mint()
        self.i.stop()
        shutil.move(self.i.data / "keys", self.folder / "keys.newer")
        shutil.copytree(kept / "keys", self.i.data / "keys")
        self.key = newest["key"]
        self.refused()
        self.command("retire", "--force", self.key)
        self.i.start()
        self.a.wait_reason(newest["token"], "unknown_key")
        for t in (self.old, self.fresh):
            self.a.wait_reason(t["token"], None)


class Reload(Lost):
    def test_F23_a_reload_keeps_what_is_in_use(self):
        self.begin()
        for key in (self.key, self.fresh["key"]):
            self.lose(key)
            line = self.hup("keys.reload_failed")
            self.assertIn("goes on with the keys that it had: key "
                          f"{key} has ", line)
            self.assertIn(f"retire --force {key}", line)
            status, reply, _ = self.i.http("GET", "/health/ready")
            self.assertEqual((status, reply["status"]), (200, "degraded"))
            self.all_good()
            self.assertEqual(self.i.mint()["key"], self.fresh["key"])
            self.put_back()
            self.hup("keys.loaded")
            self.all_good()
            self.assertEqual(self.i.http("GET", "/health/ready")[1]["status"], "ok")
        self.assertNotIn('"key.retired"', self.i.text())

    def test_F23_a_rotation_says_what_to_do(self):
        """After two sentences of its own."""
        self.begin()
        self.command("rotate", "--now")
        self.lose(self.key)
        self.lose(self.fresh["key"])
        said = self.command("rotate", "--now", code=1)
        self.assertRegex(said, "took over in the folders; .* the keys that it had: "
                         r"key (\S+) has 1 live .*: mintmark key retire --force "
                         r"(-- )?\1 \(if stolen: compromise\); missing \(and 1 more"
                         rf"\) in {self.i.data}/keys \(the files are changed")

    def test_F23_given_up_while_it_runs(self):
        self.begin()
        self.lose()
        self.hup("keys.reload_failed")
        self.command("retire", "--force", "AAAAAAAAAAA", code=1)
        self.command("retire", "--force", self.key)
        self.is_gone()
        self.command("retire", "--force", self.key, code=1)

    def stolen_too(self):
        """Another key is stolen: what is lost does not go with it."""
        self.begin()
        self.command("rotate", "--now")
        stolen = self.fresh
        self.lose()
        self.assertIn("tells the verifiers",
                      self.command("compromise", stolen["key"], "--yes"))
        self.a.wait_reason(stolen["token"], "unknown_key")
        self.a.wait_reason(self.old["token"], None)
        self.assertIn(self.key, self.published())
        self.assertIn('"keys.lost"', self.i.text())

    def test_F13_a_stolen_key_goes_all_the_same(self):
        self.stolen_too()
        self.hup("keys.reload_failed")
        f, = (f for f in json.loads(cli("doctor", "--data", self.i.data, "-o", "json")
                                    .stdout) if f["check"] == "keys.missing")
        self.assertIn(f"publishes the key {self.key}, ", f["detail"])
        self.assertIn(f"--force -- {self.key} ", f["next"])
        self.assertIn(f"publishes the key {self.key}, ", self.command("list"))
        self.i.stop()
        self.refused()
        self.put_back()
        self.i.start()
        self.a.wait_reason(self.old["token"], None)

    def test_F23_a_mark_of_a_key_that_is_there(self):
        """A retirement that was cut off says nothing of a loss that comes later,
        also where another key is lost already."""
        self.begin()
        self.command("rotate", "--now")
        mark = self.i.data / "keys/retired" / self.fresh["key"]
        mark.touch(0o600)
        self.lose()
        self.hup("keys.reload_failed")
        self.assertFalse(mark.exists())

    def test_F23_signed_while_its_end_was_considered(self):
        """No token lived when they were counted; and while an agent that hangs
        was waited for the key went on signing."""
        self.begin()
        self.command("rotate", "--now")
        signer, = self.i.data.glob("keys/active/*.pem")
        other = self.folder / "other"
        other.mkdir(mode=0o700)
        cli("key", "generate", "--data", other, check=0)
        new, = other.glob("keys/active/*.pem")
        self.a.freeze()
        try:
            shutil.move(signer, self.aside)
            shutil.move(new, signer.parent)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                read = pool.submit(self.hup, "keys.loaded")
                wait_for("the new key", lambda: new.stem in self.published())
                minted = []  # they were counted by now
                while not read.done():
                    minted.append(self.i.mint())
        finally:
            self.a.proc.send_signal(signal.SIGCONT)
        self.assertIn(signer.stem, {t["key"] for t in minted})
        self.assertEqual(self.i.mint()["key"], new.stem)
        wait_for("it to be missed", lambda: '"keys.lost"' in self.i.text())
        self.assertIn(signer.stem, self.published())
        for t in minted:
            self.a.wait_reason(t["token"], None)

    def test_F13_and_then_the_lost_one_is_given_up(self):
        self.stolen_too()
        self.command("retire", "--force", self.key)
        self.is_gone()
        self.hup("keys.loaded")

    def test_F23_given_up_while_the_keys_are_read(self):
        """The mark that was made meanwhile is there for the next reload."""
        self.begin()
        self.command("rotate", "--now")
        self.lose()
        db = sqlite3.connect(self.i.data / "mintmark.db", isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            other = pool.submit(self.command, "compromise", self.fresh["key"], "--yes")
            time.sleep(1.5)  # it has looked for them, and waits for the store
            (self.i.data / "keys/retired" / self.key).touch(0o600)
            db.close()
            other.result()
        self.assertIn('"keys.lost"', self.i.text())
        self.hup("key.retired")
        self.is_gone()

    def test_F13_and_then_the_lost_one_is_said_to_be_stolen(self):
        self.stolen_too()
        said = self.i.text().count('"key.compromised"')
        self.not_without_yes()
        self.assertIn(self.key, self.published())
        self.command("compromise", self.key, "--yes")
        self.assertEqual(self.i.text().count('"key.compromised"'), said + 1)
        self.is_gone("key.compromised")
        self.hup("keys.loaded")


class FullDisk(Lost):
    """A stolen key went, and there was no room to say so: not for its mark,
    nor in the store."""

    def begin(self):
        self.mount(self.folder / "data", "size=3m,mode=700")
        super().begin()
        self.command("rotate", "--now")
        self.mount(self.i.data / "keys/compromised", "nr_inodes=1,mode=700")
        self.fill()
        said = self.command("compromise", self.key, "--yes", code=3)
        self.assertIn("make room and run this again", said)
        self.assertIn("could not announce", said)
        self.assertIn(self.key, self.published())
        self.assertEqual([f for f in self.files() if self.key in f], [])
        self.fat.unlink()

    def fill(self):
        self.fat = self.i.data / "fat"
        for _ in range(2):
            with contextlib.suppress(OSError), self.fat.open("wb", 0) as f:
                while f.write(bytes(4096)):
                    pass

    def mount(self, at, how):
        at.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", how, "mintmark", at],
                capture_output=True).returncode != 0:
            self.skipTest("nobody may mount here")
        self.addCleanup(subprocess.run, ["umount", "-l", at])

    def test_F13_on_a_full_disk_the_same_command_again(self):
        self.begin()
        self.command("compromise", self.key, "--yes")
        self.is_gone("key.compromised")

    def test_F13_on_a_full_disk_whoever_has_the_keys_read(self):
        self.begin()
        self.hup("keys.loaded")
        self.is_gone("key.compromised")

    def test_F13_on_a_full_disk_by_itself(self):
        self.begin()
        self.is_gone("key.compromised")

    def signs(self):
        """The key that the news are signed by."""
        said = self.i.http("GET", "/v1/snapshot",
                           token=self.a.token_file.read_text().strip())[1]
        head = said.decode().partition(".")[0]
        return json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]

    def test_F13_the_store_alone_is_full(self):
        """keys/ has room for a next key, and the store none to announce it: that
        one waits, and the stolen key does not."""
        self.mount(self.folder / "data", "size=3m,mode=700")
        self.mount(self.folder / "data/keys", "size=3m,mode=700")
        Lost.begin(self)
        self.old, self.key = self.fresh, self.fresh["key"]
        self.fill()
        said = self.command("compromise", self.key, "--yes", code=3)
        self.assertIn("signs with the keys as they are now", said)
        self.assertNotEqual(self.signs(), self.key)
        checks = self.i.http("GET", "/health/ready")[1]["checks"]
        self.assertEqual(checks["keys"]["status"], "failing")
        waits, = self.i.data.glob("keys/next/*.pem")
        self.assertNotIn(waits.stem, self.published())
        found = {f["check"]: f for f in json.loads(cli(
            "doctor", "--data", self.i.data, "-o", "json").stdout)}
        self.assertNotIn("keys.missing", found)
        self.assertRegex(found["keys.stolen"]["next"],
                         f"make room, .* key compromise .* {self.key}; ")
        self.fat.unlink()
        self.is_gone("key.compromised")
        wait_for("the next key", lambda: waits.stem in self.published())
        wait_for("it to be well", lambda: self.i.http(
            "GET", "/health/ready")[1]["status"] == "ok")

    def test_F13_on_a_full_disk_and_its_file_comes_back(self):
        """A backup, say, while the store alone knows that it was stolen, and
        cannot write it down."""
        self.mount(self.folder / "data", "size=3m,mode=700")
        self.mount(self.folder / "data/keys", "size=3m,mode=700")
        Lost.begin(self)
        self.mount(self.i.data / "keys/compromised", "nr_inodes=1,mode=700")
        self.old, self.key = self.fresh, self.fresh["key"]
        file, = self.i.data.glob(f"keys/active/{self.key}.pem")
        shutil.copy2(file, self.aside)
        self.fill()
        self.command("compromise", self.key, "--yes", code=3)
        back = self.i.data / f"keys/retiring/{self.key}.pem"
        shutil.copy2(self.aside, back)
        self.assertIn("still in the keyring", self.hup("keys.reload_failed"))
        said = self.i.text().count('"keys.reload_failed"')
        time.sleep(11)  # it tries by itself, and says so no more
        self.assertEqual(self.i.text().count('"keys.reload_failed"'), said)
        self.assertNotEqual(self.signs(), self.key)
        self.fat.unlink()
        self.command("compromise", self.key, "--yes")
        self.is_gone("key.compromised")


class Shared(Lost):
    def begin(self):
        self.pg = started(self)
        super().begin(flags=("--store", self.pg.url()))

    def test_F15_another_issuer_has_it(self):
        """Then it stays, as any key that another may have been given first; of
        one that it saw go, it says so."""
        self.begin()
        self.lose()
        self.assertIn("copy it from another issuer", self.hup("keys.reload_failed"))
        self.i.stop()
        self.i.start()
        self.assertIn('"keys.elsewhere"', self.i.text())
        self.all_good()
        self.i.stop()
        self.command("retire", "--force", self.key)
        self.i.start()
        self.is_gone()

    def test_F14_stolen_while_the_database_is_away(self):
        """Nobody comes again: the mint does it when the database is back."""
        self.begin()
        self.old, self.key = self.fresh, self.fresh["key"]
        self.pg.stop("immediate")
        said = self.command("compromise", self.key, "--yes", code=3)
        self.assertIn("verifiers accept what", said)
        self.pg.start()
        wait_for("it to be announced", lambda: '"key.compromised"' in self.i.text(), 60)
        self.is_gone("key.compromised")

    def next_key(self):
        pem, = self.i.data.glob("keys/next/*.pem")
        return pem.stem

    def second(self):
        b = Issuer(self.folder / "b", issuer=self.i.name, flags=self.i.flags)
        shutil.copytree(self.i.data / "keys", b.data / "keys")
        b.data.chmod(0o700)
        self.processes.append(b)
        return b.start()

    def test_F15_another_signs_with_it(self):
        """A key that no token needs yet, and whose file one of them has lost."""
        self.begin()
        b = self.second()
        key = self.next_key()
        self.lose(key)
        cli("key", "rotate", "--now", "--data", b.data, check=0)
        self.hup("keys.elsewhere")  # of the next key that was made there
        theirs = b.mint()
        self.assertEqual(theirs["key"], key)
        self.assertIn(f'"keys.elsewhere","kid":"{key}"', self.i.text())
        self.a.wait_reason(theirs["token"], None)
        self.a.wait_reason(self.i.mint()["token"], None)
        self.put_back()
        self.hup("keys.loaded")
        self.all_good()

    def test_a_key_that_was_taken_away_by_hand(self):
        """Nobody has it any more, and only a command can know that."""
        self.begin()
        key = self.next_key()
        self.lose(key)
        self.hup("keys.elsewhere")
        self.assertIn(key, self.published())
        self.assertIn(f"publishes the key {key}, ", self.command("list"))
        self.command("retire", "--force", "--", key)
        wait_for("its end", lambda: key not in self.published())
        self.all_good()

    def test_the_mark_of_one_that_ended(self):
        """It goes, also while another key is only not here."""
        self.begin()
        self.lose(self.next_key())
        self.hup("keys.elsewhere")
        self.command("retire", "--force", self.key)
        self.is_gone()

    def test_F15_a_mark_of_a_key_that_is_there(self):
        """A retirement that was cut off says nothing of a loss that comes later,
        also where another key is another issuer's."""
        self.begin()
        self.command("rotate", "--now")
        self.lose()
        self.i.stop()
        kept = self.fresh["key"]
        (self.i.data / "keys/retired" / kept).touch(0o600)
        self.i.start()
        self.assertIn('"keys.elsewhere"', self.i.text())
        self.lose(kept)
        self.assertIn(f"key {kept} has 1 live", self.hup("keys.reload_failed"))
        self.all_good()


if __name__ == "__main__":
    main(at_once=2)
