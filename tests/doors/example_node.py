#!/usr/bin/env python3
"""The service of examples/node, which has no agent: JWKS and status lists.

What differs from the others is what its page says: revoked within the list's
ttl, and no uses reported.  A fake issuer shows what it refuses to believe.
"""
import http.server
import json
import sys
import tempfile
import threading
import time
import unittest
import zlib

from doors import TOP, WINDOW, Life, wait_for
from example import NOTE, Answers, Example, basic, bearer

sys.path.insert(0, str(TOP / "tests/interop"))
from interop import b64, main  # noqa: E402
from node import assert_pinned, install  # noqa: E402

try:
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:
    jwt = None

SOURCE = TOP / "examples/node"
TTL = 1
home = None  # where the example lies, with its packages


class Service(Example):
    def serve(self, issuer, agent, port):
        return ["node", home / "notes.mjs", issuer.name, port], None

    def open(self, **kw):
        return super().open(flags=("--list-ttl", f"{TTL}s"), **kw)

    def status_of(self, token):
        return self.ask("GET", NOTE, bearer(token))[0]


class TokenLife(Life, Service):
    # Not through this door alone: it reports no uses.
    test_kept_alive_through_this_door_alone_then_idle = None

    def test_idle_and_kept_alive_by_others(self):
        i, a = self.open()
        here, there = (i.mint("alice", auto_refresh=WINDOW, expires_in=3600)
                       for _ in range(2))
        begun = time.time()
        while time.time() - begun < 2 * WINDOW:
            time.sleep(WINDOW * 0.25)
            self.assertEqual(a.verify(there["token"])[0], 0)
            self.assertTrue(self.read("alice", there["token"]))
            if time.time() - begun < WINDOW * 0.7:
                self.assertTrue(self.read("alice", here["token"]))
        self.assertFalse(self.read("alice", here["token"]))
        self.assertEqual(i.admin("GET", f"/v1/tokens/{here['id']}")["status"],
                         "idle")

    def test_within_the_lists_ttl(self):
        """And not before: what is in hand is believed that long."""
        i, a = self.both(flags=("--list-ttl", "4s"))
        self.start_door(i, a)
        t = i.mint("alice")
        self.assertEqual(self.status_of(t["token"]), 200)
        i.revoke(t["id"])
        revoked = time.monotonic()
        wait_for("it to be refused",
                 lambda: self.status_of(t["token"]) == 401, 4.5)
        self.assertLess(time.monotonic() - revoked, 4.5)
        self.assertIn("GET /notes/ id=- revoked",
                      self.door.text().splitlines())

    def test_suspended_expired_and_of_others(self):
        i, _ = self.open()
        suspended, short = i.mint("alice"), i.mint("alice", expires_in=2)
        for t in (suspended, short):
            self.assertEqual(self.status_of(t["token"]), 200)
        i.admin("POST", f"/v1/tokens/{suspended['id']}/suspend")
        time.sleep(2.1)
        for t, reason in ((suspended, "suspended"), (short, "expired")):
            self.assertEqual(self.status_of(t["token"]), 401)
            self.assertIn(f"GET /notes/ id=- {reason}",
                          self.door.text().splitlines())
        i.admin("POST", f"/v1/tokens/{suspended['id']}/reinstate")
        wait_for("it to be reinstated", lambda: self.status_of(
            suspended["token"]) == 200)


class WhatItAnswers(Answers, Service):
    def test_issuer_out_of_reach(self):
        i, _ = self.open()
        token = self.seed["token"]
        i.stop()
        wait_for("it to be refused", lambda: self.status_of(token) != 200)
        status, _, headers = self.ask("GET", NOTE, bearer(token))
        self.assertEqual((status, headers["Retry-After"]), (503, "10"))
        i.start()
        wait_for("it to be accepted again",
                 lambda: self.status_of(token) == 200)


class Packages(unittest.TestCase):
    def test_lock(self):
        assert_pinned(self, SOURCE, "jose")


class Fake(http.server.ThreadingHTTPServer):
    """An issuer that serves whatever it is told to."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.url = self.name = f"http://127.0.0.1:{self.server_port}"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pages = {"/.well-known/jwks.json": json.dumps(
            {"keys": [{**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(
                self.key.public_key())), "kid": "k", "alg": "ES256",
                "use": "sig"}]}).encode()}
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def sign(self, claims, key=None, alg="ES256", kid="k", **head):
        return jwt.encode(claims, key or self.key, alg,
                          {"kid": kid, **head})

    def token(self, number, index=0, head=None, key=None, **change):
        now = int(time.time())
        claims = {"iss": self.url, "sub": "alice", "iat": now,
                  "exp": now + 3600, "jti": f"{number}.{index}",
                  "status": {"status_list": {
                      "idx": index, "uri": f"{self.url}/s/{number}"}},
                  **change}
        return self.sign({k: v for k, v in claims.items() if v is not None},
                         key, **(head or {}))

    def list(self, number, bits=b"\0" * 1024, head=None, key=None, lst=None,
             **change):
        """Serve it at its address."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": f"{self.url}/s/{number}",
                  "iat": now, "exp": now + 86400, "ttl": 1, "status_list": {
                      "bits": 2, "lst": lst or b64(zlib.compress(bits))},
                  **change}
        self.pages[f"/s/{number}"] = self.sign(
            {k: v for k, v in claims.items() if v is not None}, key,
            **{"typ": "statuslist+jwt", **(head or {})}).encode()


class FakeHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path)
        if isinstance(page, str):
            self.send_response(302)
            self.send_header("Location", page)
            self.end_headers()
            return
        self.send_response(404 if page is None else 200)
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, *args):
        pass


@unittest.skipIf(jwt is None, "python3-jwt or python3-cryptography missing")
class FakeIssuer(Service):
    def setUp(self):
        super().setUp()
        self.fake = Fake()
        self.addCleanup(self.fake.server_close)
        self.addCleanup(self.fake.shutdown)
        self.start_door(self.fake, None)

    def start_door(self, issuer, agent):
        issuer.list(1)
        issuer.mint = lambda user: {"token": issuer.token(1)}
        super().start_door(issuer, agent)

    def said(self, number, index=0):
        """The status for a token of that list, and the reason logged."""
        status = self.status_of(self.fake.token(number, index))
        return status, self.door.text().split()[-1]

    def test_statuses(self):
        self.fake.list(2, bytes([0b11_10_01_00, 0b00_01_00_00]))
        for index, want in enumerate([
                (200, "ok"), (401, "revoked"), (401, "suspended"),
                (401, "revoked"), (200, "ok"), (200, "ok"), (401, "revoked"),
                (200, "ok"), (401, "revoked"), (401, "revoked")]):
            self.assertEqual(self.said(2, index), want, index)
        self.assertEqual(self.said(2, 2 ** 40), (401, "revoked"))

    def test_lists_that_it_does_not_believe(self):
        now = int(time.time())
        other = ec.generate_private_key(ec.SECP256R1())
        cases = [
            {"head": {"typ": "JWT"}}, {"head": {"typ": None}},
            {"sub": f"{self.fake.url}/s/1"}, {"sub": None},
            {"iss": "http://elsewhere.example"}, {"key": other},
            {"head": {"kid": "x"}}, {"exp": now - 1}, {"exp": None},
            {"iat": now + 90}, {"iat": now - 90}, {"iat": None},
            {"ttl": 0}, {"ttl": None}, {"ttl": "1"}, {"status_list": None},
            {"status_list": {"bits": 1, "lst": b64(zlib.compress(b"\0"))}},
            {"status_list": {"bits": 2, "lst": 7}},
            {"lst": b64(b"\0\0\0\0")}, {"lst": "!"},
            {"bits": b"\0" * (2 ** 18 + 1)}, {"bits": b"\0" * 2 ** 26},
        ]
        for number, case in enumerate(cases, 2):
            self.fake.list(number, **case)
            status, reason = self.said(number)
            self.assertEqual(status, 503, case)
            self.assertIn(reason, ("unavailable", "stale"))
        self.assertEqual(self.said(99), (503, "unavailable"))  # 404
        self.fake.list(98, padding="x" * 2 ** 20)
        self.assertEqual(self.said(98), (503, "unavailable"))
        self.fake.pages["/s/97"] = f"{self.fake.url}/s/96"
        self.fake.pages["/s/96"] = self.fake.pages["/s/1"]
        self.assertEqual(self.said(97), (503, "unavailable"))
        self.assertNotIn("/s/96", self.fake.asked)
        self.fake.list(95, bits=b"\0" * 2 ** 18)  # as large as they get
        self.assertEqual(self.said(95, 2 ** 20 - 1), (200, "ok"))
        self.assertEqual(self.said(95, 2 ** 20), (401, "revoked"))

    def test_never_an_older_list(self):
        now = int(time.time())
        self.fake.list(2, b"\1", iat=now - 2, ttl=5)
        self.assertEqual(self.said(2), (401, "revoked"))
        self.fake.list(2, b"\0", iat=now - 3, ttl=60)
        time.sleep(3.1)
        self.assertEqual(self.said(2), (503, "unavailable"))
        self.fake.list(2, b"\1")
        self.assertEqual(self.said(2), (401, "revoked"))

    def test_a_list_is_kept_for_its_ttl(self):
        self.fake.list(2, ttl=3)
        for _ in range(5):
            self.assertEqual(self.said(2), (200, "ok"))
        self.assertEqual(self.fake.asked.count("/s/2"), 1)
        time.sleep(3.1)
        self.assertEqual(self.said(2), (200, "ok"))
        self.assertEqual(self.fake.asked.count("/s/2"), 2)
        # a clock ahead of ours makes it no longer
        self.fake.list(3, iat=int(time.time()) + 50, ttl=1)
        self.assertEqual(self.said(3), (200, "ok"))
        time.sleep(1.1)
        self.assertEqual(self.said(3), (200, "ok"))
        self.assertEqual(self.fake.asked.count("/s/3"), 2)

    def test_tokens_that_it_does_not_believe(self):
        now = int(time.time())
        url = self.fake.url
        other = ec.generate_private_key(ec.SECP256R1())
        away = "http://127.0.0.1:1"
        cases = [
            ({"key": other}, "bad_signature"),
            ({"head": {"kid": "x"}}, "unknown_key"),
            ({"head": {"alg": "HS256"}, "key": b"x" * 32}, "bad_signature"),
            ({"head": {"typ": "statuslist+jwt"}}, "malformed"),
            ({"head": {"typ": "at+jwt"}}, "malformed"),
            ({"head": {"crit": ["b64"], "b64": True}}, "malformed"),
            ({"iss": away}, "wrong_issuer"), ({"iss": url + "/"},
                                              "wrong_issuer"),
            ({"aud": "mail"}, "wrong_audience"),
            ({"aud": ["mail", "note"]}, "wrong_audience"),
            ({"iat": now + 90}, "not_yet_valid"),
            ({"nbf": now + 90}, "not_yet_valid"),
            ({"exp": now - 1}, "expired"), ({"exp": now}, "expired"),
            ({"exp": "never"}, "malformed"), ({"sub": 7}, "malformed"),
            ({"scope": ["notes:list"]}, "malformed"),
            ({"jti": "1.1"}, "malformed"), ({"jti": "2.0"}, "malformed"),
            ({"jti": "01.0"}, "malformed"), ({"status": {}}, "malformed"),
            ({"status": 7}, "malformed"),
            ({"cidr": "192.0.2.0/24"}, "wrong_address"),
            ({"cidr": "::/0 128.0.0.0/1"}, "wrong_address"),
            ({"cidr": ""}, "malformed"), ({"cidr": 7}, "malformed"),
            ({"cidr": "127.0.0.1"}, "malformed"),
            ({"cidr": "127.0.0.0/33"}, "malformed"),
            ({"cidr": "127.0.0.0/8 x"}, "malformed"),
            ({"cidr": "localhost/8"}, "malformed"),
        ]
        cases += [({name: None}, "malformed")
                  for name in ("sub", "iat", "exp", "jti", "status")]
        cases += [({"status": {"status_list": {"idx": idx, "uri": uri}}},
                   "malformed")
                  for idx, uri in ((0, f"{away}/s/1"), (0, f"{url}/s/2"),
                                   (1, f"{url}/s/1"), ("0", f"{url}/s/1"),
                                   (0, f"{url}/s/1?"), (0, None))]
        for case, reason in cases:
            status = self.status_of(self.fake.token(1, **case))
            self.assertEqual((status, self.door.text().split()[-1]),
                             (401, reason), case)
        for case in ({}, {"aud": "notes"}, {"aud": ["mail", "notes"]},
                     {"iat": now + 30}, {"cidr": "127.0.0.0/8"},
                     {"cidr": "192.0.2.0/24 ::1/128 127.0.0.1/32"}, {"status": {"status_list": {
                         "idx": 0, "uri": f"{url}/s/1"}, "x": 1}}):
            self.assertEqual(self.status_of(self.fake.token(1, **case)), 200,
                             case)
        self.assertEqual(self.status_of(
            self.fake.token(1, padding="x" * 3000)), 401)
        none = jwt.encode({"iss": url}, None, "none", {"kid": "k"})
        self.assertEqual(self.status_of(none), 401)
        self.assertEqual(self.ask("GET", NOTE, basic("bob", self.fake.token(
            1)))[0], 401)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mintmark-node-") as folder:
        home = install(SOURCE, folder)
        main(at_once=3)
