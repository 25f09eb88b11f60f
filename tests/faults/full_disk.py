#!/usr/bin/env python3
"""The disk of the state file is full, and it is a tmpfs, where it mostly lies
(/run): who verifies does not die of it, what is revoked is refused, and the
agent goes on, is started again, and says what it cannot do."""
import contextlib
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
import flow  # noqa: E402
from flow import Flow, Reader, cli, main, wait_for  # noqa: E402

# Each byte, as a reader comes to it: with a page that cannot be had it is
# killed by SIGBUS.
TOUCH = """
import mmap, sys
with open(sys.argv[1], "rb") as f:
    print(len(bytes(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ))))
"""


class FullDisk(Flow):
    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=2m", "mintmark", self.disk],
                capture_output=True).returncode != 0:
            self.skipTest("nobody may mount here")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk])
        self.i = self.issuer()
        self.a = flow.Agent(self.disk, self.i)
        self.a.log = self.folder / "agent.log"  # what it says has its place
        self.processes.append(self.a)
        self.a.start()
        self.wait_log("feed.connected")
        self.reader = Reader(self.a.state)
        self.addCleanup(self.reader.close)
        self.fat = self.disk / "fat"

    def wait_log(self, word, seconds=10.0, after=0):
        wait_for(f"{word} in its log",
                 lambda: word in self.a.text()[after:], seconds)

    def fill(self):
        with contextlib.suppress(OSError), self.fat.open("wb", 0) as f:
            while f.write(bytes(4096)):
                pass
        self.assertEqual(os.statvfs(self.disk).f_bavail, 0)

    def touch(self):
        p = subprocess.run([sys.executable, "-c", TOUCH, self.a.state],
                           capture_output=True, text=True)
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertEqual(int(p.stdout), self.a.state.stat().st_size)

    def last_uses(self):
        """Those in the state file, by verifier/state.h"""
        b = self.a.state.read_bytes()
        count, at = (struct.unpack_from("I", b, n)[0] for n in (140, 148))
        found = []
        for row in range(at, at + 40 * count, 40):
            held, uses = struct.unpack_from("I", b, row + 12), \
                struct.unpack_from("Q", b, row + 32)
            if uses[0]:
                found += [u for u in struct.unpack_from(
                    f"{held[0]}I", b, uses[0]) if u]
        return found

    def revoked(self, *tokens):
        """Each is refused, by who has the file mapped and by who opens it."""
        for t in tokens:
            self.a.wait_reason(t["token"], "revoked")
            self.assertEqual(self.reader.ask(t["token"]), "revoked")

    def well_again(self, good, seconds=3.0):
        """There is room now: a second later, and what that takes."""
        wait_for("a state to believe in",
                 lambda: self.reader.ask(good["token"]) == "ok", seconds)

    def rotate(self):
        """A change of keys: it takes a new state file."""
        cli("key", "rotate", "--now", "--data", self.i.data, check=0)

    def test_F3_nobody_dies(self):
        """Tokens of each kind, in lists in which there is nothing yet."""
        fixed = [self.i.mint() for _ in range(3)]
        slides = self.i.mint(auto_refresh=3600)
        self.fill()
        self.touch()
        for t in [*fixed, slides]:
            self.assertIsNone(self.a.reason(t["token"], "--no-use"))
            self.assertEqual(self.reader.ask(t["token"]), "ok")
        wait_for("the use to show", self.last_uses)
        self.i.revoke(fixed[0]["id"])
        self.i.revoke(slides["id"])
        self.revoked(fixed[0], slides)
        self.assertEqual(self.reader.ask(fixed[1]["token"]), "ok")
        self.touch()

    def test_F3_started_again(self):
        """What is there is kept true, also if nothing but it has heard of a
        revocation, and a new file is made as soon as there is room."""
        good, two, three = (self.i.mint() for _ in range(3))
        first = [self.i.mint() for _ in range(12)]
        self.fill()
        for t in first:  # the last page of the journal has room for some
            self.i.revoke(t["id"])
        self.revoked(*first)
        self.a.kill9()
        self.i.kill9()
        said = len(self.a.text())
        self.a.start(wait=False)
        self.wait_log("state.not_renewed", after=said)
        self.assertIn("free some room", self.a.text()[said:])
        for t in first:
            self.assertEqual(self.reader.ask(t["token"]), "revoked")
        self.i.start()
        self.i.revoke(two["id"])
        self.revoked(*first, two)

        self.a.stop()
        self.a.start(wait=False)
        self.i.revoke(three["id"])
        self.revoked(*first, two, three)
        self.assertEqual(self.reader.ask(good["token"]), "ok")
        self.touch()

        inode = self.a.state.stat().st_ino
        self.fat.unlink()
        wait_for("a new file", lambda: self.a.state.stat().st_ino != inode, 4)
        self.wait_log("state.good", 30)
        self.revoked(*first, two, three)
        self.assertEqual(self.reader.ask(good["token"]), "ok")

    def test_F3_a_new_file_is_wanted(self):
        """It cannot be shown that a key came: nothing is believed, and it is
        said why; then all goes on by itself."""
        good, bad = self.i.mint(), self.i.mint()
        self.a.wait_reason(good["token"], None)
        self.fill()
        self.rotate()
        self.wait_log("state.behind")
        self.assertIn("free some room", self.a.text())
        self.assertNotIn("feed.refused", self.a.text())
        self.assertEqual(self.reader.ask(good["token"]), "stale")
        p = cli("doctor", "--state", self.a.state, check=1)
        self.assertRegex(p.stdout, r"WRONG  state\.room +.* its disk 0\.0 kB left")
        self.assertIn("could not be kept true", p.stdout)
        code, said = self.a.verify(good["token"], "--no-use")
        self.assertEqual((code, said["reason"]), (3, "stale"))
        self.assertRegex(said["detail"], "is full.*free some room")
        self.i.revoke(bad["id"])
        time.sleep(10)  # it is tried no less often, the longer it lasts
        self.assertEqual(self.reader.ask(bad["token"]), "stale")
        self.touch()
        self.fat.unlink()
        self.well_again(good)
        self.assertEqual(self.reader.ask(bad["token"]), "revoked")
        self.assertIsNone(self.a.reason(self.i.mint()["token"]))
        self.wait_log("state.good")
        self.assertEqual([self.a.text().count(event) for event in (
            "state.behind", "state.good", "feed.connected")], [1, 1, 1])

    def test_F3_started_behind(self):
        """What is there will not do, and is believed no longer. The agent does
        not end for that, and where no mint answers it shows what it holds."""
        good = self.i.mint()
        self.a.wait_reason(good["token"], None)
        self.fill()
        self.a.stop()
        self.assertEqual(self.reader.ask(good["token"]), "ok")
        self.i.kill9()
        said = len(self.a.text())
        self.a.flags = ["--max-staleness", "1h"]
        self.a.start(wait=False)
        self.wait_log("state.behind", after=said)
        self.assertEqual(self.reader.ask(good["token"]), "stale")
        time.sleep(10)
        self.fat.unlink()
        self.well_again(good)


class Rotated(Flow):
    """The disk of the mint's own folder."""

    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "mintmark",
                 self.data], capture_output=True).returncode != 0:
            self.skipTest("nobody may mount here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data])
        self.i = self.issuer()
        self.fat = self.data / "fat"

    def leave(self, room):
        with contextlib.suppress(OSError), self.fat.open("wb", 0) as f:
            while f.write(bytes(4096)):
                pass
        os.truncate(self.fat, self.fat.stat().st_size // 4096 * 4096 - room)

    def test_F3_what_a_command_says(self):
        """Whoever reads it knows nothing of the mint's disk."""
        gone = [self.i.mint() for _ in range(60)]
        self.leave(0)
        at = "--data", self.data
        says = "there is no room on the disk of the mint's store"
        make = "token", "create", *at, "-u", "alice", "-e", "1h"
        wait_for("the last page to be taken", lambda: cli(*make).returncode == 3, 40)
        self.assertIn(says, cli(*make, check=3).stderr)
        for t in gone:
            p = cli("token", "revoke", *at, t["id"])
            if p.returncode != 0:
                break
        self.assertIn(says, p.stderr)
        failing = wait_for("it to be noticed", lambda: [
            l for l in self.i.text().splitlines() if '"health.failing"' in l], 40)
        self.assertIn("make room on its disk (storage_full)", failing[0])
        self.assertNotIn("(health.failing)", failing[0])
        self.fat.unlink()
        cli(*make, check=0)

    def by_command(self):
        return cli("key", "rotate", "--now", "--data", self.data, check=3).stderr

    def by_request(self):
        status, reply, _ = self.i.http("POST", "/v1/keys/rotate", {"now": True},
                                       local=True)
        self.assertEqual(status, 507, reply)
        return reply["detail"]

    def states(self):
        return {k["state"]: k["kid"] for k in
                self.i.admin("GET", "/v1/keys")["keys"] if k["state"] != "retiring"}

    def test_F3_a_rotation_that_has_happened(self):
        """With no room for the next key, or none in the store to say so."""
        for room, says in ((0, "the disk is full: make room"),
                           (4096, "goes on with the keys that it had")):
            for rotate in (self.by_command, self.by_request):
                # what the mint writes meanwhile may take the last page
                self.assertTrue(any(says in self.rotated(room, rotate)
                                    for _ in range(8)))

    def rotated(self, room, rotate):
        before = self.states()
        self.leave(room)
        said = rotate()
        self.assertIn(f"the key {before['next']} took over in the folders; "
                      "when this is mended, rotate again", said)
        self.assertEqual(self.states(), before)
        self.fat.unlink()
        cli("key", "rotate", "--data", self.data, check=0)
        after = self.states()  # and not once more
        self.assertEqual(after["active"], before["next"])
        self.assertIn("next", after)
        return said


if __name__ == "__main__":
    main()
