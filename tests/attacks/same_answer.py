#!/usr/bin/env python3
"""A35: who shows a token that is refused learns that it is, and nothing of
why: at each door the answers are the same bytes, whatever is wrong with it."""
import base64
import json
import pathlib
import re
import socket
import sys
import time
import unittest
from urllib.parse import urlencode

TESTS = pathlib.Path(__file__).resolve().parents[1]
for family in ("flow", "interop"):
    sys.path.insert(0, str(TESTS / family))
from flow import ACCESS, EXCHANGE, FORM, SLOW, free_port, wait_for  # noqa: E402
from interop import Flow, b64, header, main, payload  # noqa: E402

try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils
except ImportError:
    ec = None

# Every answer has its own.
OWN = re.compile(rb"^(date|x-request-id): [^\r]*\r\n", re.I | re.M)
# For the proxy that asked; none of the examples in deploy/ hands it on.
REASON = re.compile(rb"^x-mintmark-reason: ([a-z_]+)\r\n", re.I | re.M)
# All of PROTOCOL.md section 2 that are the token's own fault.
REASONS = {"malformed", "bad_signature", "unknown_key", "wrong_issuer",
           "wrong_audience", "wrong_user", "wrong_address", "not_yet_valid",
           "expired", "idle", "revoked", "suspended"}


def ask(port, head, body=b""):
    """All that comes back, in bytes, but for what every answer has of its
    own.  `head` begins with the method and ends without a line's end."""
    if body:
        head += f"\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", port), 20 * SLOW) as s:
        s.sendall(f"{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                  .encode() + body)
        parts = []
        while part := s.recv(65536):
            parts.append(part)
    return OWN.sub(b"", b"".join(parts))


@unittest.skipIf(ec is None, "python3-cryptography is missing")
class SameAnswer(Flow):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.i, self.a = self.both(
            agent_flags=["--listen", f"127.0.0.1:{self.port}"])
        self.good = self.i.mint("alice")["token"]
        # of another kind, and so refused where that is not taken
        self.child = self.i.exchange(
            self.good, audience="files")[1]["access_token"]

    def signed(self, **change):
        """The good token with other claims, signed as the mint signs."""
        path, = (self.i.data / "keys/active").glob("*.pem")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        parts = header(self.good), {**payload(self.good), **change}
        body = ".".join(b64(json.dumps(p).encode()) for p in parts)
        r, s = utils.decode_dss_signature(
            key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def dead(self):
        """What has become of four good ones."""
        t = {"revoked": self.i.mint("alice"), "suspended": self.i.mint("alice"),
             "expired": self.i.mint("alice", expires_in=1),
             "idle": self.i.mint("alice", auto_refresh=1, expires_in=3600)}
        self.i.revoke(t["revoked"]["id"])
        self.i.admin("POST", f"/v1/tokens/{t['suspended']['id']}/suspend")
        for word, one in t.items():
            self.a.wait_reason(one["token"], word)
        return [(word, one["token"]) for word, one in t.items()]

    def refused(self):
        """(reason, token): each reason that there is, most in several ways."""
        head, body, sig = self.good.split(".")
        now = int(time.time())
        uri = {"status_list": {"idx": 0, "uri": "http://evil.example/s/1"}}
        stranger = b64(json.dumps({**header(self.good), "kid": "AAAAAAAAAAA"})
                       .encode())
        lst = self.i.http("GET", "/s/1")[1].decode()
        return [
            ("malformed", "x"), ("malformed", "."), ("malformed", ".."),
            ("malformed", "A" * 5000), ("malformed", f"{head}.{body}."),
            ("malformed", f"{head}.{body}.{sig}="), ("malformed", lst),
            ("malformed", "eyJhbGciOiJub25lIn0.e30."),
            ("bad_signature", f"{head}.{body}.{sig[40:80]}{sig[:40]}{sig[80:]}"),
            ("bad_signature", f"{head}.{body[:-8]}AAAAAAAA.{sig}"),
            ("bad_signature", f"{head}.{body}.{'A' * 86}"),
            ("unknown_key", f"{stranger}.{body}.{sig}"),
            ("wrong_issuer", self.signed(iss="http://evil.example", jti="1.0",
                                         status=uri)),
            ("wrong_audience", self.signed(aud="mail")),
            ("wrong_address", self.signed(cidr="192.0.2.0/24")),
            ("not_yet_valid", self.signed(nbf=now + 3600)),
            ("not_yet_valid", self.signed(iat=now + 3600, exp=now + 9999)),
            ("expired", self.signed(iat=now - 100, exp=now - 1)),
            *self.dead()]

    def assert_one(self, answers):
        """[(what, bytes)], all the same."""
        first = answers[0][1]
        for what, got in answers:
            self.assertEqual(got, first, what)

    # ---- the agent ----

    def door(self, scheme, text):
        """What a proxy that asks for "files" gets."""
        return ask(self.port, "GET /auth?audience=files HTTP/1.1\r\n"
                   f"Authorization: {scheme} {text}")

    def basic(self, user, token):
        return self.door("Basic", base64.b64encode(
            f"{user}:{token}".encode()).decode())

    def test_A35_same_answer_of_the_agent(self):
        """But for the reason, which is the proxy's to log."""
        rows = [*self.refused(), ("malformed", self.child)]
        shown = [(why, self.door("Bearer", t)) for why, t in rows]
        shown += [(why, self.basic("alice", t)) for why, t in rows]
        shown += [("wrong_user", self.basic(user, self.good))
                  for user in ("bob", "Alice", "", "alice ", "root")]
        for why, got in shown:
            self.assertEqual(REASON.findall(got), [why.encode()])
            self.assertTrue(got.startswith(b"HTTP/1.1 401 "), why)
        self.assertEqual({why for why, _ in shown}, REASONS)
        self.assert_one([(why, REASON.sub(b"", got)) for why, got in shown])
        for got in (self.door("Bearer", self.good),
                    self.basic("alice", self.good)):
            self.assertTrue(got.startswith(b"HTTP/1.1 200 "))

    # ---- the issuer ----

    def api(self, line, token, body=b""):
        kind = "\r\nContent-Type: application/json" if body else ""
        return ask(self.i.port, f"{line} HTTP/1.1\r\n"
                   f"Authorization: Bearer {token}{kind}", body)

    def test_A35_same_answer_of_the_api(self):
        rows, shown = [*self.refused(), ("malformed", self.child)], []
        for line, body in (
                ("GET /v1/tokens", b""), ("GET /v1/tokens/1.0", b""),
                ("GET /v1/tokens/99.99", b""), ("DELETE /v1/tokens/1.0", b""),
                ("POST /v1/tokens", b'{"user":"alice","expires_in":60}'),
                ("POST /v1/tokens/self/rotate", b"{}"), ("GET /v1/me", b""),
                ("GET /v1/keys", b""), ("GET /v1/audit", b""),
                ("GET /v1/feed?after=0", b""), ("GET /v1/snapshot", b""),
                ("POST /v1/uses", b'{"uses":[]}')):
            shown += [(f"{line}: {why}", self.api(line, t, body))
                      for why, t in rows]
        self.assertTrue(shown[0][1].startswith(b"HTTP/1.1 401 "))
        self.assert_one(shown)
        self.assertTrue(self.api("GET /v1/me", self.good).startswith(
            b"HTTP/1.1 200 "))
        for why in REASONS - {"wrong_user"}:  # the log has it, all the same
            self.assertRegex(self.i.text(),
                             rf'"auth.refused".*"reason":"{why}"')

    def test_A35_same_answer_of_the_forms(self):
        """Exchange, introspection, revocation, and signing in."""
        agent = self.i.mint("svc", scopes=["mintmark:agent"])["token"]
        rows = [(why, t) for why, t in self.refused()
                if why not in ("wrong_audience", "wrong_address")]

        def form(path, more="", **params):
            return ask(self.i.port, f"POST {path} HTTP/1.1\r\n"
                       f"Content-Type: {FORM}{more}", urlencode(params).encode())

        self.assert_one([(why, form(
            "/oauth/introspect", f"\r\nAuthorization: Bearer {agent}",
            token=t)) for why, t in rows])
        self.assert_one([(why, form(
            "/oauth/token", grant_type=EXCHANGE, subject_token=t,
            subject_token_type=ACCESS)) for why, t in rows])
        self.assert_one([(why, ask(
            self.i.port, "POST /console/session HTTP/1.1\r\n"
            "Content-Type: application/json\r\nX-Mintmark-Console: 1",
            json.dumps({"token": t}).encode())) for why, t in rows
            if len(t) <= 4096])
        self.assert_one([(why, form("/oauth/revoke", token=t))
                         for why, t in rows])


if __name__ == "__main__":
    main()
