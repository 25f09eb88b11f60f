#!/usr/bin/env python3
"""Key files with a passphrase.

A mint lives with them as with plain ones - start, rotation, restart, reload -
and refuses in one sentence when what opens them is missing or wrong.
"""
import os
import pathlib
import signal

from flow import cli, main, wait_for
from with_passphrase import PASSPHRASE, WithPassphrase, key_files


def in_memory(pid, needle):
    """Is the text anywhere in what the process can write to?"""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            where, mode = line.split()[:2]
            first, end = (int(x, 16) for x in where.split("-"))
            if mode.startswith("rw"):
                mem.seek(first)
                if needle in mem.read(end - first):
                    return True
    return False


class Sealed(WithPassphrase):
    def test_from_start_to_restart(self):
        i = self.issuer(flags=self.flag)
        a = self.agent(i)
        self.assert_kept(i, "ENCRYPTED PRIVATE KEY")
        old = i.mint()["token"]
        a.wait_reason(old, None)

        where = {"MINTMARK_DATA": str(i.data)}
        refusal = cli("key", "rotate", "--now", env=where, check=1)
        self.assertIn("is encrypted", refusal.stderr)
        done = cli("key", "rotate", "--now", *self.flag, env=where, check=0)
        listed = cli("key", "list", env={
            **where, "MINTMARK_KEY_PASSPHRASE_FILE": str(self.secret)}, check=0)
        self.assertEqual(len(key_files(i)), 3)
        self.assert_kept(i, "ENCRYPTED PRIVATE KEY")
        new = i.mint()["token"]
        for t in (old, new):
            a.wait_reason(t, None)

        proc = pathlib.Path(f"/proc/{i.proc.pid}")
        public = [(proc / n).read_text() for n in ("cmdline", "environ")]
        if os.environ.get("MM_SLOW", "1") == "1":  # sanitizers keep copies
            self.assertFalse(in_memory(i.proc.pid, PASSPHRASE.encode()))
            self.assertTrue(in_memory(i.proc.pid, str(self.secret).encode()))
        i.stop()
        self.assert_silent(i.text(), *public, done.stdout,
                           listed.stdout, refusal.stderr)
        self.assertNotIn("keys.plain", i.text())

        self.refuses_to_start(i, "is encrypted, and there is no passphrase")
        wrong = self.put(self.folder / "wrong", "something else")
        self.refuses_to_start(i, "the passphrase does not open it",
                              ("--key-passphrase-file", wrong))
        i.start()
        a.wait_reason(i.mint()["token"], None)
        a.wait_reason(old, None)

    def test_a_credential_of_systemd(self):
        folder = self.folder / "credentials"
        folder.mkdir(mode=0o700)
        self.put(folder / "mintmark-keys", PASSPHRASE).chmod(0o440)
        os.environ["CREDENTIALS_DIRECTORY"] = str(folder)
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY")
        i = self.issuer()
        self.assert_kept(i, "ENCRYPTED PRIVATE KEY")
        cli("key", "rotate", "--now", "--data", i.data, check=0)
        self.assert_kept(i, "ENCRYPTED PRIVATE KEY")
        i.mint()
        i.stop()
        i.start().mint()

    def test_plain_files_become_encrypted(self):
        i = self.issuer()
        a = self.agent(i)
        old = i.mint()["token"]
        i.stop()
        i.flags = self.flag
        i.start()
        for f in key_files(i):
            self.assertIn(f"/{f.parent.name}/{f.name}", i.text())
        self.assertEqual(i.text().count('"event":"keys.plain"'), 2)

        before = [(f, f.stat().st_mtime_ns) for f in key_files(i)]
        at = ("--data", i.data, *self.flag)
        self.assertIn("Wrote 2", cli("key", "protect", *at, check=0).stdout)
        self.assert_kept(i, "ENCRYPTED PRIVATE KEY")
        self.assertEqual(before, [(f, f.stat().st_mtime_ns)
                                  for f in key_files(i)])
        self.assertEqual(i.text().count('"event":"keys.plain"'), 2)
        self.assertIn("Wrote 0", cli("key", "protect", *at, check=0).stdout)
        self.assertIn("there is no passphrase", cli(
            "key", "protect", "--data", i.data, check=1).stderr)
        a.wait_reason(old, None)

        cli("key", "protect", "--plain", *at, check=0)
        self.assert_kept(i, "PRIVATE KEY")
        i.stop()
        i.flags = ()
        i.start()
        a.wait_reason(i.mint()["token"], None)

    def test_nothing_is_encrypted_for_a_mint_that_cannot_read_it(self):
        i = self.issuer()
        at = ("--data", i.data, *self.flag)
        before = key_files(i)
        for change in ("protect", "generate", "rotate"):
            p = cli("key", change, *at, check=1)
            self.assertIn("mintmarkd has no passphrase", p.stderr)
            self.assertIn("its setting key_passphrase_file", p.stderr)
        self.assertEqual(key_files(i), before)
        self.assert_kept(i, "PRIVATE KEY")
        # a stolen key goes all the same; and the mint says that it is its own
        p = cli("key", "compromise", i.mint()["key"], "--yes", *at)
        self.assertIn("mintmarkd goes on with the keys that it had: ", p.stderr)
        self.assertIn("key_passphrase_file", p.stderr)
        p = cli("key", "list", "--data", i.data, check=1)
        self.assertNotIn("goes on", p.stderr)
        self.assertIn("--key-passphrase-file", p.stderr)
        i.stop()
        # with none running, nobody can tell: the start does
        cli("key", "protect", *at, check=0)
        self.assert_kept(i, "ENCRYPTED PRIVATE KEY")
        i.start(flags=self.flag)

    def test_a_passphrase_that_is_gone(self):
        """Read anew at each reload: without it the keys in force stay."""
        i = self.issuer(flags=self.flag)
        a = self.agent(i)
        self.secret.unlink()
        i.proc.send_signal(signal.SIGHUP)
        wait_for("the log", lambda: "keys.reload_failed" in i.text())
        self.assertIn(str(self.secret), i.text())
        self.assertIn("goes on with the keys that it had", i.text())
        a.wait_reason(i.mint()["token"], None)

        self.put(self.secret, "something else")
        at = ("--data", i.data, *self.flag)
        self.assertIn("does not open it",
                      cli("key", "rotate", "--now", *at, check=1).stderr)
        self.put(self.secret, PASSPHRASE).chmod(0o644)
        self.assertIn("chmod 600", cli("key", "rotate", "--now", *at, check=1).stderr)
        self.secret.chmod(0o600)
        cli("key", "rotate", "--now", *at, check=0)
        a.wait_reason(i.mint()["token"], None)

    def test_half_a_file(self):
        i = self.issuer(flags=self.flag)
        i.stop()
        key = key_files(i, "active")[0]
        whole = key.read_bytes()
        for n in (0, 1, 20, len(whole) // 2, len(whole) - 10):
            key.write_bytes(whole[:n])
            self.refuses_to_start(i, f"active/{key.name}: not a PEM", self.flag)
        key.write_bytes(whole)
        i.start()


if __name__ == "__main__":
    main()
