#!/usr/bin/env python3
"""key_crash.py where the files are of other kinds: a rotation into and within a
PKCS#11 token, key protect beside an offline key; and two changes at once.  Fewer
calls than there: those after which a file or its name is another."""
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from flow import MINTMARK, cli, traced_env, wait_for
from in_token import InToken, missing
from key_crash import Killed, killed, main_traced, points_of
from with_passphrase import WithPassphrase
from with_passphrase import PASSPHRASE

CHANGES = ("renameat", "unlinkat", "sendto", "recvfrom")


def changes_of(log, *argv):
    return [p for p in points_of(log, *argv) if p[0] in CHANGES]


class Protect(WithPassphrase):
    """Two plain files, an offline key: killed at each step, both kinds load,
    and the same command does the rest."""

    def setUp(self):
        super().setUp()  # no mint: nothing of this needs one
        self.data = self.folder / "data"
        self.data.mkdir()
        self.stick = self.folder / "stick"
        self.stick.mkdir(mode=0o700)

    def key(self, *argv):
        return cli("key", *argv, "--data", self.data, check=0).stdout

    def kept(self, *flags):
        rows = self.key("list", *flags).splitlines()[1:]
        return sorted(r.split()[3] for r in rows)

    def others(self):
        """What protect has no business with."""
        return {f: (f.read_bytes(), f.stat().st_mtime_ns, f.stat().st_ino)
                for f in (self.data / "keys").glob("*/*.[uj]*")}

    def test_cut_off(self):
        for _ in range(2):
            self.key("generate")
        self.key("generate", "--offline", self.stick)
        keys, plain = self.data / "keys", self.folder / "plain"
        shutil.copytree(keys, plain)
        seen = set()
        self.assertEqual(len(self.others()), 1)
        protect = ("key", "protect", "--data", self.data, *self.flag)
        points = points_of(self.folder / "trace", *protect)
        self.assertEqual(self.kept(*self.flag), ["encrypted"] * 2 + ["offline"])
        renames = [p for p in points if p[0] == "renameat"]
        syncs = [p for p in points if p[0] == "fsync"]
        for point in (*renames, syncs[-1]):  # each opens keys: dear
            shutil.rmtree(keys)
            shutil.copytree(plain, keys)
            others = self.others()
            self.assertTrue(killed(point, *protect))
            kept = self.kept(*self.flag)
            seen.add(tuple(kept))
            self.assertIn(f"Wrote {kept.count('plain')} ", self.key(
                "protect", *self.flag))
            for f in keys.glob("*/*.pem"):
                self.assertIn("BEGIN ENCRYPTED", f.read_text())
            self.assertEqual(self.others(), others)
            self.assertEqual(list(keys.glob("*/.*.tmp")), [])
        self.assertEqual(len(seen), 3)  # none, one, both


class TwoAtOnce(Killed):
    def held(self, *argv):
        """A command that is stopped at its first rename, and its pid."""
        p = subprocess.Popen(
            ["strace", "-qq", "-o", "/dev/null", "-e",
             "inject=renameat:signal=STOP:when=1", str(MINTMARK), *argv],
            text=True, env=traced_env(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.addCleanup(p.kill)
        children = pathlib.Path(f"/proc/{p.pid}/task/{p.pid}/children")

        def stopped():
            pids = [int(c) for c in children.read_text().split()]
            return [c for c in pids if "State:\tt" in pathlib.Path(
                f"/proc/{c}/status").read_text() and len(self.keys()["active"]) == 2]

        return p, wait_for("it to be stopped", stopped)[0]

    def test_the_second_is_refused(self):
        """The first is held in the middle; nothing of it is undone."""
        before = self.keys()
        first, pid = self.held("key", "rotate", "--now", "--data", str(self.i.data))
        middle = self.keys()
        for verb in (["rotate"], ["generate"],
                     ["compromise", *before["active"], "--yes"]):
            p = cli("key", *verb, "--data", self.i.data, check=3)
            self.assertIn("run again when it is done", p.stderr)
        self.assertEqual(self.keys(), middle)
        os.kill(pid, signal.SIGCONT)
        said = first.communicate(timeout=60)[0]
        self.assertEqual(first.returncode, 0, said)
        self.assertEqual(self.keys()["active"], before["next"])
        self.whole()


@unittest.skipIf(missing(), f"not installed: {missing()}")
class Kinds(Killed, InToken):
    def whole(self):
        keys = self.keys()
        self.assertEqual((len(keys["active"]), keys["next"]),
                         (1, self.waiting), keys)
        self.assertEqual(list(self.i.data.glob("keys/*/.*.tmp")), [])

    def prepare(self, n):
        """The next key is in the token and alone; the signer is in turn, too,
        or a plain file."""
        at = ("--data", self.i.data)
        for kid in self.keys()["retiring"]:
            cli("key", "retire", "--force", *at, "--", kid, check=0)
        if n % 2:
            cli("key", "generate", *at, check=0)
            cli("key", "rotate", "--now", *at, check=0)
        self.imported(self.i, f"k{n}")
        for f in (self.i.data / "keys/next").glob("*.pem"):
            f.unlink()
        self.i.admin("POST", "/v1/keys/reload", {})

    def test_rotate_to_a_key_in_the_token(self):
        self.waiting = []
        rotate = ("key", "rotate", "--now", "--data", self.i.data)
        self.prepare(0)
        points = changes_of(self.folder / "trace", *rotate)
        cuts = 0
        renames = [p for p in points if p[0] == "renameat"]
        for n, point in enumerate([*points, *renames], 1):
            self.prepare(n)
            before, token = self.keys(), self.i.mint()["token"]
            cuts += killed(point, *rotate)
            self.holds([token])
            if not self.is_done(before):
                self.assertIn("signs now", self.script("rotate", "--now"))
            after = self.keys()
            self.assertEqual(after["active"], before["next"], point)
            self.assertIn(before["active"][0], after["retiring"])
            self.holds([token])
            self.whole()
        self.assertGreater(cuts, len(points) - 2, points)


if __name__ == "__main__":
    main_traced()
