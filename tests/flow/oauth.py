#!/usr/bin/env python3
"""The OAuth endpoints: metadata, introspection, revocation, exchange; and what
caches and browsers are told of keys and lists."""
import base64
import contextlib
import gzip
import json
import sqlite3
import time
from urllib.parse import urlencode, urlsplit

from flow import (ACCESS, EXCHANGE, FORM, SLOW, Flow, cli, main, wait_for)
from key_compromise import stolen_keys

JWT = "urn:ietf:params:oauth:token-type:jwt"


def part(jws, n):
    p = jws.split(".")[n]
    return json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)))


def claims(jws):
    return part(jws, 1)


def taken(access):
    """The flags of a verifier that takes this access token."""
    audience = claims(access)["aud"]
    return ("--access-tokens", "--audience",
            audience if isinstance(audience, str) else audience[0])


class OAuth(Flow):
    """What the endpoints are asked, as client libraries ask it."""

    def child(self, token, **more):
        status, reply, headers = self.i.exchange(token, **more)
        self.assertEqual(status, 200, reply)
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(reply["token_type"], "Bearer")
        return reply["access_token"], reply

    def refused(self, answer, error, status=400):
        code, reply, headers = answer
        self.assertEqual((code, reply.get("error")), (status, error), reply)
        self.assertGreater(len(reply["error_description"]), 10)
        self.assertNotIn('"', reply["error_description"])
        self.assertEqual(headers["Cache-Control"], "no-store")
        return reply["error_description"]

    def look(self, token, by=None):
        """What `by` (or an administrator of the host) is told of it."""
        status, reply, headers = self.i.form(
            "/oauth/introspect", {"token": token}, token=by, local=by is None)
        self.assertEqual(status, 200, reply)
        self.assertEqual(headers["Cache-Control"], "no-store")
        return reply

    def forged(self, token):
        """The same, signed by nobody."""
        head, body, sig = token.split(".")
        return f"{head}.{body}.{sig[:10]}{'A' if sig[10] != 'A' else 'B'}{sig[11:]}"

    def retyped(self, token, typ):
        head = {**part(token, 0), "typ": typ}
        raw = json.dumps(head, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=") + \
            token[token.index("."):]

    def rows(self):
        """Everything that is written down."""
        db = sqlite3.connect(f"file:{self.i.data}/mintmark.db?mode=ro", uri=True)
        try:
            return list(db.iterdump())
        finally:
            db.close()


class Public(OAuth):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()

    def test_metadata(self):
        """RFC 8414: what it names is there."""
        status, m, h = self.i.http(
            "GET", "/.well-known/oauth-authorization-server")
        self.assertEqual((status, m["issuer"]), (200, self.i.name))
        self.assertEqual(h["Content-Type"], "application/json")
        self.assertEqual(h["Access-Control-Allow-Origin"], "*")
        self.assertIn("max-age", h["Cache-Control"])
        self.assertEqual(m["response_types_supported"], [])
        self.assertEqual(m["grant_types_supported"], [EXCHANGE])
        for name, url in m.items():
            if not isinstance(url, str) or name == "issuer":
                continue
            self.assertTrue(url.startswith(self.i.name + "/"), name)
            path = urlsplit(url).path
            if name in ("jwks_uri", "status_list_aggregation_endpoint"):
                self.assertEqual(self.i.http("GET", path)[0], 200, name)
                continue
            self.assertEqual(self.i.http("GET", path)[0], 405, name)
            self.assertEqual(self.i.form(path, {}, local=True)[0], 400, name)
        self.assertEqual(self.i.http(
            "GET", "/.well-known/oauth-authorization-server/pat")[0], 404)

    def test_every_list_is_named(self):
        lists = self.i.http("GET", "/s")[1]["status_lists"]
        self.assertGreater(len(lists), 10)
        t = self.i.mint()["token"]
        uri = claims(t)["status"]["status_list"]["uri"]
        self.assertIn(uri, self.i.http("GET", "/s")[1]["status_lists"])
        for u in (uri, lists[0], lists[-1]):
            status, raw, _ = self.i.http("GET", urlsplit(u).path)
            said = claims(raw.decode())
            self.assertEqual((status, said["sub"]), (200, u))
            self.assertEqual(said["status_list"]["aggregation_uri"],
                             self.i.name + "/s")
            self.assertEqual(said["ttl"], 60)
            self.assertGreater(said["exp"], time.time() + 3600)

    def test_there_is_no_list_of_another_time(self):
        """Draft section 8.4: who asks for one must not get today's."""
        path = urlsplit(claims(self.i.mint()["token"])["status"][
            "status_list"]["uri"]).path
        for time_ in (int(time.time()) - 3600, "", "x"):
            status, reply, _ = self.i.http("GET", f"{path}?time={time_}")
            self.assertEqual((status, reply["reason"]),
                             (501, "not_implemented"))

    def test_kept_packed_and_shared(self):
        """ETag and 304, gzip, CORS: what caches and browsers live on."""
        paths = {"/.well-known/jwks.json": "application/jwk-set+json",
                 "/.well-known/oauth-authorization-server": "application/json",
                 "/s": "application/json", "/s/1": "application/statuslist+jwt"}

        def get(path, **headers):
            c = self.i.http("GET", path, headers={
                k.replace("_", "-"): v for k, v in headers.items()})
            return c
        for path, kind in paths.items():
            status, plain, h = get(path)
            self.assertEqual((status, h["Content-Type"]), (200, kind))
            self.assertEqual(h["Vary"], "Accept-Encoding")
            self.assertEqual(h["Access-Control-Allow-Origin"], "*")
            self.assertRegex(h["Cache-Control"], r"^public, max-age=\d+$")
            self.assertRegex(h["ETag"], r'^"[\w-]{22}"$')
            self.assertIsNone(h["Content-Encoding"])
            again = get(path, If_None_Match=h["ETag"])
            self.assertEqual((again[0], again[2]["ETag"]), (304, h["ETag"]))
            self.assertEqual(again[2]["Cache-Control"], h["Cache-Control"])
            self.assertEqual(get(path, If_None_Match='"x", W/' + h["ETag"])[0], 304)
            self.assertEqual(get(path, If_None_Match='"x"')[0], 200)
            self.assertEqual(get(path, Accept_Encoding="gzip;q=0, *")[2]
                             ["Content-Encoding"], None)
            self.assertEqual(self.i.http("HEAD", path)[2]["ETag"], h["ETag"])
        import http.client
        for path in paths:
            c = http.client.HTTPConnection("127.0.0.1", self.i.port)
            c.request("GET", path)
            plain = c.getresponse().read()
            c.request("GET", path, headers={"Accept-Encoding": "br, gzip"})
            r = c.getresponse()
            raw = r.read()
            self.assertEqual(r.getheader("Content-Encoding"), "gzip", path)
            self.assertLess(len(raw), len(plain))
            self.assertEqual(gzip.decompress(raw), plain)
            c.request("GET", path, headers={"Accept-Encoding": "gzip",
                                            "If-None-Match": r.getheader("ETag")})
            self.assertEqual(c.getresponse().read(), b"")
            c.request("GET", "/version")  # the connection goes on
            self.assertEqual(c.getresponse().status, 200)
            c.close()

    def test_a_change_has_another_etag(self):
        t = self.i.mint()
        path = urlsplit(claims(t["token"])["status"]["status_list"]["uri"]).path
        before = self.i.http("GET", path)[2]["ETag"]
        self.i.revoke(t["id"])
        had = {"If-None-Match": before}
        wait_for("another list", lambda: self.i.http(
            "GET", path, headers=had)[0] == 200, 1 * SLOW)
        self.assertNotEqual(self.i.http("GET", path)[2]["ETag"], before)
        keys = self.i.http("GET", "/.well-known/jwks.json")[2]["ETag"]
        cli("key", "rotate", "--now", "--data", self.i.data, check=0)
        self.assertNotEqual(
            self.i.http("GET", "/.well-known/jwks.json")[2]["ETag"], keys)


class Path(OAuth):
    def test_an_issuer_with_a_path(self):
        """RFC 8414 section 3.1: a proxy passes the request on as it is."""
        self.i = self.issuer(issuer="http://127.0.0.1/pat/x")
        known = "/.well-known/oauth-authorization-server"
        for path, want in (("", 200), ("/pat/x", 200), ("/pat", 404),
                           ("/pat/x/y", 404), ("/x", 404)):
            status, m, _ = self.i.http("GET", known + path)
            self.assertEqual(status, want, path)
            if want == 200:
                self.assertEqual(m["token_endpoint"],
                                 "http://127.0.0.1/pat/x/oauth/token")


class Introspect(OAuth):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()

    def test_what_is_said_of_an_active_token(self):
        t = self.i.mint(audience=["files", "mail"], scopes=["node:1:rw", "x"])
        said = self.look(t["token"])
        c = claims(t["token"])
        self.assertEqual(said, {
            "active": True, "scope": "node:1:rw x", "username": "alice",
            "token_type": "Bearer", "sub": "alice", "iss": self.i.name,
            "aud": ["files", "mail"], "exp": c["exp"], "iat": c["iat"],
            "jti": t["id"], "status": c["status"]})
        said = self.look(self.i.mint(auto_refresh=3600)["token"])
        self.assertNotIn("scope", said)
        self.assertNotIn("aud", said)
        self.assertEqual(said["auto_refresh"], 3600)
        self.assertEqual(said["dies_at"], said["iat"] + 3600)
        access, _ = self.child(t["token"], audience="mail")
        said, c = self.look(access), claims(access)
        self.assertEqual((said["active"], said["client_id"], said["jti"],
                          said["aud"], said["exp"]),
                         (True, t["id"], c["jti"], "mail", c["exp"]))
        self.assertNotIn("auto_refresh", said)

    def test_everything_else_is_inactive(self):
        revoked, suspended = self.i.mint(), self.i.mint()
        access, _ = self.child(revoked["token"], audience="f")
        short = self.i.mint(expires_in=1)["token"]
        idle = self.i.mint(auto_refresh=1)["token"]
        self.i.revoke(revoked["id"])
        self.i.admin("POST", f"/v1/tokens/{suspended['id']}/suspend")
        good = self.i.mint()["token"]
        time.sleep(2.1)
        foreign = good.replace(good.split(".")[1], base64.urlsafe_b64encode(
            json.dumps({**claims(good), "iss": "http://evil"}).encode())
            .decode().rstrip("="))
        lst = self.i.http("GET", "/s/1")[1].decode()
        for what, token in {
                "revoked": revoked["token"], "its child": access,
                "suspended": suspended["token"], "expired": short,
                "idle": idle, "forged": self.forged(good), "foreign": foreign,
                "called a child": self.retyped(good, "at+jwt"),
                "a list": lst, "word": "x", "dots": "..", "long": "A" * 5000,
                "a space": good + " "}.items():
            self.assertEqual(self.look(token), {"active": False}, what)
        self.assertTrue(self.look(good)["active"])
        # a hint is passed over
        self.assertTrue(self.i.form("/oauth/introspect", {
            "token": good, "token_type_hint": "refresh_token"},
            local=True)[1]["active"])

    def test_who_may_ask(self):
        alice, bob = self.i.mint("alice")["token"], self.i.mint("bob")["token"]
        agent = self.i.mint("svc", scopes=["mintmark:agent"])["token"]
        admin = self.i.mint("root", scopes=["mintmark:admin"])["token"]
        own = self.i.mint("alice", scopes=["mintmark:self"])["token"]
        little = self.i.mint("alice", scopes=["x"])["token"]
        other = self.i.mint("alice", audience=["files"])["token"]
        access, _ = self.child(agent, audience=self.i.name)
        for by, sees_alice, sees_bob in (
                (agent, True, True), (admin, True, True), (own, True, False),
                (alice, True, False), (bob, False, True)):
            self.assertEqual(self.look(alice, by)["active"], sees_alice)
            self.assertEqual(self.look(bob, by)["active"], sees_bob)
        for by, want in ((little, 403), (other, 401), (access, 401),
                         ("x", 401), (None, 401)):
            status, reply, h = self.i.form("/oauth/introspect", {"token": alice},
                                         token=by)
            self.assertEqual(status, want)
            self.assertTrue(h["WWW-Authenticate"].startswith("Bearer "))
            self.assertNotIn("active", reply)
        self.assertIn('error="insufficient_scope", scope="mintmark:agent"',
                      self.i.form("/oauth/introspect", {"token": alice},
                                token=little)[2]["WWW-Authenticate"])

    def test_it_is_a_use(self):
        """As a verifier's would be: seldom written down, and renewing."""
        t = self.i.mint(auto_refresh=3)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            self.assertTrue(self.look(t["token"])["active"])
            time.sleep(0.5)
        used = self.i.admin("GET", f"/v1/tokens/{t['id']}")["last_used_at"]
        self.assertIsNotNone(used)
        said = self.look(t["token"])
        self.assertGreater(said["dies_at"], said["iat"] + 6)
        # a long window: not again and again
        t = self.i.mint(auto_refresh=640)
        self.look(t["token"])
        wait_for("the use to be written down", lambda: self.i.admin(
            "GET", f"/v1/tokens/{t['id']}")["last_used_at"] is not None, 10 * SLOW)
        before = self.rows()
        for _ in range(5):
            self.look(t["token"])
        self.assertEqual(self.rows(), before)


class Revoke(OAuth):
    def setUp(self):
        super().setUp()
        self.i, self.a = self.both()

    def revoke(self, token, **more):
        return self.i.form("/oauth/revoke", {"token": token, **more})

    def test_it_really_revokes(self):
        t = self.i.mint()
        self.assertIsNone(self.a.reason(t["token"]))
        status, body, _ = self.revoke(t["token"], token_type_hint="unheard_of")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(self.a.reason(t["token"]), "revoked")
        row = self.i.admin("GET", f"/v1/tokens/{t['id']}")
        self.assertEqual((row["status"], row["changed_by"]),
                         ("revoked", f"holder of {t['id']}"))
        self.assertIn(f'"id":"{t["id"]}","user":"alice",'
                      f'"by":"holder of {t["id"]}"', self.i.text())
        self.assertEqual(self.revoke(t["token"])[0], 200)  # again

    def test_suspended_and_restricted_ones_too(self):
        t = self.i.mint(audience=["files"], scopes=["x"])
        self.i.admin("POST", f"/v1/tokens/{t['id']}/suspend")
        self.assertEqual(self.revoke(t["token"])[0], 200)
        self.i.admin("POST", f"/v1/tokens/{t['id']}/reinstate", expect=(409,))
        self.a.wait_reason(t["token"], "revoked")

    def test_what_is_no_token_is_as_good_as_revoked(self):
        good = self.i.mint()
        dead = self.i.mint(expires_in=1)["token"]
        time.sleep(1.1)
        before = self.rows()
        for token in ("x", "..", "A" * 9000, self.forged(good["token"]), dead,
                      self.retyped(good["token"], "at+jwt")):
            status, body, _ = self.revoke(token)
            self.assertEqual((status, body), (200, b""), token[:20])
        self.assertEqual(self.rows(), before)
        self.assertIsNone(self.a.reason(good["token"]))

    def test_also_when_its_key_is_gone(self):
        """An agent's token would open the feed still."""
        agent = self.i.mint("agent", scopes=["mintmark:agent"])
        other = self.i.mint("agent", scopes=["mintmark:agent"])
        cli("key", "compromise", agent["key"], "--yes", "--data", self.i.data,
            check=0)

        def feed():
            return self.i.http("GET", "/v1/feed?after=0",
                               token=agent["token"])[0]

        self.assertEqual(feed(), 200)
        # nothing that was not handed out
        forged = self.forged(agent["token"])
        self.assertEqual(self.revoke(forged)[0], 200)
        self.assertEqual(feed(), 200)
        self.assertEqual(self.revoke(agent["token"])[0], 200)
        self.assertEqual(feed(), 401)
        shown = {t["id"]: t["changed_by"] for t in
                 self.i.admin("GET", "/v1/tokens?user=agent")["tokens"]}
        self.assertEqual(shown[agent["id"]], f"holder of {agent['id']}")
        self.assertEqual(shown[other["id"]], "")

    def test_a_stolen_key_revokes_no_others(self):
        """Who has it can sign any id."""
        thief, mine = stolen_keys(self.i)["active"], self.i.mint()
        cli("key", "compromise", thief.kid, "--yes", "--data", self.i.data,
            check=0)
        good = self.i.mint()
        for forged in (thief.token(good["token"]),
                       thief.token(mine["token"], exp=int(time.time()) + 60),
                       thief.token(mine["token"], sub="bob")):
            self.assertEqual(self.revoke(forged)[0], 200)

        def changed(t):
            return self.i.admin("GET", f"/v1/tokens/{t['id']}")["changed_by"]

        self.assertEqual([changed(t) for t in (good, mine)], ["", ""])
        # what it takes, but for the signature, is the very token
        self.assertEqual(self.revoke(thief.token(mine["token"]))[0], 200)
        self.assertNotEqual(changed(mine), "")

    def test_an_access_token_says_what_to_revoke(self):
        t = self.i.mint()
        access, _ = self.child(t["token"], audience="f")
        said = self.refused(self.revoke(access), "unsupported_token_type")
        self.assertIn(t["id"], said)
        self.assertIsNone(self.a.reason(access, *taken(access)))

    def test_what_is_missing(self):
        self.refused(self.i.form("/oauth/revoke", {}), "invalid_request")
        self.refused(self.revoke(""), "invalid_request")


class Exchange(OAuth):
    def setUp(self):
        super().setUp()
        self.i, self.a = self.both()

    def reason(self, token, *flags):
        return self.a.reason(token, *taken(token), *flags)

    def test_an_access_token(self):
        """RFC 9068, and the same rights for a short time."""
        t = self.i.mint(audience=["files"], scopes=["photos:read"])
        now = int(time.time())
        access, reply = self.child(t["token"])
        self.assertEqual(reply["issued_token_type"], ACCESS)
        self.assertEqual((reply["scope"], reply["expires_in"]),
                         ("photos:read", 600))
        self.assertEqual(set(part(access, 0)), {"alg", "kid", "typ"})
        self.assertEqual(part(access, 0)["typ"], "at+jwt")
        c, p = claims(access), claims(t["token"])
        self.assertEqual(set(c), {"iss", "sub", "aud", "iat", "exp", "jti",
                                  "client_id", "scope", "status"})
        self.assertEqual((c["iss"], c["sub"], c["aud"], c["client_id"], c["status"]),
                         (p["iss"], "alice", "files", t["id"], p["status"]))
        self.assertRegex(c["jti"], rf"^{t['id']}\.[\w-]{{4}}$")
        self.assertAlmostEqual(c["iat"], now, delta=2)
        self.assertEqual(c["exp"], c["iat"] + 600)
        self.assertIsNone(self.reason(access, "--user", "alice", "--need",
                                      "photos:read"))
        self.assertEqual(self.a.reason(access, "--access-tokens", "--audience",
                                       "mail"), "wrong_audience")
        unnamed = cli("verify", "--access-tokens", "-", stdin=access, check=2)
        self.assertIn("needs --audience", unnamed.stderr)
        self.assertEqual(self.reason(access, "--need", "x"), "insufficient_scope")
        code, said = self.a.verify(access, *taken(access))
        self.assertEqual((code, said["access_token"], said["id"]),
                         (0, True, c["jti"]))
        self.assertFalse(self.a.verify(t["token"], *taken(access))[1]["access_token"])
        self.assertEqual(self.a.reason(access), "malformed")  # unless told to
        self.assertEqual(self.reason(self.retyped(access, "JWT")), "bad_signature")
        self.assertNotEqual(claims(self.child(t["token"])[0])["jti"], c["jti"])
        shown = cli("inspect", "-", stdin=access, check=0).stdout
        self.assertIn("access token", shown)

    def test_types(self):
        t = self.i.mint(audience=["f"])["token"]
        for kind in (ACCESS, JWT):
            _, reply = self.child(t, subject_token_type=kind,
                                  requested_token_type=kind)
            self.assertEqual(reply["issued_token_type"], kind)
        bad = "urn:ietf:params:oauth:token-type:saml2"
        for more in ({"subject_token_type": bad}, {"subject_token_type": None},
                     {"requested_token_type": bad}, {"subject_token": None},
                     {"subject_token": ""}, {"grant_type": None},
                     {"actor_token": t, "actor_token_type": JWT},
                     {"actor_token": t}, {"actor_token_type": JWT}):
            self.refused(self.i.exchange(**{"token": t, **more}), "invalid_request")
        self.refused(self.i.exchange(t, grant_type="password"),
                     "unsupported_grant_type")

    def test_the_same_or_narrower_and_never_more(self):
        all_of = self.i.mint()["token"]
        some = self.i.mint(audience=["f", "g"],
                           scopes=["photos:read", "node:1:rw", "node:2:r"])["token"]
        for token, ask, want in (
                (some, {}, ("photos:read node:1:rw node:2:r", ["f", "g"])),
                (some, {"scope": "photos:read"}, ("photos:read", ["f", "g"])),
                (some, {"scope": "node:1:r node:2:r", "audience": "g"},
                 ("node:1:r node:2:r", "g")),
                (some, {"audience": ["g", "f"]},
                 ("photos:read node:1:rw node:2:r", ["g", "f"])),
                (some, {"scope": "node:2:rw"}, "invalid_scope"),
                (some, {"scope": "node:3:r"}, "invalid_scope"),
                (some, {"scope": "photos:write"}, "invalid_scope"),
                (some, {"scope": "photos:read x"}, "invalid_scope"),
                (some, {"scope": "a  b"}, "invalid_scope"),
                (some, {"scope": 'node:"1":r'}, "invalid_scope"),
                (some, {"audience": "h"}, "invalid_target"),
                (some, {"audience": ["f", "h"]}, "invalid_target"),
                (some, {"audience": "f g"}, "invalid_target"),
                (some, {"audience": "f", "resource": "urn:h"}, "invalid_target"),
                (all_of, {}, "invalid_target"),
                (all_of, {"audience": "f"}, (None, "f")),
                (all_of, {"audience": "f", "scope": "x"}, ("x", "f")),
                (all_of, {"audience": "f", "resource": "https://g.org/x"},
                 (None, ["f", "https://g.org/x"])),
                (all_of, {"resource": "/x"}, "invalid_target"),
                (all_of, {"resource": "https://g.org/#x"}, "invalid_target"),
                (all_of, {"audience": "f", "scope": "mintmark:admin"}, "invalid_scope"),
                (all_of, {"audience": "f", "scope": "x mintmark:agent"},
                 "invalid_scope")):
            if isinstance(want, str):
                self.refused(self.i.exchange(token, **ask), want)
                continue
            c = claims(self.child(token, **ask)[0])
            self.assertEqual((c.get("scope"), c["aud"]), want, ask)

    def test_no_longer_than_its_parent(self):
        short = self.i.mint(expires_in=30)["token"]
        access, reply = self.child(short, audience="f")
        self.assertEqual(claims(access)["exp"], claims(short)["exp"])
        self.assertLessEqual(reply["expires_in"], 30)
        slides = self.i.mint(auto_refresh=60)["token"]
        c = claims(self.child(slides, audience="f")[0])
        self.assertLessEqual(c["exp"], c["iat"] + 60)
        self.assertNotIn("auto_refresh", c)

    def test_no_longer_than_its_parents_overlap(self):
        """Nor does an introspection promise more."""
        for grant in ({"expires_in": 3600}, {"auto_refresh": 3600}):
            t = self.i.mint(audience=["f"], **grant)
            before = self.look(t["token"])
            early = self.child(t["token"])[0]
            self.i.admin("POST", f"/v1/tokens/{t['id']}/rotate",
                         {"overlap": 60})
            end = int(time.time()) + 60
            access, reply = self.child(t["token"])
            self.assertLessEqual(claims(access)["exp"], end)
            self.assertGreater(claims(access)["exp"], end - 10 * SLOW)
            self.assertLessEqual(reply["expires_in"], 60)
            for token in (t["token"], early, access):
                said = self.look(token)
                self.assertTrue(said["active"])
                self.assertLessEqual(said["exp"], end)
                self.assertLessEqual(said.get("dies_at", 0), end)
            self.assertEqual("dies_at" in self.look(t["token"]),
                             "dies_at" in before)

    def test_its_own_setting(self):
        self.i.stop()
        self.i.start(flags=["--exchange-life", "2s"])
        t = self.i.mint(audience=["f"])["token"]
        access, reply = self.child(t)
        self.assertEqual(reply["expires_in"], 2)
        self.a.wait_reason(access, None, 20, *taken(access))
        self.a.wait_reason(access, "expired", 5, *taken(access))
        self.assertIsNone(self.a.reason(t))

    def test_A36_it_dies_and_rests_with_its_parent(self):
        t = self.i.mint(audience=["f"])
        children = [self.child(t["token"])[0] for _ in range(3)]
        for change, word in (("suspend", "suspended"), ("reinstate", None)):
            self.i.admin("POST", f"/v1/tokens/{t['id']}/{change}")
            for c in children:  # acknowledged: so there at once
                self.assertEqual(self.reason(c), word)
        self.i.revoke(t["id"])
        for c in children:
            self.assertEqual(self.reason(c), "revoked")
        self.refused(self.i.exchange(t["token"]), "invalid_request")

    def test_nothing_is_written(self):
        """But that they are used, once an hour."""
        fixed = self.i.mint(audience=["f"])["token"]
        slides = self.i.mint(audience=["f"], auto_refresh=3600)["token"]
        for t in (fixed, slides):
            self.child(t)
        # theirs, and that of the agent's token
        wait_for("the uses to be kept", lambda: sum(
            "'mint','" in row for row in self.rows()) == 3)
        before = self.rows()
        for _ in range(20):
            self.child(fixed)
            self.child(slides)  # used a moment ago: no news
        self.assertEqual(self.rows(), before)
        log = self.i.text()
        self.assertEqual(log.count("token.exchange"), 42)
        self.assertNotIn(fixed, log)

    def test_it_is_a_use_of_its_parent(self):
        window = int(4 * max(1, SLOW))
        t = self.i.mint(auto_refresh=window)
        time.sleep(window / 2)
        self.child(t["token"], audience="f")
        self.assertIsNotNone(
            self.i.admin("GET", f"/v1/tokens/{t['id']}")["last_used_at"])
        time.sleep(window * 0.7)
        self.assertIsNone(self.a.reason(t["token"], "--no-use"))

    def test_tokens_that_are_not_exchanged(self):
        """RFC 8693 section 2.2.2: one answer for all of them."""
        good = self.i.mint(audience=["f"])["token"]
        revoked, suspended = self.i.mint(), self.i.mint()
        self.i.revoke(revoked["id"])
        self.i.admin("POST", f"/v1/tokens/{suspended['id']}/suspend")
        expired = self.i.mint(expires_in=1)["token"]
        idle = self.i.mint(auto_refresh=1)["token"]
        access, _ = self.child(good)
        time.sleep(2.1)
        said = {self.refused(self.i.exchange(token, audience="f"), "invalid_request")
                for token in (revoked["token"], suspended["token"], expired, idle,
                              access, self.retyped(access, "JWT"),
                              self.forged(good), "x", "A" * 5000)}
        self.assertEqual(len(said), 1)
        for word in ("revoked", "suspended", "expired", "malformed",
                     "bad_signature"):
            self.assertIn(f'"reason":"{word}"', self.i.text())

    def test_the_mint_itself_takes_no_access_token(self):
        admin = self.i.mint("root", scopes=["mintmark:admin"])["token"]
        access, _ = self.child(admin, audience=self.i.name)
        for _ in range(2):  # also not once its signature is known
            self.assertTrue(self.look(access)["active"])
            self.assertEqual(self.i.http("GET", "/v1/tokens", token=access)[0], 401)
        self.assertEqual(self.i.http("GET", "/v1/tokens", token=admin)[0], 200)


class Hostile(OAuth):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()
        self.t = self.i.mint(audience=["f"])["token"]

    def test_bodies(self):
        token = f"token={self.t}".encode()
        start = f"grant_type={EXCHANGE}&subject_token_type={ACCESS}&".encode()
        for path, good in (("/oauth/token", start + b"subject_" + token),
                           ("/oauth/introspect", token)):
            name = good.rsplit(b"&")[-1].split(b"=")[0]
            self.assertEqual(self.i.form(path, good, local=True)[0], 200)
            for what, raw, headers in (
                    ("nothing", b"", {}), ("bad escape", good + b"&a=%4", {}),
                    ("NUL", good + b"&a=%00", {}), ("line", good + b"&a=%0a", {}),
                    ("UTF-8", good + b"&a=%ff", {}),
                    ("17", good + b"&a" * 17, {}),
                    ("twice", good + b"&" + name + b"=x", {}),
                    ("twice, escaped", good + b"&%" + name[:1].hex().encode()
                     + name[1:] + b"=x", {}),
                    ("JSON", json.dumps({"token": self.t}).encode(),
                     {"Content-Type": "application/json"}),
                    ("JSON as a form", json.dumps({"token": self.t}).encode(), {}),
                    ("another form", good, {"Content-Type": "multipart/form-data"}),
                    ("a longer type", good, {"Content-Type": FORM + "x"})):
                self.refused(self.i.form(path, raw, headers=headers, local=True),
                             "invalid_request")
            self.assertEqual(self.i.form(path, good, local=True, headers={
                "Content-Type": FORM.upper() + "; charset=UTF-8"})[0], 200)
            self.assertEqual(self.i.form(path, good + b"&unheard=of&unheard=of",
                                       local=True)[0], 200)
            with contextlib.suppress(ConnectionError):  # closed while we send
                self.assertEqual(self.i.form(path, b"a=" + b"x" * 20000,
                                           local=True)[0], 413)
            status, _, h = self.i.http("GET", path, local=True)
            self.assertEqual((status, h["Allow"]), (405, "POST"))

    def test_A33_a_token_in_the_url(self):
        for path in ("/oauth/introspect", "/oauth/revoke", "/oauth/token"):
            said = self.refused(
                self.i.form(f"{path}?token={self.t}", {"token": self.t}, local=True),
                "invalid_request")
            self.assertIn("revoke", said)
        self.assertTrue(self.look(self.t)["active"])
        self.assertNotIn(self.t, self.i.text())

    def test_a_store_that_fails(self):
        """RFC 7009 section 2.2.1: 503 means that the token is still good."""
        wait_for("the issuer", self.i.ready)
        db = sqlite3.connect(self.i.data / "mintmark.db", timeout=1,
                             isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")  # somebody else has the file
            status, reply, _ = self.i.form("/oauth/revoke", {"token": self.t})
        finally:
            db.rollback()
            db.close()
        self.assertEqual(status, 503, reply)
        self.assertTrue(self.look(self.t)["active"])
        self.assertEqual(self.i.form("/oauth/revoke", {"token": self.t})[0], 200)
        self.assertFalse(self.look(self.t)["active"])


if __name__ == "__main__":
    main(at_once=3)
