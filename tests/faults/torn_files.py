#!/usr/bin/env python3
"""What an agent left on its disk, torn: cut anywhere, bits turned, pages of
zeros, an older copy, the file of another release.

It starts all the same, with old or new and never with a mixture, says once what
it goes on without, and has everything back from the mint."""
import json
import os

from bad_days import LONG, seeded
from flow import Flow, Reader, cli, main, wait_for

ROUNDS = 300 if LONG else 12
PAGE = 4096


class Torn(Flow):
    def setUp(self):
        super().setUp()
        self.rng = seeded()
        self.i, self.a = self.both()
        self.sliding = self.i.mint(auto_refresh=3600, expires_in=86400)
        self.good, self.revoked = self.i.mint(), []
        self.older = {}  # file: its bytes, as of some time
        self.revoke()

    def revoke(self):
        """One more, that the agent knows of."""
        t = self.i.mint()
        self.i.revoke(t["id"])
        self.a.wait_reason(t["token"], "revoked", 40)
        self.revoked.append(t["token"])

    def beside(self, suffix):
        return self.a.state.with_name(self.a.state.name + suffix)

    # ---- what becomes of a file ----

    def cut(self, b):
        return b[:self.rng.randrange(len(b) + 1)]

    def turned(self, b):
        b = bytearray(b)
        for _ in range(self.rng.randrange(1, 4)):
            if b:
                b[self.rng.randrange(len(b))] ^= 1 << self.rng.randrange(8)
        return bytes(b)

    def page_of_zeros(self, b):
        at = self.rng.randrange(len(b) // PAGE + 1) * PAGE
        return b[:at] + bytes(min(PAGE, len(b) - at)) + b[at + PAGE:]

    def of_another_release(self, b):
        return b.replace(b"mintmark-checkpoint 1", b"mintmark-checkpoint 2").replace(
            b"mintmark-journal 1", b"mintmark-journal 2").replace(
            b"MMUSES2", b"MMUSES3")

    def spoil(self, path):
        whole = path.read_bytes()
        how = self.rng.choice([self.cut, self.cut, self.turned, self.page_of_zeros,
                               self.of_another_release, None])
        torn = how(whole) if how else self.older.get(path, whole)
        self.older[path] = whole
        path.write_bytes(torn)
        return f"{path.name}: {how.__name__ if how else 'an older copy'}"

    # ---- rounds ----

    def round(self):
        """The agent dies, or is stopped, and finds its files so."""
        self.a.kill9() if self.rng.random() < 0.5 else self.a.stop()
        files = [self.beside(s) for s in (".checkpoint", ".journal", ".pending")]
        what = [self.spoil(f) for f in files if f.exists() and self.rng.random() < 0.7]
        log = len(self.a.text())
        self.a.start(wait=False)
        wait_for("it to be there", lambda: '"feed.connected"' in self.a.text()[log:], 30)
        self.assertLessEqual(self.a.text()[log:].count('"checkpoint.refused"'), 1, what)
        for t in self.revoked[-2:]:  # by a process of its own
            self.assertEqual(self.a.reason(t, "--no-use"), "revoked", what)
        for t in (self.good, self.sliding):
            self.assertIsNone(self.a.reason(t["token"]), what)
        self.revoke()

    def test_F2_cut_while_it_is_kept(self):
        """Its agent makes it anew, and who has it mapped goes on, unless he
        asks in that second."""
        reader = Reader(self.a.state)
        self.addCleanup(reader.close)
        self.assertEqual(reader.ask(self.revoked[0]), "revoked")
        inode = self.a.state.stat().st_ino
        os.truncate(self.a.state, 0)
        wait_for("a new one", lambda: self.a.state.stat().st_ino != inode, 4)
        self.assertEqual(reader.ask(self.revoked[0]), "revoked")
        self.assertEqual(reader.ask(self.good["token"]), "ok")
        self.revoke()
        self.assertEqual(reader.ask(self.revoked[-1]), "revoked")
        wait_for("it to say so", lambda: self.a.text().count('"state.cut"') == 1)
        self.assertEqual(self.a.text().count('"agent.start"'), 1)

    def test_F2_damaged_while_it_is_kept(self):
        """At its beginning: who opens it now refuses it, and its agent makes it
        anew."""
        reader = Reader(self.a.state)
        self.addCleanup(reader.close)
        self.assertEqual(reader.ask(self.revoked[0]), "revoked")
        inode = self.a.state.stat().st_ino
        with self.a.state.open("r+b") as f:
            f.write(self.rng.randbytes(64))
        wait_for("a new one", lambda: self.a.state.stat().st_ino != inode, 4)
        self.assertIsNone(self.a.reason(self.good["token"]))
        self.revoke()
        self.assertEqual(reader.ask(self.revoked[-1]), "revoked")
        self.assertEqual(reader.ask(self.good["token"]), "ok")
        wait_for("it to say so", lambda: self.a.text().count('"state.damaged"') == 1)
        self.assertEqual(self.a.text().count('"agent.start"'), 1)

    def test_F2_an_agents_torn_files(self):
        reader = Reader(self.a.state)
        self.addCleanup(reader.close)
        for _ in range(ROUNDS):
            self.round()
            # also a process that was there all the while
            for t in self.revoked:
                self.assertEqual(reader.ask(t), "revoked")

    def test_F2_a_torn_state_file(self):
        """Never resumed from: cut or with a header that changed, it is refused
        with one line, and the agent puts a new one there."""
        self.a.kill9()
        whole = self.a.state.read_bytes()[:1 << 20]
        size = self.a.state.stat().st_size
        for n in (0, 1, 100, 448, PAGE - 1, PAGE, size // 2, size - 1):
            with self.a.state.open("r+b") as f:
                f.truncate(n)
            self.is_refused()
        for _ in range(20):
            b = bytearray(whole)
            at = self.rng.choice([*range(24), *range(24, 56), *range(128, 448)])
            b[at] ^= 1 << self.rng.randrange(8)
            with self.a.state.open("wb") as f:
                f.write(b)
                f.truncate(size)
            self.is_refused()
        self.a.start(wait=False)
        self.a.wait_reason(self.revoked[0], "revoked", 20)
        self.assertIsNone(self.a.reason(self.good["token"]))

    def is_refused(self):
        p = cli("verify", "--state", self.a.state, "-o", "json", "-",
                stdin=self.good["token"], check=3)
        self.assertEqual(json.loads(p.stdout)["reason"], "unavailable")
        self.assertLessEqual(len(p.stderr.strip().splitlines()), 1, p.stderr)


if __name__ == "__main__":
    main()
