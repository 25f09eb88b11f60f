#!/usr/bin/env python3
"""keys/rotate, retire and compromise as cron and people run them: without an
environment, with wrong flags, by the wrong user, on a disk that is full; and
key files that are torn, which nobody loads.  Exit codes are those of every
command: 0 done, 1 refused, 2 not understood, 3 not now."""
import contextlib
import os
import shutil
import sqlite3
import subprocess

from flow import MINTMARK, TOP, Flow, Issuer, cli, main, wait_for

SCRIPTS = ("rotate", "retire", "compromise")
NOBODY = 65534


def mounted(folder, *options):
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options),
                        "none", folder], capture_output=True)
    return p.returncode == 0


class OnFiles(Flow):
    """A data folder, and the scripts run on it."""

    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        self.data.mkdir()

    def keyring(self):
        """Made without a mint, which most of this does not need."""
        for _ in range(2):
            cli("key", "generate", "--data", self.data, check=0)

    def kids(self, state):
        return sorted(f.name[:11] for f in
                      (self.data / "keys" / state).glob("[!.]*.pem"))

    def run_script(self, name, *argv, want, env=None, **kw):
        """With nothing in its environment but what is said."""
        p = subprocess.run(
            [TOP / "keys" / name, *map(str, argv)], text=True,
            env={"MINTMARK_BIN": str(MINTMARK)} if env is None else env,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **kw)
        self.assertEqual(p.returncode, want, p.stdout + p.stderr)
        return p.stdout + p.stderr

    def on_data(self, name, *argv, want, **kw):
        return self.run_script(name, *argv, "--data", self.data, want=want, **kw)


class Scripts(OnFiles):
    def test_help_and_wrong_flags(self):
        for name in SCRIPTS:
            said = self.run_script(name, "--help", want=0, env={})
            self.assertIn(f"usage: {name}", said)
            self.assertIn("Exit: 0 done", said)
            self.assertEqual(said, self.run_script(name, "-h", want=0, env={}))
            for wrong in (["--bogus"], ["--data"], ["a", "b"]):
                said = self.run_script(name, *wrong, want=2)
                self.assertIn(f"See mintmark key {name} --help", said)
        self.assertIn("KID", self.on_data("compromise", want=2))

    def test_no_program(self):
        for name in SCRIPTS:
            for env in ({}, {"MINTMARK_BIN": "/nonexistent/mintmark"}):
                if not env and shutil.which("mintmark", path="/usr/local/bin:/usr/bin"):
                    continue
                said = self.on_data(name, want=3, env=env)
                self.assertIn("MINTMARK_BIN", said)

    def test_no_keyring(self):
        for name, more in (("rotate", ()), ("retire", ()),
                           ("compromise", ("AAAAAAAAAAA", "--yes"))):
            for data in (self.data, self.folder / "none"):
                said = self.run_script(name, *more, "--data", data, want=1)
                self.assertIn(f"there is no keyring {data}/keys", said)
        self.assertEqual(list(self.data.iterdir()), [])

    def test_no_mint_then_one(self):
        """Rotated and thrown out while none ran; it starts with that."""
        i = self.issuer(start=False, flags=("--exchange-life", "1s", "--list-ttl", "1s"))
        self.keyring()
        first, = self.kids("active")
        self.assertIn("too young to sign", self.on_data("rotate", want=1))
        self.assertEqual(self.kids("active"), [first])
        self.assertIn("signs now", self.on_data("rotate", "--now", want=0))
        self.assertIn("start it", self.on_data("retire", want=3))
        self.assertIn("--yes", self.on_data("compromise", first, want=2))
        self.assertEqual(self.kids("retiring"), [first])
        for _ in range(2):
            said = self.on_data("compromise", first, "--yes", want=3)
            self.assertIn("no mintmarkd runs\n", said)
            self.assertIn("verifiers accept", said)
        self.assertIn("start or reload it, and run this again",
                      self.on_data("compromise", "AAAAAAAAAAA", "--yes", want=3))
        signs, = self.kids("active")
        i.start()
        self.assertEqual(i.mint()["key"], signs)
        self.assertIn("no such key",
                      self.on_data("compromise", first, "--yes", want=1))
        # run twice: each says what it did, and what comes next
        for _ in range(2):
            before, = self.kids("next")
            said = self.on_data("rotate", "--now", want=0)
            self.assertIn(f"The key {before} signs now", said)
            self.assertIn("Next: mintmark key retire", said)
            self.assertIn("tells the verifiers", said)
        self.assertEqual(i.mint()["key"], before)
        wait_for("its access tokens to expire",
                 lambda: "Retired the key" in self.on_data("retire", want=0))
        said = self.on_data("retire", want=0)
        self.assertIn("Nothing to retire yet", said)
        self.assertIn(f"Next: {signs}, which is needed until", said)

    def test_a_key_that_is_too_young(self):
        """Five minutes from when it was announced, or made when nobody can
        say; and a compromise does not wait."""
        i = self.issuer(start=False)
        self.keyring()
        signs, waits = *self.kids("active"), *self.kids("next")
        i.start()
        said = self.on_data("rotate", want=1)
        self.assertRegex(said, f"{waits} is too young to sign.*Rotate after 20..-.*--now")
        self.assertEqual((self.kids("active"), self.kids("next")), ([signs], [waits]))
        i.stop()
        with sqlite3.connect(i.data / "mintmark.db") as db:
            db.execute("UPDATE key SET announced = announced - 200")
        i.start()
        self.on_data("rotate", want=1)
        i.stop()
        with sqlite3.connect(i.data / "mintmark.db") as db:
            db.execute("UPDATE key SET announced = announced - 100")
        i.start()
        self.assertIn(f"The key {waits} signs now", self.on_data("rotate", want=0))
        young, = self.kids("next")
        self.on_data("rotate", want=1)
        self.on_data("compromise", waits, "--yes", want=0)
        self.assertEqual(self.kids("active"), [young])
        i.stop()
        old, = self.kids("next")
        self.on_data("rotate", want=1)
        os.utime(self.data / f"keys/next/{old}.pem", (1, 1))
        self.assertIn(f"The key {old} signs now", self.on_data("rotate", want=0))

    def test_the_wrong_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        self.keyring()
        for p in (self.folder, self.data):
            p.chmod(0o755)
        before = self.kids("active")
        for name in ("rotate", "retire"):
            said = self.on_data(name, want=3, user=NOBODY, group=NOBODY,
                                extra_groups=[])
            self.assertIn("run it as the user of mintmarkd", said)
        self.assertEqual(self.kids("active"), before)

    @contextlib.contextmanager
    def small_disk(self):
        if os.geteuid() != 0 or not mounted(self.data, "size=64k", "mode=700"):
            self.skipTest("no file system can be mounted here")
        try:
            self.keyring()
            yield self.data / "fill"
        finally:
            subprocess.run(["umount", self.data], check=True)

    def fill(self, file):
        with contextlib.suppress(OSError), file.open("wb", buffering=0) as f:
            while True:
                f.write(bytes(4096))

    def test_a_full_disk(self):
        with self.small_disk() as fill:
            first, waits = self.kids("active")[0], self.kids("next")[0]
            self.fill(fill)
            said = self.on_data("rotate", "--now", want=3)
            self.assertIn("the disk is full: make room and run it again", said)
            self.assertIn(f"the key {waits} took over in the folders; when this is"
                          " mended, rotate again", said)
            self.assertEqual(self.kids("active"), [waits])
            self.assertEqual(self.kids("retiring"), [first])
            self.assertEqual(list(self.data.glob("keys/*/.*.tmp")), [])
            # a thief's key goes all the same, if another can sign
            said = self.on_data("compromise", first, "--yes", want=3)
            self.assertIn("no mintmarkd runs", said)
            self.assertIn(f"Threw out the key {first}", said)
            self.assertIn("No next key was made", said)
            self.assertIn("Next: mintmark key rotate makes one", said)
            self.assertEqual(self.kids("retiring"), [])
            # and the only one that signs does not
            self.fill(fill)
            said = self.on_data("compromise", waits, "--yes", want=3)
            self.assertIn("the disk is full", said)
            self.assertEqual(self.kids("active"), [waits])
            fill.unlink()
            self.on_data("compromise", waits, "--yes", want=3)
            self.assertNotIn(waits, self.kids("active"))
            self.assertEqual((len(self.kids("active")), len(self.kids("next"))),
                             (1, 1))

    def test_a_disk_that_is_read_only(self):
        with self.small_disk():
            before = self.kids("active")
            subprocess.run(["mount", "-o", "remount,ro", self.data], check=True)
            for name, more in (("rotate", ("--now",)),
                               ("compromise", (before[0], "--yes"))):
                said = self.on_data(name, *more, want=3)
                self.assertIn("read-only: mount it for writing", said)
            self.assertEqual(self.kids("active"), before)


class Torn(OnFiles):
    """A key file that is not whole, or no file: never loaded, refused by its
    name with what to do, by a start of the mint, by commands, and by a mint
    that runs, which goes on with what it has."""

    def files(self):
        """How each is made (the file's name comes back), and what is said."""
        key = self.data / f"keys/active/{self.kids('active')[0]}.pem"
        public, = self.data.glob("keys/next/*.pub.jwk")
        new = self.data / "keys/next/AAAAAAAAAAA"
        pem, jwk = key.read_bytes(), public.read_bytes()
        back, wrong = "put the whole file back", "take it away"

        def put(path, data, mode=0o600):
            def make():
                path.write_bytes(data)
                path.chmod(mode)
                return path.name
            return make

        def link(path):
            def make():
                path.symlink_to("/nonexistent")
                return path.name
            return make

        def folder(path):
            def make():
                path.mkdir()
                return path.name
            return make

        ends = [new.with_suffix(e) for e in (".pem", ".uri", ".pub.jwk")]
        yield from ((put(key, pem[:n]), back) for n in (0, 60, len(pem) - 3))
        yield from ((put(public, jwk[:n]), back) for n in (0, 60, len(jwk) - 1))
        yield from ((put(ends[1], t), "mintmark key import it anew")
                    for t in (b"", b"pkcs11:object=x"))
        yield from ((link(e), wrong) for e in ends)
        yield from ((folder(e), wrong) for e in ends)
        yield put(key, pem, 0o644), "chmod 600"
        yield put(public, jwk, 0o644), "chmod 600"
        yield put(ends[1], b"pkcs11:object=x\n", 0o644), "chmod 600"

    def test_each_kind(self):
        i = self.issuer(start=False)
        self.keyring()
        stick = self.folder / "stick"
        stick.mkdir(mode=0o700)
        cli("key", "generate", "--offline", stick, "--data", self.data, check=0)
        i.start()
        signs, whole = i.mint()["key"], self.folder / "whole"
        shutil.copytree(self.data / "keys", whole)
        for n, (make, says) in enumerate(list(self.files())):
            name = make()
            said = self.on_data("rotate", want=1)
            self.assertIn(name, said)
            self.assertIn(says, said)
            status, reply, h = i.http("POST", "/v1/keys/reload", {}, local=True)
            self.assertEqual((status, reply["reason"]), (400, "invalid_request"))
            self.assertIn('"keys.reload_failed","request":"'
                          f'{h["X-Request-Id"]}"', i.text())
            self.assertIn(name, reply["detail"])
            self.assertEqual(i.mint()["key"], signs)
            if n % 4 == 0:
                self.refused_at_start(i, name)
            self.put_back(whole)
        self.on_data("rotate", "--now", want=0)

    def put_back(self, whole):
        """.in-use and .lock stay as they are."""
        for state in ("next", "active", "retiring"):
            shutil.rmtree(self.data / "keys" / state)
            shutil.copytree(whole / state, self.data / "keys" / state)

    def refused_at_start(self, i, name):
        other = self.folder / "other"
        shutil.copytree(self.data / "keys", other / "keys", symlinks=True,
                        ignore=lambda *_: {".in-use"})  # or its store is missed
        try:
            self.assertIn(name, Issuer(self.folder / "o", issuer=i.name).refused(
                data=other))
        finally:
            shutil.rmtree(other)


if __name__ == "__main__":
    main()
