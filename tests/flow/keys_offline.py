#!/usr/bin/env python3
"""An offline key and a passphrase: keys/README.md, "Keep a key offline" and
what it says of bringing it back."""
import shutil
import subprocess

from flow import cli, main
from key_compromise import compromise, handed_out, kid
from with_passphrase import WithPassphrase, key_files


class Offline(WithPassphrase):
    def setUp(self):
        super().setUp()
        self.stick = self.folder / "stick"
        self.stick.mkdir(mode=0o700)
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)

    def key(self, verb, *argv, check=0, flag=None):
        return cli("key", verb, *argv, "--data", self.data,
                   *(self.flag if flag is None else flag), check=check)

    def made_offline(self, flag=None):
        """(its private half on the stick, its public half here)"""
        self.key("generate", "--offline", self.stick, flag=flag)
        pem, = self.stick.glob("*.pem")
        return pem, self.data / f"keys/next/{pem.stem}.pub.jwk"

    def bring_back(self, pem):
        """As install -m 600 does."""
        to = self.data / "keys/next" / pem.name
        shutil.copy(pem, to)
        to.chmod(0o600)
        return to

    def seen(self, path):
        return path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino

    def states(self):
        return {(f.parent.name, f.name) for f in
                (self.data / "keys").glob("*/[!.]*")}

    def test_the_drill_with_a_passphrase(self):
        for _ in range(2):
            self.key("generate", flag=())  # plain ones: quicker to open
        i = self.issuer(flags=self.flag)
        a = self.agent(i)
        pem, public = self.made_offline()
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", pem.read_text())
        self.assertNotIn('"d"', public.read_text())
        old = i.mint()
        a.wait_reason(old["token"], None)
        self.bring_back(pem)
        folder = self.folder / "new"
        compromise(i, old["key"], *self.flag, "--reissue", folder)
        new = handed_out(folder)["alice"][old["id"]]
        self.assertEqual(kid(new), pem.stem)
        a.wait_reason(old["token"], "unknown_key")
        a.wait_reason(new, None)
        self.assertFalse(public.exists())
        self.assert_kept(i, "ENCRYPTED PRIVATE KEY", "active")
        self.assertEqual([f.name for f in key_files(i, "active")], [pem.name])

    def test_made_before_there_was_a_passphrase(self):
        """It loads as it is, and protect turns it over; the public file beside
        it stays what it was until the key takes over."""
        self.key("generate", flag=())
        pem, public = self.made_offline(flag=())
        before = self.seen(public)
        self.assertIn("Wrote 1", self.key("protect").stdout)
        back = self.bring_back(pem)
        self.assertIn("Wrote 1", self.key("protect").stdout)
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", back.read_text())
        self.assertEqual(self.seen(public), before)
        self.assertIn(f"The key {pem.stem} signs now", self.key("rotate", "--now").stdout)
        self.assertIn(("active", pem.name), self.states())
        self.assertFalse(public.exists())

    def test_the_passphrase_has_changed_since(self):
        """Refused by its name, and nothing is touched; turned over as written
        there it is taken."""
        self.key("generate")
        pem, _ = self.made_offline()
        self.key("protect", "--plain")
        old = self.secret.rename(self.folder / "old")
        self.put(self.secret, "another one")
        self.key("protect")
        back = self.bring_back(pem)
        before = self.states()
        for verb in ("list", "rotate"):
            said = self.key(verb, check=1).stderr
            self.assertIn(f"next/{pem.name}: the passphrase does not open it",
                          said)
        self.assertIn("there is no passphrase", self.key(
            "list", flag=(), check=1).stderr)
        self.assertEqual(self.states(), before)

        subprocess.run(
            ["openssl", "pkcs8", "-topk8", "-scrypt", "-v2", "aes-256-cbc",
             "-in", pem, "-passin", f"file:{old}",
             "-passout", f"file:{self.secret}", "-out", self.folder / "turned"],
            check=True, capture_output=True)
        shutil.copy(self.folder / "turned", back)
        self.assertRegex(self.key("list").stdout,
                         f"next +{pem.stem} +ES256 +encrypted")


if __name__ == "__main__":
    main()
