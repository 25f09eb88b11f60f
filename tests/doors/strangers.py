"""strangers.py - what a stranger tries at a proxy: credentials in several
places (A30), headers that speak for the proxy (A31), and guessing why he is
refused (A35).  Mixed into a Rest."""
from flow import verify, wait_for
from key_compromise import Stolen
from web import basic, raw

#: Where a proxy, or what is behind it, may look for the request's target,
#: method and client.
ELSEWHERE = ["X-Original-URI", "X-Original-URL", "X-Rewrite-URL",
             "X-Forwarded-Uri", "X-Forwarded-Path", "X-Forwarded-Prefix",
             "X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "Forwarded"]
LINE = "X-Mintmark-User: root"
ENCODED = "%0d%0aX-Mintmark-User:%20root"


class Strangers:
    # ---- A30 ----

    def test_A30_several_at_once(self):
        """One header counts, and nothing beside it: no better credentials
        elsewhere mend it, no worse ones spoil it."""
        i, _ = self.open()
        good = i.mint("alice")["token"]
        bob = i.mint("bob")["token"]
        for other, query in (([f"Cookie: access_token={bob}; token={bob}"], ""),
                             ([f"Proxy-Authorization: Bearer {bob}"], ""),
                             ([f"X-Authorization: Bearer {bob}"], ""),
                             ([f"Cookie: mintmark_session={bob}"],
                              f"?access_token={bob}&token={bob}")):
            saw = self.arrived(self.get(self.PATH + query, token=good,
                                        headers=other))
            self.assertEqual(saw["x-mintmark-user"], "alice", other)
            for kw in ({"token": "nonsense"}, {"user": "alice", "token": bob},
                       {"headers": ["Authorization: Digest x"]}, {}):
                self.forget()
                kw = {**kw, "headers": [*kw.get("headers", ()), *other]}
                self.refused(self.get(self.PATH + query, **kw), 401)

    def test_A30_several_in_one(self):
        i, _ = self.open()
        good = i.mint("alice")["token"]
        bearer, pair = f"Bearer {good}", basic("alice", good)
        joined = ["{0}, {1}", "{1}, {0}", "{0},{0}", "{0} {1}", "{1} {0}",
                  "{0};{1}", "{0}\r\n {1}", "{0}\r\n\t, {1}", "{0}\n {1}",
                  "{0}\r {1}", "Bearer {0}", "Basic {0}", "{0}\x0b{1}"]
        for text in joined:
            self.forget()
            r = self.lines("GET", f"Authorization: {text.format(bearer, pair)}")
            if r is not None:
                self.refused(r, 400, 401)
            self.assertEqual(self.service.seen, [], text)
        self.assertEqual(self.lines("GET", f"aUTHORIZATION: {bearer}").status,
                         200)

    # ---- A31 ----

    def lines(self, method, *lines, target=None):
        """A request of just these lines: the reply, None if there is none."""
        return raw(self.port, "\r\n".join((
            f"{method} {target or self.PATH} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}", "Connection: close", *lines, "",
            "")))

    def only(self, user):
        """Everything that came through names `user`, and him alone."""
        for saw in self.service.seen:
            self.assertEqual(
                [v for k, v in saw["headers"]
                 if k.lower().replace("_", "-").strip() == "x-mintmark-user"],
                [user], saw)
            self.assertNotIn("root", [v for k, v in saw["headers"]
                                      if "mintmark" in k.lower()])

    def test_A31_where_it_leads(self):
        """What the client says of its target, or its method, is not asked."""
        i, _ = self.open()
        only = i.mint("alice", scopes=self.READ)["token"]
        for name in ELSEWHERE:
            for value in ("/public", "/_mintmark", "/", "http://evil/x",
                          f"/photos/1{ENCODED}", "/photos/1%00",
                          f"/x\t{LINE}", "../../auth"):
                said = [f"{name}: {value}", "X-Original-Method: GET",
                        "X-Forwarded-Method: GET"]
                self.forget()
                self.refused(self.get(self.PATH, headers=said), 400, 401)
                self.refused(self.change(token=only, headers=said), 400, 403)
                r = self.get(self.PATH, token=only, headers=said)
                self.assertIn(r.status, (200, 400), r)
                self.only("alice")
                for saw in self.service.seen:
                    self.assertEqual(saw["path"], self.PATH)

    def test_A31_a_line_in_a_line(self):
        """One header cannot bring another along."""
        i, _ = self.open()
        t = i.mint("alice")["token"]
        mine = f"Authorization: Bearer {t}"
        cut = ["\r\n ", "\r\n\t", "\n", "\n ", "\r", "\r ", "\0\r\n", "\x0b",
               "\x0c", "\x1b", "\x85", "%0d%0a", "\\r\\n", "\u00e5\u0098\u008a"]
        tries = [[f"X-Original-URI: /x{c}{LINE}"] for c in cut]
        tries += [[f"X-A: 1{c}x_mintmark_user: root"] for c in cut]
        tries += [[f"X-Mintmark-User{c}: root"] for c in
                  (" ", "\t", "\0", "\x0b", "\r", ":", "\x80")]
        tries += [[f"{c}X-Mintmark-User: root"] for c in
                  (" ", "\t", "\0", "\r", "\x0b", ":")]
        tries += [["X-A: 1", *said] for said in tries[-6:]]
        self.arrived(self.lines("GET", mine, "X-A: 1"))
        for said in tries:
            self.forget()
            r = self.lines("GET", mine, *said)
            self.assertTrue(r is None or r.status in (200, 400, 401), (said, r))
            self.only("alice")
            self.forget()
            r = self.lines("GET", *said, f"Authorization: Bearer {t}x")
            self.assertEqual(self.service.seen, [], said)

    def test_A31_a_line_in_a_word(self):
        """Nor can the target, or the credentials themselves."""
        i, _ = self.open()
        t = i.mint("alice")["token"]
        mine = f"Authorization: Bearer {t}"
        self.arrived(self.lines("GET", mine))
        for target in (f"/photos/1{ENCODED}", f"/photos/1?a={ENCODED}",
                       "/photos/1%0aX-Mintmark-User:root", "/photos/1?a=%00b"):
            self.forget()
            r = self.lines("GET", mine, target=target)
            self.assertTrue(r is None or r.status in (200, 400, 404), r)
            self.only("alice")
            self.forget()
            self.refused(self.lines("GET", target=target), 400, 401)
        self.forget()
        for said in (basic(f"alice\r\n{LINE}", t), basic(f"alice\n{LINE}", t),
                     basic("alice\0root", t), basic("alice", f"{t}\r\n{LINE}"),
                     f"Bearer {t}%0d%0a{LINE}", f"Bearer {t}\t{LINE}"):
            self.refused(self.lines("GET", f"Authorization: {said}"), 400, 401)

    # ---- A35 ----

    def bad_tokens(self, issuer, state):
        """{reason, or how it was made: a token refused for it}"""
        i = issuer
        gone, rests = i.mint("alice"), i.mint("alice")
        short = i.mint("alice", expires_in=1)["token"]
        idle = i.mint("alice", auto_refresh=1, expires_in=3600)["token"]
        i.revoke(gone["id"])
        i.admin("POST", f"/v1/tokens/{rests['id']}/suspend")
        good = i.mint("alice")["token"]
        head, body, sig = good.split(".")
        bad = {"malformed": "x.y.z", "cut": good[:-1],
               "bad_signature": f"{head}.{body}.{sig[40:80]}{sig[:40]}{sig[80:]}",
               "unknown_key": Stolen.new().token(good),
               "revoked": gone["token"], "suspended": rests["token"],
               "expired": short, "idle": idle,
               "wrong_audience": i.mint("alice", audience=["elsewhere"])["token"],
               "wrong_address": i.mint("alice", cidr=["192.0.2.0/24"])["token"]}

        def reasons():
            return {why: verify(t, "--no-use", "--state", state, "--audience",
                                "photos")[1].get("reason")
                    for why, t in bad.items()}
        wait_for("each to be refused for its reason", lambda: reasons() ==
                 {why: why if why not in ("cut", "wrong_address") else
                  {"cut": "malformed"}.get(why, "wrong_address")
                  for why in bad})
        return bad

    def test_A35_one_answer(self):
        """Whatever is wrong with a token: the same status, headers, body."""
        i, a = self.open()
        bad = self.bad_tokens(i, a.state)
        bobs = i.mint("bob")["token"]
        self.forget()
        replies = {why: self.get(self.PATH, token=t) for why, t in bad.items()}
        pairs = {why: self.get(self.PATH, "alice", t)
                 for why, t in bad.items()}
        pairs["wrong_user"] = self.get(self.PATH, "alice", bobs)
        pairs["nobody"] = self.get(self.PATH, "nobody", bobs)
        for group in (replies, pairs):
            for why, r in group.items():
                self.refused(r, 401)
                self.assertEqual(self.words(r), self.words(group["malformed"]),
                                 why)
        self.assertEqual(self.words(replies["malformed"]),
                         self.words(pairs["malformed"]))
        for why in (*bad, "wrong_user"):
            if why != "cut":
                self.assertIn(f'"reason":"{why}"', a.text())
