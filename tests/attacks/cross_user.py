#!/usr/bin/env python3
"""A23: one user's token as another's.  Names that look alike, names that a
careless comparison takes for the same, and names that nobody should have."""
import base64

import paths  # noqa: F401
from agent import AgentDoor
from flow import main
from key_compromise import part, stolen_keys
from web import basic, raw

#: Users whom a mint may have, and none of whom is alice.
ALIKE = ["Alice", "ALICE", "alic", "alicea", "alice@x", "alice@example.org",
         "alice.", "alice/", "alice\\", "alice%00", "alice%00root", "alice+x",
         "\u0430lice",  # Cyrillic
         "\uff41lice",  # full width
         "al\u00adice", "alice\u200b", "alice\ufeff",  # that nobody sees
         "al\u0131ce", "a\u0301lice", "\u00e1lice",
         "alice,root", "alice;root", "alice root", "al ice", "../alice", "*",
         "alice=root", "0", "root", "alice\u00a0"]
#: Users that no mint makes, also not for an administrator.
NOBODY = ["", ".", "..", " alice", "alice ", "alice\0", "alice\0root", "alice:",
          ":alice", "alice:root", "alice\n", "alice\r\nX-Mintmark-Scopes: *",
          "alice\x7f", "alice\x85", "alice\t", "\u202ealice", "\u2028alice",
          "a" * 256]


class CrossUser(AgentDoor):
    def headers(self, kind):
        """(status, {name: [values]}) for these bytes of Authorization."""
        r = raw(self.port, "GET /auth HTTP/1.1\r\nHost: x\r\nConnection: close"
                f"\r\nAuthorization: {kind}\r\n\r\n")
        return r.status, {n: [v.encode("latin-1").decode() for v in r.all(n)]
                          for n in ("X-Mintmark-User", "X-Mintmark-Scopes")}

    def no_entry(self, authorization, what):
        self.assertEqual(self.headers(authorization), (
            401, {"X-Mintmark-User": [], "X-Mintmark-Scopes": []}), what)

    def test_A23_names_that_look_alike(self):
        i, a = self.open()
        alice = i.mint("alice")["token"]
        for user in ALIKE:
            t = i.mint(user)["token"]
            self.assertEqual(part(t, 1)["sub"], user)
            self.no_entry(basic("alice", t), user)
            self.no_entry(basic(user, alice), user)
            self.assertEqual(a.verify(t, "--user", "alice")[1]["reason"],
                             "wrong_user")
            self.assertEqual(a.verify(alice, "--user", user)[1]["reason"],
                             "wrong_user")
            self.assertEqual(a.verify(t, "--user", user)[0], 0, user)
            # whose it is is said as it is, or not at all
            for kind in (basic(user, t), f"Bearer {t}"):
                status, said = self.headers(kind)
                self.assertEqual(status, 200, user)
                self.assertEqual(said["X-Mintmark-User"], [user])
        self.assertEqual(self.headers(basic("alice", alice))[0], 200)

    def test_A23_one_name_in_two_encodings(self):
        """Basic says UTF-8 (RFC 7617); bytes of another are nobody's."""
        i, _ = self.open()
        t = i.mint("\u00e1lice")["token"]
        self.assertEqual(self.headers(basic("\u00e1lice", t))[0], 200)
        for user in (b"\xe1lice", "a\u0301lice".encode(), b"%C3%A1lice",
                     b"\xc1\xa1lice", b"\xc3\xa1lice\0", b"\xc3\xa1lice\xff"):
            pair = base64.b64encode(user + b":" + t.encode()).decode()
            self.no_entry(f"Basic {pair}", user)

    def test_A23_names_that_nobody_has(self):
        """Not from the mint; and not with its own key either, as an issuer
        with other rules might sign them."""
        i, a = self.open()
        good = i.mint("alice")
        key = stolen_keys(i)["active"]
        for user in NOBODY:
            status, reply, _ = i.http("POST", "/v1/tokens", {
                "user": user, "expires_in": 60}, local=True)
            self.assertEqual(status, 400, (user, reply))
        for sub in (*NOBODY, None, 0, ["alice"], {"alice": 1}, True):
            t = key.token(good["token"], sub=sub)
            self.no_entry(basic("alice", t), sub)
            for user in ("alice", "root"):
                self.assertEqual(a.verify(t, "--no-use", "--user", user)[0],
                                 1, sub)
            status, said = self.headers(f"Bearer {t}")
            self.assertIn(status, (200, 401, 500), sub)
            self.assertIn(said["X-Mintmark-User"], ([], [sub]), sub)
            self.assertEqual(said["X-Mintmark-Scopes"],
                             ["*"] if status == 200 else [], sub)
        self.assertEqual(self.headers(basic("alice", good["token"]))[0], 200)

    def test_A23_at_the_mint(self):
        """Its own API, the console's door, an exchange, introspection."""
        i = self.issuer()
        alice, bob = i.mint("alice"), i.mint("bob")
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        for user in ("bob", "Alice", "alice ", "alice\u200b", "root", "admin"):
            self.assertEqual(i.http("POST", "/console/session", {
                "token": alice["token"], "user": user}, headers={
                    "X-Mintmark-Console": "1"})[0], 401, user)
        for method, path, body in (
                ("GET", f"/v1/tokens/{alice['id']}", None),
                ("DELETE", f"/v1/tokens/{alice['id']}", None),
                ("POST", f"/v1/tokens/{alice['id']}/rotate", {}),
                ("POST", f"/v1/tokens/{alice['id']}/suspend", {}),
                ("DELETE", "/v1/users/alice/tokens", None),
                ("GET", "/v1/tokens?user=alice", None),
                ("POST", "/v1/tokens", {"user": "alice", "expires_in": 60})):
            status, reply, _ = i.http(method, path, body, token=bob["token"])
            self.assertIn(status, (403, 404), (path, reply))
        shown = i.http("GET", "/v1/tokens", token=bob["token"])[1]["tokens"]
        self.assertEqual([t["user"] for t in shown], ["bob"])
        self.assertTrue(i.form("/oauth/introspect", {"token": alice["token"]},
                               token=agent)[1]["active"])

    def test_A23_root_is_a_name(self):
        """A user who is called as the mint's own words gets nothing by it."""
        i = self.issuer()
        for user in ("root", "admin", "mintmark-admin",
                     "mintmarkd", "administrator", "agent"):
            t = i.mint(user)["token"]
            for path in ("/v1/users", "/v1/keys", "/v1/audit",
                         "/v1/feed?after=0", "/v1/snapshot"):
                self.assertEqual(i.http("GET", path, token=t)[0], 403,
                                 (user, path))


if __name__ == "__main__":
    main()
