#!/usr/bin/env python3
"""The console's sessions: what the cookie is, what it opens, and when it
ends."""
import json
import re
import time

from flow import Flow, main, wait_for
from key_compromise import part, stolen_keys

OURS = {"X-Mintmark-Console": "1"}
NAME = "mintmark_session"


class Sessions(Flow):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()

    # ---- as the page would ----

    def sign_in(self, token, user=None, expect=200, **headers):
        body = {"token": token, **({"user": user} if user is not None else {})}
        status, reply, h = self.i.http("POST", "/console/session", body,
                                       headers={**OURS, **headers})
        self.assertEqual(status, expect, reply)
        return self.cookie(h), reply

    def cookie(self, headers):
        """The cookie's value that an answer sets, or None."""
        lines = headers.get_all("Set-Cookie") or []
        self.assertLessEqual(len(lines), 1)
        return lines[0].split(";")[0].partition("=")[2] if lines else None

    def ask(self, value, path="/v1/me", method="GET", body=None, **more):
        """(status, reply, headers) of a request with the cookie."""
        token = more.pop("token", None)
        return self.i.http(method, path, body, token=token, headers={
            **OURS, "Cookie": f"{NAME}={value}",
            **{k.replace("_", "-"): v for k, v in more.items()}})

    def audit(self, event):
        """The lines of that event, the oldest first."""
        _, raw, _ = self.i.http("GET", "/v1/audit?after=0&limit=1000", local=True)
        lines = raw.decode().splitlines() if isinstance(raw, bytes) else raw
        return [a for a in map(json.loads, lines) if a["event"] == event]

    def status(self, *args, **kw):
        return self.ask(*args, **kw)[0]

    def admin_token(self, **grant):
        return self.i.mint("root", scopes=["mintmark:admin"], **grant)

    def forged(self, value, typ="at+jwt", **changes):
        """The same as our own key would have signed it, with changes."""
        claims = {**part(value, 1), **changes}
        return stolen_keys(self.i)["active"].sign(
            typ, {k: v for k, v in claims.items() if v is not None})


class Cookie(Sessions):
    def test_what_is_set(self):
        t = self.admin_token(label="console")
        status, me, h = self.i.http("POST", "/console/session",
                                    {"token": t["token"], "user": "root"},
                                    headers=OURS)
        self.assertEqual((status, h["Cache-Control"]), (200, "no-store"))
        self.assertRegex(h["Set-Cookie"],
                         rf"^{NAME}=[\w.-]+; Max-Age=1800; Path=/; HttpOnly; "
                         r"SameSite=Strict$")
        value = self.cookie(h)
        c = part(value, 1)
        self.assertEqual(part(value, 0)["typ"], "at+jwt")
        self.assertEqual(c["aud"], self.i.name + "/console")
        self.assertEqual((c["client_id"], c["status"]),
                         (t["id"], part(t["token"], 1)["status"]))
        self.assertEqual((c["scope"], c["sub"]), ("mintmark:admin", "root"))
        self.assertEqual((c["exp"] - c["iat"], c["auth_time"]), (1800, c["iat"]))
        self.assertEqual(self.ask(value)[1], me)
        time.sleep(1.1)
        self.assertIsNone(self.cookie(self.ask(value)[2]), "renewed too early")
        self.assertNotIn(t["token"], self.i.text())
        self.assertNotIn(value, self.i.text())

    def test_me(self):
        t = self.admin_token(label="console")
        _, me = self.sign_in(t["token"])
        self.assertEqual((me["user"], me["id"], me["admin"], me["self"]),
                         ("root", t["id"], True, False))
        self.assertEqual((me["label"], me["scopes"], me["expires_at"]),
                         ("console", ["mintmark:admin"], t["expires_at"]))
        self.assertEqual(me["issuer"], self.i.name)
        self.assertEqual(me["limits"]["max_life"], 366 * 86400)
        self.assertRegex(me["session"]["expires_at"], r"Z$")
        bearer = self.i.http("GET", "/v1/me", token=t["token"])[1]
        self.assertEqual(bearer, {**me, "session": None})
        local = self.i.admin("GET", "/v1/me")
        self.assertEqual((local["user"], local["id"], local["admin"],
                          local["session"]), (None, None, True, None))

    def test_over_https(self):
        i = self.issuer(start=False, issuer="https://pat.example.org")
        i.data = self.folder / "https"
        self.i = i.start()
        _, _, h = i.http("POST", "/console/session",
                         {"token": self.admin_token()["token"]},
                         headers={**OURS, "Origin": "https://pat.example.org"})
        self.assertRegex(h["Set-Cookie"],
                         rf"^__Host-{NAME}=[\w.-]+; Max-Age=1800; Path=/; "
                         r"HttpOnly; SameSite=Strict; Secure$")
        value = self.cookie(h)
        self.assertEqual(self.status(value), 401, "the other name is nobody's")
        ask = {**OURS, "Cookie": f"a=1; __Host-{NAME}={value}; b"}
        self.assertEqual(i.http("GET", "/v1/me", headers=ask)[0], 200)
        for origin, want in (("https://pat.example.org", 200),
                             ("http://pat.example.org", 403),
                             (f"http://127.0.0.1:{i.port}", 403),
                             (f"https://127.0.0.1:{i.port}", 200)):
            self.assertEqual(i.http("GET", "/v1/me", headers={
                **ask, "Origin": origin})[0], want, origin)

    def test_A30_one_cookie(self):
        value, _ = self.sign_in(self.admin_token()["token"])
        for header, want in ((f"{NAME}={value}", 200), (f" x=y ;{NAME}={value} ", 200),
                             (f"{NAME}={value}; {NAME}={value}", 401),
                             (f"{NAME}=; {NAME}={value}", 401),
                             (f"{NAME}=", 401), (f"{NAME}", 401), ("", 401),
                             (f"x{NAME}={value}", 401), (f"{NAME}x={value}", 401),
                             (f"{NAME}={value}x", 401), (f"{NAME}={value[:-1]}", 401)):
            status = self.i.http("GET", "/v1/me",
                                 headers={**OURS, "Cookie": header})[0]
            self.assertEqual(status, want, header.replace(value, "..."))


class SignIn(Sessions):
    def test_who_is_refused(self):
        admin = self.admin_token()
        revoked = self.admin_token()
        self.i.revoke(revoked["id"])
        head, body, sig = admin["token"].split(".")
        access = self.i.exchange(admin["token"], audience=self.i.name)[1]
        for what, token, user, want in (
                ("another user", admin["token"], "alice", 401),
                ("revoked", revoked["token"], None, 401),
                ("forged", f"{head}.{body}.{sig[40:80]}{sig[:40]}{sig[80:]}", None, 401),
                ("no token", "x", None, 401),
                ("an access token", access["access_token"], None, 401),
                ("for others", self.i.mint(audience=["files"])["token"], None, 401),
                ("an agent's", self.i.mint(scopes=["mintmark:agent"])["token"],
                 None, 403),
                ("too little", self.i.mint(scopes=["photos:read"])["token"],
                 None, 403)):
            with self.subTest(what):
                value, reply = self.sign_in(token, user, want)
                self.assertIsNone(value)
                if want == 401:
                    self.assertEqual(reply["detail"], "the token is not valid here")
        for body in ({}, {"token": ""}, {"token": "x", "more": 1}, {"token": 1},
                     {"token": "x" * 5000}):
            self.assertEqual(self.i.http("POST", "/console/session", body,
                                         headers=OURS)[0], 400, body)
        lines = self.audit("console.refused")
        # of the three that are nobody's the first, or one a minute
        self.assertIn(len(lines), (6, 7))
        for i, (t, user) in enumerate(((admin, "root"), (revoked, "root"))):
            self.assertEqual(lines[i]["by"], f"{user} (token {t['id']})")
            self.assertEqual(lines[i]["detail"],
                             "POST /console/session: unauthenticated")
            self.assertEqual(lines[i]["address"], "127.0.0.1")
        self.assertNotIn("by", lines[2])
        self.assertIn("insufficient_scope", lines[-1]["detail"])
        log = self.i.text()
        for reason in ("wrong_user", "revoked", "bad_signature", "malformed",
                       "wrong_audience", "insufficient_scope"):
            self.assertRegex(log, rf'"console.refused".*"reason":"{reason}"')

    def test_counts_as_a_use(self):
        t = self.i.mint("alice", auto_refresh=12)
        time.sleep(3.5)  # what is no news is not written down
        self.sign_in(t["token"])
        self.assertIsNotNone(
            self.i.admin("GET", f"/v1/tokens/{t['id']}")["last_used_at"])


class Csrf(Sessions):
    """Other sites' pages, and what they can make a browser send."""

    FOREIGN = ({"X-Mintmark-Console": ""}, {"X-Mintmark-Console": "0"},
               {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
               {"Sec-Fetch-Site": "none"}, {"Origin": "null"},
               {"Origin": "http://evil.example"}, {"Origin": ""},
               {"Origin": "https://127.0.0.1"}, {"Origin": "http://127.0.0.1"})

    def test_A33_asking_with_the_cookie(self):
        t = self.admin_token()
        value, _ = self.sign_in(t["token"])
        bare = {"Cookie": f"{NAME}={value}"}
        victim = self.i.mint()["id"]
        for method, path in (("GET", "/v1/me"), ("DELETE", f"/v1/tokens/{victim}"),
                             ("POST", "/v1/keys/reload"),
                             ("DELETE", "/console/session")):
            for headers in ({}, *({**OURS, **h} for h in self.FOREIGN)):
                status, reply, h = self.i.http(method, path,
                                               headers={**bare, **headers})
                self.assertEqual((status, reply["reason"]), (403, "forbidden"),
                                 (path, headers))
                self.assertIsNone(self.cookie(h))
        self.assertEqual(self.status(value, f"/v1/tokens/{victim}"), 200)
        own = f"http://127.0.0.1:{self.i.port}"
        for headers in ({}, {"Sec_Fetch_Site": "same-origin"}, {"Origin": own},
                        {"Origin": "http://x.example", "Host": "x.example"}):
            self.assertEqual(self.status(value, **headers), 200, headers)

    def test_A33_signing_somebody_in(self):
        """As the attacker, so that the victim makes tokens for him."""
        body = {"token": self.admin_token()["token"]}
        for headers in ({}, *({**OURS, **h} for h in self.FOREIGN)):
            status, _, h = self.i.http("POST", "/console/session", body,
                                       headers=headers)
            self.assertEqual((status, self.cookie(h)), (403, None), headers)
        self.assertIn('"console.refused"', self.i.text())
        self.assertIn(len(self.audit("console.refused")), (1, 2))


class Opens(Sessions):
    def test_the_api_and_nothing_else(self):
        value, _ = self.sign_in(self.i.mint("root", scopes=[
            "mintmark:admin", "mintmark:agent"])["token"])
        for path in ("/v1/tokens", "/v1/users", "/v1/keys", "/v1/me"):
            self.assertEqual(self.status(value, path), 200, path)
        for method, path, body in (("GET", "/v1/feed?after=0", None),
                                   ("GET", "/v1/snapshot", None),
                                   ("POST", "/v1/uses", {"uses": []}),
                                   ("POST", "/oauth/introspect", b"token=x")):
            self.assertEqual(self.status(value, path, method, body), 401, path)

    def test_A30_not_as_bearer(self):
        value, _ = self.sign_in(self.admin_token()["token"])
        self.assertEqual(self.i.http("GET", "/v1/me", token=value,
                                     headers=OURS)[0], 401)
        a = self.agent(self.i)
        self.assertEqual(a.reason(value), "malformed")
        self.assertEqual(a.reason(value, "--access-tokens", "--audience", "files"),
                         "wrong_audience")

    def test_A30_authorization_wins(self):
        value, _ = self.sign_in(self.admin_token()["token"])
        alice = self.i.mint("alice")["token"]
        self.assertEqual(self.ask(value, token=alice)[1]["user"], "alice")
        self.assertEqual(self.status(value, "/v1/users", token=alice), 403)
        for other in ("Basic eDp5", "Bearer x", "", "x"):
            self.assertEqual(self.status(value, Authorization=other), 401, other)

    def test_one_sees_his_own(self):
        mine, other = self.i.mint("alice"), self.i.mint("bob")
        value, me = self.sign_in(mine["token"], "alice")
        self.assertEqual((me["admin"], me["self"], me["scopes"]),
                         (False, True, None))
        self.assertEqual(part(value, 1)["scope"], "mintmark:self")
        self.assertEqual([t["id"] for t in self.ask(value, "/v1/tokens")[1]
                          ["tokens"]], [mine["id"]])
        self.assertEqual(self.status(value, "/v1/users"), 403)
        self.assertEqual(self.status(value, f"/v1/tokens/{other['id']}"), 404)
        self.assertEqual(self.status(value, "/v1/tokens?user=bob"), 403)
        self.assertEqual(self.status(value, "/v1/tokens", "POST", {
            "user": "bob", "expires_in": 60}), 403)
        self.assertEqual(self.status(value, "/v1/tokens", "POST", {
            "user": "alice", "expires_in": 60, "scopes": ["mintmark:admin"]}), 403)
        status, made, _ = self.ask(value, "/v1/tokens", "POST", {
            "user": "alice", "expires_in": 60})
        self.assertEqual((status, made["created_by"]),
                         (201, f"alice (token {mine['id']})"))

    def test_what_is_no_session(self):
        """Signed by us, and yet not from a sign-in."""
        t = self.admin_token()
        value, _ = self.sign_in(t["token"])
        self.assertEqual(self.status(self.forged(value)), 200)
        audience = self.i.name + "/console"
        exchanged = self.i.exchange(t["token"], audience=audience)[1]
        for what, other in (
                ("a PAT", t["token"]),
                ("a PAT that says as much", self.forged(
                    value, typ="JWT", jti=t["id"], client_id=None)),
                ("exchanged", exchanged["access_token"]),
                ("without a sign-in", self.forged(value, auth_time=None)),
                ("before the sign-in", self.forged(
                    value, auth_time=part(value, 1)["iat"] + 1)),
                ("of another service", self.forged(value, aud="files")),
                ("of another kind", self.forged(value, typ="JWT")),
                ("of another issuer", self.forged(value, iss="http://x"))):
            self.assertEqual(self.status(other), 401, what)


class Ends(Sessions):
    def setUp(self):
        Flow.setUp(self)
        self.i = self.issuer(flags=("--console-life", "4s"))

    def test_with_its_parent_at_once(self):
        for end in (lambda t: self.i.revoke(t["id"]),
                    lambda t: self.i.admin("POST", f"/v1/tokens/{t['id']}/suspend"),
                    lambda t: self.i.admin("DELETE", "/v1/users/root/tokens")):
            t = self.admin_token()
            value, _ = self.sign_in(t["token"])
            self.assertEqual(self.status(value), 200)
            end(t)
            self.assertEqual(self.status(value), 401)

    def test_its_parent_rotates(self):
        """Itself, from the console: it is not let in once more, as a dead
        token with the same key is."""
        t = self.admin_token()
        value, _ = self.sign_in(t["token"])
        rotate = ("/v1/tokens/self/rotate", "POST", {})
        self.assertEqual(self.status(value, *rotate, Idempotency_Key="k1"), 201)
        self.assertEqual(self.status(value, *rotate, Idempotency_Key="k1"), 401)
        self.assertEqual(self.status(value), 401)

    def test_unused(self):
        value, _ = self.sign_in(self.admin_token()["token"])
        time.sleep(4.2)
        self.assertEqual(self.status(value), 401)

    def test_renewed_in_use(self):
        t = self.admin_token()
        first, _ = self.sign_in(t["token"])
        value, until = first, time.time() + 6
        while time.time() < until:  # past the first one's end
            status, me, h = self.ask(value)
            self.assertEqual(status, 200)
            value = self.cookie(h) or value
            time.sleep(0.2)
        self.assertNotEqual(value, first)
        self.assertEqual(part(value, 1)["auth_time"], part(first, 1)["auth_time"])
        self.assertEqual(part(value, 1)["client_id"], t["id"])
        self.assertEqual(self.status(first), 401)
        self.i.revoke(t["id"])
        self.assertEqual(self.status(value), 401)

    def test_never_past_its_parent(self):
        t = self.i.mint("alice", expires_in=3)
        value, me = self.sign_in(t["token"])
        self.assertEqual(me["session"]["expires_at"], t["expires_at"])
        time.sleep(2)
        self.assertIsNone(self.cookie(self.ask(value)[2]), "nothing to be won")
        wait_for("its end", lambda: self.status(value) == 401, 3)

    def test_never_past_twelve_hours(self):
        """Signed in long ago, as our own key says."""
        value, _ = self.sign_in(self.admin_token()["token"])
        now = int(time.time())
        old = self.forged(value, iat=now - 3, exp=now + 1000,
                          auth_time=now - 12 * 3600 - 1)
        self.assertEqual(self.status(old), 401)
        last = self.forged(value, iat=now - 3600, exp=now + 2,
                           auth_time=now - 12 * 3600 + 3)
        status, me, h = self.ask(last)
        self.assertEqual(status, 200)
        self.assertEqual(part(self.cookie(h), 1)["exp"], now + 3)

    def test_a_browser_that_sends_much(self):
        """Cookies of its neighbours, say.  Where the session's has no room in
        the answer, a sign-in says so, and a request goes on with the old."""
        t = self.admin_token()
        value, _ = self.sign_in(t["token"])
        signed, asked = [], []
        for n in range(0, 5600, 100):
            pad = {"X-Pad": "x" * n}
            status, reply, h = self.i.http("POST", "/console/session", {
                "token": t["token"]}, headers={**OURS, **pad})
            signed.append((status, self.cookie(h) is not None))
            if status == 400:
                self.assertIn("no room", reply["detail"])
        for n in range(0, 4300, 50):
            now = int(time.time())
            due = self.forged(value, auth_time=now - 100, iat=now - 100,
                              exp=now + 2)
            status, _, h = self.ask(due, X_Pad="x" * n)
            asked.append((status, self.cookie(h) is not None))
        self.assertEqual(list(dict.fromkeys(signed)),
                         [(200, True), (400, False), (431, False)])
        self.assertEqual(list(dict.fromkeys(asked)),
                         [(200, True), (200, False), (431, False)])
        self.assertEqual(signed[30], (200, True), "3 kB are not much")
        self.assertEqual(asked[40], (200, True), "2 kB are not much")

    def test_signing_out(self):
        t = self.admin_token()
        value, _ = self.sign_in(t["token"])
        time.sleep(2.5)  # a new cookie would be due
        status, body, h = self.ask(value, "/console/session", "DELETE")
        self.assertEqual((status, body), (204, b""))
        self.assertRegex(h["Set-Cookie"], rf"^{NAME}=; Max-Age=0; Path=/; "
                         r"HttpOnly; SameSite=Strict$")
        self.assertEqual(len(h.get_all("Set-Cookie")), 1)
        status, _, h = self.i.http("DELETE", "/console/session", headers=OURS)
        self.assertEqual((status, self.cookie(h)), (204, ""))
        self.assertEqual(self.i.http("GET", "/v1/me", token=t["token"])[0], 200)
        for event in ("console.sign_in", "console.sign_out"):
            self.assertEqual(len(re.findall(
                rf'"event":"{event}".*"id":"{t["id"]}"', self.i.text())), 1, event)
            line, = self.audit(event)
            self.assertEqual((line["id"], line["user"], line["by"]),
                             (t["id"], "root", f"root (token {t['id']})"))


if __name__ == "__main__":
    main(at_once=3)
