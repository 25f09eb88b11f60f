#!/usr/bin/env python3
"""Private keys that never come here: they stay in a PKCS#11 token.

The token is softhsm2's, in the test's own folder, made with OpenSC's
pkcs11-tool and reached as an HSM would be.  Exit 77 where one of them is not
installed.
"""
import base64
import concurrent.futures
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from flow import MINTMARKD, Flow, cli, main, wait_for

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
ENGINE = "/usr/lib/*/engines-3/pkcs11.so"
PIN = "8841207"
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def header(jws):
    """The header of a compact JWS."""
    first = (jws if isinstance(jws, str) else jws.decode()).split(".")[0]
    return json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))


class Elsewhere(Flow):
    def setUp(self):
        super().setUp()
        self.tokens = self.folder / "tokens"
        self.tokens.mkdir(mode=0o700)
        conf = self.folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self.tokens}\n"
                        "objectstore.backend = file\nlog.level = ERROR\n")
        self.set_env(SOFTHSM2_CONF=str(conf), PKCS11_MODULE_PATH=MODULE)
        self.pin = self.folder / "pin"
        self.put_pin()
        self.run_tool("softhsm2-util", "--init-token", "--free", "--label",
                      "mint", "--pin", PIN, "--so-pin", "12345678")

    def set_env(self, **values):
        os.environ.update(values)
        for name in values:
            self.addCleanup(os.environ.pop, name, None)

    def put_pin(self, text=PIN):
        self.pin.write_text(text + "\n")
        self.pin.chmod(0o600)

    def run_tool(self, *argv):
        subprocess.run(argv, check=True, capture_output=True, timeout=60)

    def new_key(self, name, kind="EC:prime256v1"):
        """Made in the token; its URI."""
        self.run_tool("pkcs11-tool", "--module", MODULE, "--token-label",
                      "mint", "--login", "--pin", PIN, "--keypairgen",
                      "--key-type", kind, "--label", name, "--id",
                      name.encode().hex())
        return (f"pkcs11:token=mint;object={name};type=private"
                f"?pin-source=file:{self.pin}")

    def imported(self, issuer, name, **kw):
        """A new key of the token in next/; its kid."""
        before = set((issuer.data / "keys").glob("*/*.uri"))
        out = cli("key", "import", self.new_key(name, **kw), "--data",
                  issuer.data, check=0).stdout
        new, = set((issuer.data / "keys").glob("*/*.uri")) - before
        self.assertIn(new.stem, out)
        self.assertEqual(new.stat().st_mode & 0o777, 0o600)
        return new.stem

    def rotate(self, issuer, check=0):
        return cli("key", "rotate", "--data", issuer.data, check=check)

    def signing_in_token(self):
        """A mint and its agent, whose signing key is in the token."""
        i, a = self.both()
        kid = self.imported(i, "first")
        self.rotate(i)  # the key made at the start has waited for longer
        self.assertIn("in its token", self.rotate(i).stdout)
        listed = json.loads(cli("key", "list", "-o", "json", "--data", i.data,
                                check=0).stdout)
        self.assertEqual([k["kept"] for k in listed],
                         ["pkcs11", "plain", "plain"])
        return i, a, kid

    def refuses_to_start(self, issuer, says):
        p = subprocess.run(
            [MINTMARKD, "--data", issuer.data, "--issuer", issuer.name,
             "--listen", f"127.0.0.1:{issuer.port}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn(says, p.stderr)
        self.assertNotIn(PIN, p.stderr)

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
        gone = cli("key", "retire", first, "--force", "--data", i.data, check=0)
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

    def test_a_token_that_goes_away(self):
        """What was minted stays good; nothing new until it is back."""
        i, a, kid = self.signing_in_token()
        before = i.mint()["token"]
        self.tokens.rename(self.folder / "away")
        status, reply, _ = i.http("POST", "/v1/tokens", local=True,
                                  body={"user": "alice", "expires_in": 600})
        self.assertEqual((status, reply["reason"]), (503, "unavailable"))
        self.assertIn(kid, reply["detail"])
        self.assertIn("keys.sign_failed", i.text())
        a.wait_reason(before, None)
        (self.folder / "away").rename(self.tokens)
        i.stop()
        i.start()
        a.wait_reason(i.mint()["token"], None)

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
        i.start()
        a.wait_reason(lost, "unknown_key")
        a.wait_reason(i.mint()["token"], None)


if __name__ == "__main__":
    missing = [p for p in (MODULE, "/usr/bin/softhsm2-util",
                           "/usr/bin/pkcs11-tool", ENGINE) if not glob.glob(p)]
    if missing:
        print(f"skipped: no {', '.join(missing)}: tests/install-packages test",
              file=sys.stderr)
        sys.exit(SKIPPED)
    main()
