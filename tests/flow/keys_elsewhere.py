#!/usr/bin/env python3
"""Private keys that never come here: they stay in a PKCS#11 token.
(in_token.py has the token.)"""
import concurrent.futures
import json
import pathlib
import shutil
import signal

from flow import cli, wait_for
from in_token import PIN, InToken, header, main_with_token


class Elsewhere(InToken):
    def refuses_to_start(self, issuer, says):
        said = issuer.refused()
        self.assertIn(says, said)
        self.assertNotIn(PIN, said)

    def test_all_steps(self):
        i, a = self.both()
        old = i.mint()
        kid = self.imported(i, "first")
        self.rotate(i)
        self.rotate(i)
        new = i.mint(scopes=["photos:read"])
        self.assertEqual(header(new["token"]),
                         {"alg": "ES256", "kid": kid, "typ": "JWT"})
        for t in (old, new):
            a.wait_reason(t["token"], None)

        # lists and feed are signed by it too
        agent = a.token_file.read_text().strip()
        _, feed, _ = i.http("GET", "/v1/snapshot", token=agent)
        _, status, _ = i.http("GET", f"/s/{new['id'].split('.')[0]}")
        for signed in (feed, status):
            self.assertEqual(header(signed)["kid"], kid)
        i.revoke(new["id"])
        a.wait_reason(new["token"], "revoked")

        # nothing says the PIN
        proc = pathlib.Path(f"/proc/{i.proc.pid}")
        for text in (i.text(), (proc / "cmdline").read_text(),
                     (proc / "environ").read_text()):
            self.assertNotIn(PIN, text)
        i.stop()
        i.start()
        last = i.mint()["token"]
        self.assertEqual(header(last)["kid"], kid)
        a.wait_reason(last, None)
        a.wait_reason(old["token"], None)

    def test_many_at_once(self):
        i, a, kid = self.signing_in_token()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            jobs = [pool.submit(i.mint) for _ in range(200)]
            for _ in range(5):
                i.proc.send_signal(signal.SIGHUP)  # opens the key anew
            tokens = [j.result()["token"] for j in jobs]
        self.assertEqual({header(t)["kid"] for t in tokens}, {kid})
        for t in tokens[::20]:
            a.wait_reason(t, None)

    def test_rotation_stays_in_the_token(self):
        i, a, first = self.signing_in_token()
        self.assertEqual(list((i.data / "keys/next").glob("*")), [])
        self.assertIn("mintmark key import", self.rotate(i, check=1).stderr)
        i.stop()
        i.start()
        self.assertEqual(list((i.data / "keys/next").glob("*")), [])

        token = i.mint()["token"]
        second = self.imported(i, "second", kind="rsa:2048")
        self.rotate(i)
        long = i.mint(allow_long=True)["token"]
        self.assertEqual(header(long),
                         {"alg": "RS256", "kid": second, "typ": "JWT"})
        for t in (token, long):
            a.wait_reason(t, None)
        gone = cli("key", "retire", "--force", "--data", i.data, "--", first, check=0)
        self.assertIn("still there", gone.stdout)
        a.wait_reason(token, "unknown_key")
        a.wait_reason(long, None)

    def test_a_pin_that_is_gone(self):
        i, a, kid = self.signing_in_token()
        self.pin.unlink()
        i.proc.send_signal(signal.SIGHUP)
        wait_for("the log", lambda: "keys.reload_failed" in i.text())
        self.assertIn(str(self.pin), i.text())
        t = i.mint()["token"]
        self.assertEqual(header(t)["kid"], kid)
        a.wait_reason(t, None)
        i.stop()
        self.refuses_to_start(i, str(self.pin))
        self.put_pin("0000000")
        self.refuses_to_start(i, "PIN incorrect")
        self.put_pin()
        i.start()

    def test_a_pin_from_a_credential(self):
        i = self.issuer()
        kid = self.imported(i, "first")
        i.stop()
        folder = self.folder / "credentials"
        folder.mkdir(mode=0o700)
        self.pin.rename(folder / "mintmark-pin")
        uri = i.data / f"keys/next/{kid}.uri"
        uri.write_text(uri.read_text().split("?")[0] + "\n")
        self.refuses_to_start(i, "wants a PIN")
        self.set_env(CREDENTIALS_DIRECTORY=str(folder))
        i.start().mint()

    def test_pins_on_the_command_line_are_refused(self):
        i = self.issuer()
        uri = self.new_key("first").replace("pin-source=file:" + str(self.pin),
                                            "pin-value=" + PIN)
        p = cli("key", "import", uri, "--data", i.data, check=1)
        self.assertIn("pin-value", p.stderr)
        self.assertNotIn(PIN, p.stderr)

    def test_the_token_is_lost(self):
        """keys/README.md, "The token is lost": from no key that can be read
        to a mint that signs, without the agents losing the thread."""
        i, a, kid = self.signing_in_token()
        lost = i.mint()["token"]
        a.wait_reason(lost, None)
        i.stop()
        shutil.rmtree(self.tokens)
        self.tokens.mkdir()
        self.refuses_to_start(i, f"{kid}.uri")

        (i.data / f"keys/active/{kid}.uri").unlink()
        cli("key", "generate", "--data", i.data, check=0)
        self.refuses_to_start(i, f"retire --force {'-- ' * kid.startswith('-')}{kid} ")
        cli("key", "retire", "--force", "--data", i.data, "--", kid, check=0)
        i.start()
        a.wait_reason(lost, "unknown_key")
        a.wait_reason(i.mint()["token"], None)


if __name__ == "__main__":
    main_with_token()
