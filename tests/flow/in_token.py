"""in_token.py - a PKCS#11 token for the tests, and mints with keys in it.

The token is softhsm2's, in the test's own folder, made with OpenSC's
pkcs11-tool and reached as an HSM would be.  Exit 77 where one of them is not
installed.
"""
import base64
import glob
import json
import os
import subprocess

from flow import Flow, cli, main, skip

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
ENGINE = "/usr/lib/*/engines-3/pkcs11.so"
PIN = "8841207"


def header(jws):
    """The header of a compact JWS."""
    first = (jws if isinstance(jws, str) else jws.decode()).split(".")[0]
    return json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))


class InToken(Flow):
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
        return cli("key", "rotate", "--now", "--data", issuer.data, check=check)

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


def missing():
    """What is not installed."""
    return [p for p in (MODULE, "/usr/bin/softhsm2-util",
                        "/usr/bin/pkcs11-tool", ENGINE) if not glob.glob(p)]


def main_with_token():
    if missing():
        skip(f"no {', '.join(missing())}: tests/install-packages test")
    main()
