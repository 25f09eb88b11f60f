"""interop.py - what the tests with other people's JOSE share.

A live issuer as in the flow tests, its published keys, and its private one,
so that somebody else can sign in its name.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
from urllib.parse import urlencode

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import MINTMARK, Flow, cli, main, skip, wait_for  # noqa: E402,F401

# A verifier that takes access tokens, and is called "files".
FOR_FILES = ("--access-tokens", "--audience", "files")


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header(token):
    return json.loads(unb64(token.split(".")[0]))


def payload(token):
    return json.loads(unb64(token.split(".")[1]))


def corrupted(token):
    """The token with one character changed, once in each of its parts."""
    parts = token.split(".")
    for i, part in enumerate(parts):
        at = len(part) // 2
        other = "A" if part[at] != "A" else "B"
        changed = part[:at] + other + part[at + 1:]
        yield ".".join(parts[:i] + [changed] + parts[i + 1:])


def hs256(token, secret, **change):
    """The same, but for the claims that change, signed with that secret: what
    is public, say, to fool who lets the header choose (RFC 8725 s2.1)."""
    parts = ({**header(token), "alg": "HS256"}, {**payload(token), **change})
    body = ".".join(b64(json.dumps(p).encode()) for p in parts)
    mac = hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{b64(mac)}"


class Interop(Flow):
    def setUp(self):
        super().setUp()
        self.mint = self.issuer()
        self.state = self.agent(self.mint)

    def jwks(self):
        return self.mint.http("GET", "/.well-known/jwks.json")[1]

    def jwk(self, kid):
        return next(k for k in self.jwks()["keys"] if k["kid"] == kid)

    def status_list(self, token):
        """The signed list that a token refers to, and its headers."""
        uri = payload(token)["status"]["status_list"]["uri"]
        self.assertTrue(uri.startswith(self.mint.url + "/s/"))
        code, raw, heads = self.mint.http("GET", uri[len(self.mint.url):])
        self.assertEqual(code, 200)
        return raw.decode(), heads

    def active_pem(self):
        """(kid, PEM) of the key that signs."""
        path, = (self.mint.data / "keys/active").glob("*.pem")
        return path.stem, path.read_bytes()

    def key_command(self, verb, *flags):
        """`mintmark key`, where the keys lie."""
        cli("key", verb, *flags, "--data", self.mint.data, check=0)

    def sign_with(self, alg):
        """Rotate until it is a key of this algorithm that signs: the one that
        waits, else a new one."""
        waits = {k["alg"] for k in self.mint.admin("GET", "/v1/keys")["keys"]
                 if k["state"] != "retiring"}
        if alg not in waits:
            self.key_command("generate", "--alg", alg)
        for _ in range(3):
            if self.active_alg() != alg:
                self.key_command("rotate", "--now")
        self.assertEqual(self.active_alg(), alg)

    def active_alg(self):
        key, = [k for k in self.mint.admin("GET", "/v1/keys")["keys"]
                if k["state"] == "active"]
        return key["alg"]

    def exchange(self, token, audience):
        """RFC 8693: an access token, from where RFC 8414 says it is to be had."""
        meta = self.mint.http("GET", "/.well-known/oauth-authorization-server")[1]
        code, said, _ = self.mint.http(
            "POST", meta["token_endpoint"][len(self.mint.url):], urlencode({
                "grant_type": meta["grant_types_supported"][0],
                "subject_token": token, "audience": audience,
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            }).encode(), headers={
                "Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(code, 200, said)
        return said["access_token"], meta

    def assert_refused(self, token, reason, what, *flags):
        code, said = self.state.verify(token, "--no-use", *flags)
        self.assertEqual((code, said.get("reason")), (1, reason), what)

    def assert_valid(self, token, what, *flags):
        code, said = self.state.verify(token, "--no-use", *flags)
        self.assertEqual((code, said.get("reason")), (0, None), what)

    def assert_all_refused(self, tokens):
        """What has been corrupted; which check sees it first may differ."""
        for bad in tokens:
            code, said = self.state.verify(bad, "--no-use")
            self.assertEqual(code, 1, bad)
            self.assertIn(said["reason"], ("malformed", "unknown_key",
                                           "bad_signature"), bad)


class AnyJws(unittest.TestCase):
    """`mintmark verify --jws`, which needs no issuer."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mintmark-jws-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_jws(self, jws, keys, *operands):
        """The completed process, in bytes."""
        path = self.folder / "keys.json"
        if not isinstance(keys, (str, bytes)):
            keys = json.dumps({"keys": keys})
        path.write_bytes(keys.encode() if isinstance(keys, str) else keys)
        return subprocess.run(
            [MINTMARK, "verify", "--jws", "--jwks", path, *operands],
            input=jws if isinstance(jws, bytes) else jws.encode(),
            capture_output=True, timeout=60)

    def accept(self, jws, keys, payload):
        p = self.run_jws(jws, keys)
        self.assertEqual((p.returncode, p.stdout, p.stderr),
                         (0, payload, b""))

    def refuse(self, jws, keys, *says):
        p = self.run_jws(jws, keys)
        self.assertEqual((p.returncode, p.stdout), (1, b""), (jws, p.stderr))
        for word in says:
            self.assertIn(word, p.stderr.decode())
