#!/usr/bin/env python3
"""mintmarkd and mintmark-agent, whole, when the n-th call of a kind fails, when
the disk is full and when somebody else holds the database.

What is refused is refused as problem+json or by a daemon that stops with one
line; what was acknowledged is there after a restart; nobody is let in whose
token was revoked.  libmm_nth.so (nth.h) makes the calls fail: it is told by a
file that holds its five numbers."""
import contextlib
import http.client
import mmap
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "flow"))
import flow
from flow import BUILD, SLOW, Flow, main, wait_for

MALLOC, WRITE, SYNC, RENAME, OPEN, RANDOM = (1 << n for n in range(6))
EIO, ENOMEM, ENOSPC, ENOSYS = 5, 12, 28, 38
LONG = "MM_LONG" in os.environ
GONE = (OSError, http.client.HTTPException)


class Nth:
    """What fails, in the programs started with env()."""

    def __init__(self, folder):
        path = folder / "nth"
        path.write_bytes(bytes(20))
        with path.open("r+b") as f:
            self.map = mmap.mmap(f.fileno(), 20)
        self.path = path

    def env(self):
        return {**os.environ, "MM_NTH": str(self.path),
                "LD_PRELOAD": str(BUILD / "tests/faults/libmm_nth.so"),
                "ASAN_OPTIONS": "verify_asan_link_order=0:"
                                "allocator_may_return_null=1"}

    def arm(self, kinds, n, err, ever=False):
        self.map[4:20] = struct.pack("IIII", err, ever, n, 0)
        self.map[0:4] = struct.pack("I", kinds)

    def hit(self):
        """Did something fail?"""
        return struct.unpack("I", self.map[16:20])[0] != 0

    def disarm(self):
        """hit(), and no more does."""
        self.map[0:4] = bytes(4)
        return self.hit()

    def each(self, spread=6):
        """1, 2, ... until disarm() says that nothing failed: with MM_LONG
        each, else some, of which a slow program has fewer."""
        n = 0
        if SLOW > 1:
            spread /= 2
        while True:
            n += 1 if LONG else 1 + int(n / spread)
            yield n


class Faulty(Flow):
    def setUp(self):
        super().setUp()
        self.nth = Nth(self.folder)
        spawn = flow.Process.spawn
        env = self.nth.env()
        self.addCleanup(setattr, flow.Process, "spawn", spawn)
        flow.Process.spawn = lambda p, *argv: spawn(p, *argv, env=env)

    def ask(self, i, method, path, body=None):
        """(status, reply); 0: the daemon is gone.  Errors are problems."""
        try:
            status, reply, headers = i.http(method, path, body, local=True)
        except GONE:
            return 0, None
        if status >= 400:
            self.assertEqual(headers["Content-Type"],
                             "application/problem+json", reply)
            self.assertEqual(reply["status"], status)
        return status, reply

    def mint(self, i, **more):
        return self.ask(i, "POST", "/v1/tokens", {
            "user": "alice.liddell@example.org", "expires_in": 86400,
            "scopes": ["photos:read.and.more"], **more})

    def restart(self, i):
        i.kill9()
        i.start()

    def check_minted(self, i, reply):
        """It is in the store, and says what was asked for."""
        got = i.admin("GET", f"/v1/tokens/{reply['id']}")
        self.assertEqual(got["user"], "alice.liddell@example.org")
        self.assertEqual(got["scopes"], ["photos:read.and.more"])
        status, said, _ = i.form("/oauth/introspect", {"token": reply["token"]},
                                 local=True)
        self.assertEqual((status, said.get("scope"), said.get("sub")),
                         (200, "photos:read.and.more",
                          "alice.liddell@example.org"))

    def check_revoked(self, i, token_id):
        got = i.admin("GET", f"/v1/tokens/{token_id}")
        self.assertEqual(got["status"], "revoked")

    def changes(self, kinds, err, allowed):
        """Mint and revoke with the n-th call failing; then all that was
        acknowledged is there.  Returns how many rounds had a failure."""
        i = self.issuer()
        minted, revoked, hits = [], [], 0
        for n in self.nth.each():
            old = i.mint("bob")["id"]
            self.nth.arm(kinds, n, err)
            status, reply = self.mint(i)
            gone = self.ask(i, "DELETE", f"/v1/tokens/{old}")[0]
            hit = self.nth.disarm()
            hits += hit
            self.assertIn(status, allowed if hit else (201,), (n, reply))
            self.assertIn(gone, allowed if hit else (200,), n)
            if status == 201:
                minted.append(reply)
            if gone == 200:
                revoked.append(old)
            if kinds != SYNC:  # cut off, or answered: but it lives
                self.assertTrue(i.alive(), (n, i.text()))
            elif 0 in (status, gone):
                self.assertEqual(i.proc.wait(10 * SLOW), 70, i.text())
                self.assertIn("store.fsync_failed", i.text())
                i.start()
            if not hit:
                break
        self.restart(i)
        for reply in minted:
            self.check_minted(i, reply)
        for token_id in revoked:
            self.check_revoked(i, token_id)
        return hits

    def test_F5_issuer_malloc(self):
        self.assertGreater(
            self.changes(MALLOC, ENOMEM, (0, 200, 201, 202, 401, 500, 503)), 5)

    def test_F3_issuer_write(self):
        self.assertGreater(
            self.changes(WRITE, ENOSPC, (200, 201, 500, 503, 507)), 2)

    def test_F4_issuer_sync(self):
        self.assertGreater(self.changes(SYNC, EIO, (0, 200, 201)), 1)

    # ---- full ----

    def full(self, i, fill, empty):
        """While it is full nothing is acknowledged and all is answered;
        then it goes on."""
        kept = i.mint("alice")
        fill()
        wait_for("a mint to be refused",
                 lambda: self.mint(i)[0] in (503, 507))
        self.assertEqual(i.http("GET", "/.well-known/jwks.json")[0], 200)
        self.assertEqual(self.ask(i, "GET", f"/v1/tokens/{kept['id']}")[0], 200)
        self.assertIn(self.ask(i, "DELETE", f"/v1/tokens/{kept['id']}")[0],
                      (503, 507))
        status, _, _ = i.http("GET", "/health/live")
        self.assertEqual(status, 200)
        empty()
        wait_for("a mint", lambda: self.mint(i)[0] == 201)
        i.revoke(kept["id"])
        self.restart(i)
        self.check_revoked(i, kept["id"])

    def test_F3_no_room_for_long(self):
        i = self.issuer()
        self.full(i, lambda: self.nth.arm(WRITE, 1, ENOSPC, ever=True),
                  self.nth.disarm)

    def test_F3_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=2m", "mintmark", disk],
                capture_output=True).returncode != 0:
            self.skipTest("nobody may mount here")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        i = flow.Issuer(disk)
        i.log = self.folder / "mintmarkd.log"
        self.processes.append(i)
        i.start()
        fat = disk / "fat"

        def fill():
            with contextlib.suppress(OSError), fat.open("wb", 0) as f:
                while f.write(bytes(4096)):
                    pass
            # pages that the log has already are written again for a while
            for _ in range(2000):
                if self.mint(i)[0] != 201:
                    break
        self.full(i, fill, fat.unlink)
        i.stop()

    # ---- the database is somebody else's for a while ----

    def test_F25_locked(self):
        i = self.issuer()
        other = sqlite3.connect(i.data / "mintmark.db", isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        self.assertEqual(self.mint(i)[0], 503)
        self.assertLess(time.monotonic() - began, 20 * SLOW)
        self.assertEqual(i.http("GET", "/.well-known/jwks.json")[0], 200)
        self.assertEqual(self.ask(i, "GET", "/v1/tokens")[0], 200)
        other.execute("ROLLBACK")
        status, reply = self.mint(i)
        self.assertEqual(status, 201)
        self.check_minted(i, reply)

    def test_F25_a_long_reader_and_a_vacuum(self):
        """A backup reads for as long as it likes, and nobody waits for it; what
        packs the file has its turn, and nothing is lost by it."""
        i = self.issuer()
        db = i.data / "mintmark.db"
        reader = sqlite3.connect(db, isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        count = "SELECT count(*) FROM token"
        then = reader.execute(count).fetchone()
        minted = [i.mint() for _ in range(50)]
        i.revoke(minted[0]["id"])
        self.assertEqual(reader.execute(count).fetchone(), then)
        reader.execute("COMMIT")
        self.assertEqual(reader.execute(count).fetchone(), (then[0] + 50,))
        packer = subprocess.Popen(["sqlite3", "-cmd", ".timeout 20000", db,
                                   "VACUUM; VACUUM; PRAGMA integrity_check"],
                                  stdout=subprocess.PIPE, text=True)
        statuses = {self.mint(i)[0] for _ in range(50)}
        self.assertEqual(packer.communicate()[0], "ok\n")
        self.assertLessEqual(statuses, {201, 503})
        have = {t["id"]: t["status"] for t in i.admin(
            "GET", "/v1/tokens?status=all&limit=500")["tokens"]}
        self.assertEqual({m["id"] for m in minted} - set(have), set())
        self.assertEqual(have[minted[0]["id"]], "revoked")

    # ---- no random numbers ----

    def test_F30_no_first_start(self):
        i = self.issuer(start=False)
        self.nth.arm(RANDOM, 1, ENOSYS, ever=True)
        i.start(wait=False)
        self.assertEqual(i.proc.wait(20 * SLOW), 1, i.text())
        said = [s for s in i.text().splitlines() if "mintmarkd:" in s]
        self.assertEqual(len(said), 1, i.text())
        self.nth.disarm()
        i.start()

    def test_F30_exchange(self):
        """Ids of access tokens are random: without that there are none."""
        i = self.issuer()
        pat = i.mint("alice", audience=["files"])["token"]
        self.assertEqual(i.exchange(pat)[0], 200)
        self.nth.arm(RANDOM, 1, ENOSYS, ever=True)
        status, reply, _ = i.exchange(pat)
        hit = self.nth.disarm()
        self.assertTrue(hit)
        self.assertIn(status, (500, 503), reply)
        self.assertEqual(i.exchange(pat)[0], 200)

    # ---- the agent ----

    def wait_kept(self, i, a):
        """Until the agent has on its disk what it has shown: that is so when
        more gets there.  (With a broken journal that is a checkpoint, taken
        at the first event that comes a second after the one before.)"""
        def files():
            for kind in "checkpoint", "journal":
                st = os.stat(f"{a.state}.{kind}")
                yield st.st_ino, st.st_size, st.st_mtime_ns

        def more():
            i.revoke(i.mint("bob")["id"])
            return list(files()) != before
        before = list(files())
        wait_for("a journal or checkpoint that grows", more)

    def agent_rounds(self, kinds, err):
        """Revocations come in while the n-th call fails; killed and started
        without its issuer, the agent has them all."""
        i, a = self.both()
        hits = 0
        tokens = []
        for n in self.nth.each(spread=2):
            token = i.mint("alice")
            a.wait_reason(token["token"], None)
            tokens.append(token["token"])
            self.nth.arm(kinds, n, err)
            self.ask(i, "DELETE", f"/v1/tokens/{token['id']}")
            wait_for("a failure, or the revocation",
                     lambda: self.nth.hit() or a.reason(
                         token["token"], "--no-use") == "revoked", 60)
            hit = self.nth.disarm()
            hits += hit
            if not i.alive():
                i.start()
            i.revoke(token["id"])
            if not a.alive():
                a.start()
            a.wait_reason(token["token"], "revoked", 60)
            if not hit or (not LONG and n > 300):
                break
        self.wait_kept(i, a)
        i.stop()
        a.kill9()
        a.state.unlink()
        a.start()
        for token in tokens:
            self.assertEqual(a.reason(token, "--no-use"), "revoked")
        return hits

    def test_F5_agent_malloc(self):
        self.assertGreater(self.agent_rounds(MALLOC, ENOMEM), 3)

    def test_F3_agent_write(self):
        self.assertGreater(self.agent_rounds(WRITE, ENOSPC), 1)


if __name__ == "__main__":
    main()
