#!/usr/bin/env python3
"""Step 6, rotate: a token in place of another, once however often it is asked
for, also by the token itself, and also when the answer is lost."""
import base64
import contextlib
import json
import socket
import sqlite3
import threading

from flow import Flow, cli, main, wait_for

GRANT = {"user": "alice", "expires_in": 3600, "scopes": ["photos:read"]}


def parts(token):
    return [base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))
            for p in token.split(".")]


def claims(token):
    return json.loads(parts(token)[1])


OF_A_PROXY = (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n"
              b"Connection: close\r\n\r\n502\n")


class Lossy(threading.Thread):
    """Stands in front of the mint and hands requests on; the answers to the
    first `lose` of them are read whole, and thrown away."""

    def __init__(self, issuer, lose=1, meanwhile=lambda: None, instead=b""):
        super().__init__(daemon=True)
        self.issuer, self.lose, self.meanwhile = issuer, lose, meanwhile
        self.instead = instead
        self.seen = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                with self.door.accept()[0] as client:
                    self.one(client)

    def one(self, client):
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += client.recv(65536)
        head, _, body = asked.partition(b"\r\n\r\n")
        lines = [l.split(": ", 1) for l in head.decode().split("\r\n")[1:]]
        headers = {k.lower(): v for k, v in lines}
        while len(body) < int(headers.get("content-length", 0)):
            body += client.recv(65536)
        self.seen.append((head, body, headers.get("idempotency-key")))
        head = head.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n")
        with socket.create_connection(("127.0.0.1", self.issuer.port)) as up:
            up.sendall(head + b"\r\n\r\n" + body)
            answer = b""
            while more := up.recv(65536):
                answer += more
        if len(self.seen) <= self.lose:
            self.meanwhile()
            client.sendall(self.instead)
            return
        client.sendall(answer)

    def close(self):
        # wakes accept(), as close() alone does not
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        self.join()


class Rotate(Flow):
    def ask(self, i, path, body=None, key=None, token=None):
        """(status, reply); over admin.sock without a token."""
        headers = {"Idempotency-Key": key} if key else {}
        return i.http("POST", path, body, token=token, local=token is None,
                      headers=headers)[:2]

    def assert_same(self, a, b):
        """One token twice: the same claims, signed by the same key."""
        self.assertEqual(parts(a["token"])[:2], parts(b["token"])[:2])
        ours = [{k: v for k, v in x.items() if k != "token"} for x in (a, b)]
        self.assertEqual(*ours)

    def count(self, i):
        return len(i.admin("GET", "/v1/tokens?status=all")["tokens"])

    # ---- once, however often

    def test_the_same_key_gives_the_same_token(self):
        i, a = self.both()
        old = i.mint(**GRANT)
        rotate = f"/v1/tokens/{old['id']}/rotate"
        for path, body, key in (("/v1/tokens", GRANT, "K-1"),
                                (rotate, {"overlap": 60}, '"K-2"')):
            before = self.count(i)
            status, first = self.ask(i, path, body, key)
            self.assertEqual(status, 201, first)
            for _ in range(2):
                status, again = self.ask(i, path, body, key)
                self.assertEqual(status, 201, again)
                self.assert_same(first, again)
            self.assertEqual(self.count(i), before + 1)
            for t in (first, again):
                self.assertIsNone(a.reason(t["token"]))
            # and they die together
            i.revoke(first["id"])
            for t in (first, again):
                a.wait_reason(t["token"], "revoked")
            status, later = self.ask(i, path, body, key)
            self.assertEqual((status, later["id"], later["status"]),
                             (201, first["id"], "revoked"))
        # without a key, each is another
        self.assertNotEqual(*[self.ask(i, "/v1/tokens", GRANT)[1]["id"]
                              for _ in range(2)])

    def test_a_key_is_for_one_caller_and_one_request(self):
        i = self.issuer()
        mine = [i.mint("alice", scopes=["mintmark:self"])["token"]
                for _ in range(2)]
        old = [i.mint(**GRANT)["id"] for _ in range(2)]
        first = self.ask(i, "/v1/tokens", GRANT, "K", mine[0])[1]["id"]
        # other callers have other keys, whatever they are called
        others = [self.ask(i, "/v1/tokens", GRANT, "K", t)[1]["id"]
                  for t in (mine[1], None)]
        self.assertEqual(len({first, *others}), 3)
        for path, body in (("/v1/tokens", {**GRANT, "expires_in": 3601}),
                           ("/v1/tokens", {**GRANT, "label": ""}),
                           (f"/v1/tokens/{old[0]}/rotate", {}),
                           (f"/v1/tokens/{old[0]}/rotate", None)):
            status, reply = self.ask(i, path, body, "K", mine[0])
            self.assertEqual((status, reply["reason"]), (422, "key_reused"))
        self.assertEqual(
            self.ask(i, f"/v1/tokens/{old[0]}/rotate", {}, "L", mine[0])[0], 201)
        self.assertEqual(
            self.ask(i, f"/v1/tokens/{old[1]}/rotate", {}, "L", mine[0])[0], 422)
        self.assertEqual(self.ask(i, "/v1/tokens", GRANT, "K", mine[0])[1]["id"],
                         first)

    def test_keys_that_are_none(self):
        i = self.issuer()
        before = self.count(i)
        for bad in ("a b", "k" * 256, "\u00e9", "a\tb"):
            status, reply, _ = i.http(
                "POST", "/v1/tokens", GRANT, local=True,
                headers={"Idempotency-Key": bad.encode()})
            self.assertEqual((status, reply["field"]),
                             (400, "Idempotency-Key"), bad)
        body = json.dumps(GRANT).encode()
        with socket.create_connection(("127.0.0.1", i.port)) as s:
            s.sendall(b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\n"
                      b"Idempotency-Key: a\r\nidempotency-key: a\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self.assertIn(b" 400 ", s.recv(4096))
        self.assertEqual(self.count(i), before)
        for good in ("k" * 255, '"quoted"', "~"):
            self.assertEqual(self.ask(i, "/v1/tokens", GRANT, good)[0], 201)

    def test_what_failed_may_be_asked_again(self):
        i = self.issuer()
        self.assertEqual(self.ask(i, "/v1/tokens", {"user": ""}, "K")[0], 400)
        self.assertEqual(self.ask(i, "/v1/tokens", GRANT, "K")[0], 201)

    def test_many_at_once(self):
        i = self.issuer()
        old = i.mint(**GRANT)["id"]
        for path, body in (("/v1/tokens", GRANT),
                           (f"/v1/tokens/{old}/rotate", {})):
            before, answers = self.count(i), []
            threads = [threading.Thread(target=lambda: answers.append(
                self.ask(i, path, body, "K" + path[-3:]))) for _ in range(12)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual([s for s, _ in answers], [201] * 12)
            self.assertEqual(len({r["id"] for _, r in answers}), 1)
            for _, r in answers:
                self.assert_same(answers[0][1], r)
            self.assertEqual(self.count(i), before + 1)

    def test_also_after_a_crash(self):
        i = self.issuer()
        old = i.mint(**GRANT)["id"]
        path = f"/v1/tokens/{old}/rotate"
        first = self.ask(i, path, {}, "K")[1]
        i.kill9()
        i.start()
        self.assert_same(first, self.ask(i, path, {}, "K")[1])

    def test_as_long_as_its_key_is_there(self):
        i = self.issuer()
        first = self.ask(i, "/v1/tokens", GRANT, "K")[1]
        cli("key", "rotate", "--now", "--data", i.data, check=0)
        # it signs nothing new now, and this is nothing new
        self.assertNotEqual(i.mint()["key"], first["key"])
        self.assert_same(first, self.ask(i, "/v1/tokens", GRANT, "K")[1])
        cli("key", "compromise", first["key"], "--yes", "--data", i.data,
            check=0)
        status, reply = self.ask(i, "/v1/tokens", GRANT, "K")
        self.assertEqual((status, reply["reason"]), (409, "conflict"))
        self.assertIn(first["id"], reply["detail"])

    def test_keys_are_kept_nowhere(self):
        i = self.issuer()
        key = "a-key-that-nobody-should-find"
        token = self.ask(i, "/v1/tokens", GRANT, key)[1]["token"]
        self.ask(i, "/v1/tokens", GRANT, key)
        self.ask(i, "/v1/tokens", {}, key)
        i.stop()
        kept = i.text().encode() + b"".join(
            f.read_bytes() for f in i.data.glob("mintmark.db*"))
        self.assertNotIn(key.encode(), kept)
        self.assertNotIn(token.split(".")[2].encode(), kept)

    # ---- itself

    def test_a_token_rotates_itself(self):
        i, a = self.both()
        grants = [{"scopes": ["mintmark:self", "photos:read"]},
                  {"audience": ["files", i.name], "auto_refresh": 600},
                  {"scopes": ["mintmark:admin"]}]
        for grant in grants:
            t = i.mint("alice", label="own", expires_in=3600, **grant)
            shown = i.http("GET", "/v1/tokens/self", token=t["token"])[1]
            self.assertEqual(shown["id"], t["id"])
            status, new = self.ask(i, "/v1/tokens/self/rotate", {"overlap": 60},
                                   token=t["token"])
            self.assertEqual(status, 201, new)
            for same in ("user", "label", "scopes", "audience",
                         "auto_refresh", "model"):
                self.assertEqual(new[same], t[same], same)
            old, now = claims(t["token"]), claims(new["token"])
            self.assertEqual(now["exp"] - now["iat"], old["exp"] - old["iat"])
            for claim in ("sub", "scope", "aud", "auto_refresh"):
                self.assertEqual(now.get(claim), old.get(claim))
            # once: in its overlap it cannot do it again, by either name
            for name in ("self", t["id"]):
                status, reply = self.ask(i, f"/v1/tokens/{name}/rotate", {},
                                         token=t["token"])
                self.assertEqual(status, 409, reply)
            self.assertIsNone(a.reason(t["token"]))
            self.assertEqual(i.http("DELETE", "/v1/tokens/self",
                                    token=new["token"])[1]["id"], new["id"])
            a.wait_reason(new["token"], "revoked")

    def test_a_new_token_was_never_used(self):
        i = self.issuer()
        t = i.mint("alice")
        with contextlib.closing(sqlite3.connect(i.data / "mintmark.db")) as db:
            db.execute("UPDATE token SET seen_at = iat, seen_door = 'photos',"
                       " seen_from = '192.0.2.7', warned = 60")
            db.commit()
        last = ("last_used_at", "last_used_door", "last_used_from")
        old = i.admin("GET", f"/v1/tokens/{t['id']}")
        self.assertEqual([old[k] is None for k in last], [False] * 3)
        new = i.admin("POST", f"/v1/tokens/{t['id']}/rotate", {})
        shown = i.admin("GET", f"/v1/tokens/{new['id']}")
        for answer in new, shown:
            self.assertEqual([answer[k] for k in last], [None] * 3)

    def test_who_may_not(self):
        i = self.issuer()
        for grant in ({"scopes": ["photos:read"]},
                      {"scopes": ["mintmark:agent"]},
                      {"scopes": ["mintmark:selfish"]}):
            t = i.mint("alice", **grant)["token"]
            status, reply, h = i.http("POST", "/v1/tokens/self/rotate", {},
                                      token=t)
            self.assertEqual((status, reply["reason"]),
                             (403, "insufficient_scope"))
            self.assertIn('scope="mintmark:self"', h["WWW-Authenticate"])
        both = i.mint("alice", scopes=["mintmark:agent", "mintmark:self"])
        self.assertEqual(self.ask(i, "/v1/tokens/self/rotate", {},
                                  token=both["token"])[0], 403)
        status, reply = self.ask(i, "/v1/tokens/self/rotate", {})
        self.assertEqual((status, reply["field"]), (400, "id"))

    def test_a_lost_answer_does_not_lock_out(self):
        """The token has died by its own rotation: it gets what it asked for,
        and is a stranger for all else."""
        i, a = self.both()
        for overlap, path in (({}, "self"), ({"overlap": 1}, "id")):
            t = i.mint("alice", scopes=["mintmark:self"], expires_in=3600)
            path = f"/v1/tokens/{t['id'] if path == 'id' else path}/rotate"
            status, new = self.ask(i, path, overlap, "K", t["token"])
            self.assertEqual(status, 201, new)
            a.wait_reason(t["token"], "revoked")
            status, again = self.ask(i, path, overlap, "K", t["token"])
            self.assertEqual(status, 201, again)
            self.assert_same(new, again)
            before = self.count(i)
            other = i.mint("alice")["id"]
            for method, p, body, key in (
                    ("POST", path, overlap, None), ("POST", path, overlap, "L"),
                    ("POST", path, {"overlap": 9}, "K"),
                    ("POST", f"/v1/tokens/{other}/rotate", {}, "K"),
                    ("POST", f"/v1/tokens/{new['id']}/rotate", {}, "K"),
                    ("POST", "/v1/tokens/99.99/rotate", {}, "K"),
                    ("POST", path, b"{", "K"), ("POST", path, overlap, "a b"),
                    ("GET", "/v1/tokens/self", None, "K"),
                    ("DELETE", "/v1/tokens/self", None, "K"),
                    ("POST", "/v1/tokens", GRANT, "K")):
                status, reply, h = i.http(
                    method, p, body, token=t["token"],
                    headers={"Idempotency-Key": key} if key else {})
                self.assertEqual((status, reply["detail"]), (
                    401, "the token is not valid here"), (p, body, key))
                self.assertIn("invalid_token", h["WWW-Authenticate"])
            self.assertEqual(self.count(i), before + 1)

    def test_A36_the_revoked_get_nothing(self):
        """Not by its rotation did it die, but by somebody."""
        i, a = self.both()
        t = i.mint("alice", scopes=["mintmark:self"], expires_in=3600)
        self.assertEqual(self.ask(i, "/v1/tokens/self/rotate",
                                  {"overlap": 60}, "K", t["token"])[0], 201)
        i.revoke(t["id"])
        a.wait_reason(t["token"], "revoked")
        self.assertEqual(self.ask(i, "/v1/tokens/self/rotate",
                                  {"overlap": 60}, "K", t["token"])[0], 401)

    def test_A36_nor_do_those_that_a_finder_revoked(self):
        """He had the token, and so is not told from its user; he does not
        get the next one for it."""
        i, a = self.both()
        t = i.mint("alice", scopes=["mintmark:self"], expires_in=3600)
        self.assertEqual(self.ask(i, "/v1/tokens/self/rotate",
                                  {"overlap": 60}, "K", t["token"])[0], 201)
        self.assertEqual(i.form("/oauth/revoke", {"token": t["token"]})[0], 200)
        shown = i.admin("GET", f"/v1/tokens/{t['id']}")
        self.assertEqual((shown["status"], shown["changed_by"]),
                         ("revoked", f"holder of {t['id']}"))
        self.assertEqual(self.ask(i, "/v1/tokens/self/rotate",
                                  {"overlap": 60}, "K", t["token"])[0], 401)

    def test_that_it_is_being_replaced_is_shown(self):
        i = self.issuer()
        t = i.mint(**GRANT)
        self.assertFalse(t["replaced"])
        env = {"MINTMARK_SOCKET": str(i.socket)}
        self.assertIn("never", cli("token", "show", t["id"], env=env).stdout)
        self.assertEqual(self.ask(i, f"/v1/tokens/{t['id']}/rotate",
                                  {"overlap": 60})[0], 201)
        shown = i.admin("GET", f"/v1/tokens/{t['id']}")
        self.assertTrue(shown["replaced"])
        self.assertLess(shown["dies_at"], t["expires_at"])
        said = cli("token", "show", t["id"], env=env, check=0).stdout
        self.assertIn(f"by a new token; good until {shown['dies_at']}", said)
        self.assertNotIn("never\n", said.replace("never seen", ""))
        i.revoke(t["id"])
        self.assertFalse(
            i.admin("GET", f"/v1/tokens/{t['id']}")["replaced"])

    # ---- how long it may be

    def longest(self, i):
        """A token that just goes through PAM, with an index of one digit."""
        short = i.mint(scopes=["x"])
        room = (511 - len(short["token"])) * 3 // 4
        t = i.mint(scopes=["x" + "y" * (room % 200)] +
                   [f"{n}" + "y" * 198 for n in range(room // 200)])
        self.assertIn(len(t["token"]), (509, 510, 511))
        self.assertLess(int(t["id"].split(".")[1]), 10)
        return t

    def test_what_was_a_password_stays_one(self):
        """Also when the index has more digits by now."""
        i = self.issuer()
        t = self.longest(i)
        for _ in range(10):
            i.mint()
        rotate = f"/v1/tokens/{t['id']}/rotate"
        status, reply = self.ask(i, rotate)
        self.assertEqual((status, reply["reason"]), (400, "invalid_request"))
        self.assertIn("over 511", reply["detail"])
        self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                         "active")
        new = cli("token", "rotate", t["id"], "--allow-long", "-q", "--data",
                  i.data, check=0).stdout.strip()
        self.assertGreater(len(new), 511)
        # one that was longer already was allowed to be
        status, next_ = self.ask(
            i, f"/v1/tokens/{claims(new)['jti']}/rotate")
        self.assertEqual(status, 201, next_)

    def test_nor_does_another_algorithm_make_it_longer(self):
        i = self.issuer()
        short = [i.mint() for _ in range(2)]
        long = i.mint(scopes=[f"s{n}:" + "y" * 150 for n in range(3)],
                      allow_long=True)
        former = short[0]["key"]
        cli("key", "generate", "--alg", "RS256", "--data", i.data, check=0)
        while ("active", "RS256") not in [
                (k["state"], k["alg"])
                for k in i.admin("GET", "/v1/keys")["keys"]]:
            cli("key", "rotate", "--now", "--data", i.data, check=0)
        self.assertEqual(self.ask(
            i, f"/v1/tokens/{short[0]['id']}/rotate")[0], 400)
        self.assertEqual(self.ask(
            i, f"/v1/tokens/{long['id']}/rotate")[0], 201)
        # nor when the old one's key is gone, and all are to be replaced
        p = cli("key", "compromise", former, "--yes", "--reissue",
                self.folder / "new", "--data", i.data, check=0)
        for t in short:
            self.assertIn(f"{t['id']} of alice was not replaced", p.stdout)
        self.assertIn("over 511", p.stdout)
        self.assertIn("Not replaced: 2", p.stdout)
        self.assertIn("--allow-long", p.stdout)
        p = cli("token", "rotate", short[0]["id"], "--allow-long", "-q",
                "--data", i.data, check=0)
        self.assertGreater(len(p.stdout), 511)

    # ---- the command line

    def test_no_overlap_is_an_overlap_of_nothing(self):
        i = self.issuer()
        for overlap in (0, "0", "0s", None):
            t = i.mint(**GRANT)
            self.assertEqual(self.ask(i, f"/v1/tokens/{t['id']}/rotate",
                                      {"overlap": overlap})[0], 201)
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                             "revoked")
        t = i.mint(**GRANT)
        for overlap in (-1, "0d", "-1", 1.5, ""):
            self.assertEqual(self.ask(i, f"/v1/tokens/{t['id']}/rotate",
                                      {"overlap": overlap})[0], 400)
        p = cli("token", "rotate", t["id"], "--overlap", "0", "--keep-expiry",
                "-o", "json", "--data", i.data, check=0)
        new = json.loads(p.stdout)
        self.assertEqual(new["expires_at"], t["expires_at"])

    def lossy(self, *args, **kw):
        p = Lossy(*args, **kw)
        self.addCleanup(p.close)
        return p

    def test_the_command_line_asks_again(self):
        i = self.issuer()
        admin = i.mint("root", scopes=["mintmark:admin"])["token"]
        old = i.mint(**GRANT)["id"]
        mine = i.mint("alice", scopes=["mintmark:self"])["token"]
        for args, token in (
                (("create", "-u", "alice", "-e", "1h"), admin),
                (("rotate", old, "--overlap", "1h"), admin),
                (("rotate", "self"), mine),
                (("create", "-u", "bob", "-e", "1h"), admin)):
            before, way = self.count(i), self.lossy(
                i, instead=OF_A_PROXY if "bob" in args else b"")
            p = cli("token", *args, "-q", check=0,
                    env={"MINTMARK_URL": way.url, "MINTMARK_TOKEN": token})
            self.assertEqual(self.count(i), before + 1)
            self.assertEqual(
                i.http("GET", f"/v1/tokens/{claims(p.stdout.strip())['jti']}",
                       local=True)[1]["status"], "active")
            self.assertEqual(len(way.seen), 2)
            self.assertEqual(way.seen[0], way.seen[1])
            self.assertGreaterEqual(len(way.seen[0][2]), 22)

    def test_self_is_who_has_the_token_whatever_is_nearer(self):
        i = self.issuer()
        other = i.mint("bob")
        t = i.mint("alice", scopes=["mintmark:self"])
        env = {"MINTMARK_SOCKET": str(i.socket), "MINTMARK_URL": i.url,
               "MINTMARK_TOKEN": t["token"]}
        p = cli("token", "rotate", "self", "-q", check=0, env=env)
        env["MINTMARK_TOKEN"] = p.stdout.strip()
        p = cli("token", "show", "self", "-o", "json", check=0, env=env)
        self.assertEqual(json.loads(p.stdout)["user"], "alice")
        # the others are asked for where they were
        cli("token", "show", other["id"], check=0, env=env)
        for missing in ("MINTMARK_URL", "MINTMARK_TOKEN"):
            p = cli("token", "revoke", "self", check=2,
                    env={**env, missing: ""})
            self.assertIn("MINTMARK_URL", p.stderr)
            self.assertIn("MINTMARK_TOKEN", p.stderr)
        p = cli("token", "show", "self", "--data", i.data, check=1, env=env)
        self.assertIn("admin.sock", p.stderr)
        cli("token", "revoke", "self", check=0, env=env)
        p = cli("token", "show", other["id"], "--data", self.folder, check=3)
        self.assertIn("MINTMARK_URL with MINTMARK_TOKEN", p.stderr)

    def test_the_command_line_survives_a_crash_of_the_mint(self):
        """Killed when the row was written, before the answer was out."""
        i = self.issuer()
        old = i.mint(**GRANT)["id"]
        admin = i.mint("root", scopes=["mintmark:admin"])["token"]

        def crash():
            i.kill9()
            i.start()

        way = self.lossy(i, meanwhile=crash)
        before = self.count(i)
        p = cli("token", "rotate", old, "-q", check=0,
                env={"MINTMARK_URL": way.url, "MINTMARK_TOKEN": admin})
        self.assertEqual(self.count(i), before + 1)
        self.assertIn("token.again", i.text())
        new = claims(p.stdout.strip())["jti"]
        self.assertEqual(i.admin("GET", f"/v1/tokens/{new}")["status"], "active")
        self.assertEqual(i.admin("GET", f"/v1/tokens/{old}")["status"], "revoked")

    def test_it_asks_twice_and_not_for_ever(self):
        i = self.issuer()
        admin = i.mint("root", scopes=["mintmark:admin"])["token"]
        way = self.lossy(i, lose=9)
        env = {"MINTMARK_URL": way.url, "MINTMARK_TOKEN": admin}
        p = cli("token", "create", "-u", "alice", "-e", "1h", env=env, check=3)
        self.assertEqual(len(way.seen), 2)
        self.assertIn("so a token may have been made, or not: look (mintmark token"
                      " list) and revoke it if it was, before you ask again; if",
                      p.stderr)
        p = cli("token", "list", env=env, check=3)  # has no key: asked once
        self.assertIn("): try again; if it stays so, run mintmark doctor on its"
                      " host", p.stderr)
        self.assertEqual(len(way.seen), 3)
        self.assertIsNone(way.seen[2][2])
        way = self.lossy(i, lose=9, instead=OF_A_PROXY)
        env["MINTMARK_URL"] = way.url
        for args, says, times in (
                (("create", "-u", "a", "-e", "1h"), "so a token may have been made", 2),
                (("revoke", i.mint()["id"]), "so this may have been done, or not", 1),
                (("list",), "): try again", 1)):
            before = len(way.seen)
            p = cli("token", *args, env=env, check=3)
            self.assertIn(f"{way.url} gave no answer (its proxy answers 502 or 504)",
                          p.stderr)
            self.assertIn(says, p.stderr)
            self.assertEqual(len(way.seen), before + times)

    def test_who_never_was_asked_has_done_nothing(self):
        """A firewall that drops, or one who takes a connection and says no
        more."""
        with socket.create_server(("127.0.0.1", 0)) as s:
            at = f"https://127.0.0.1:{s.getsockname()[1]}"
            p = cli("token", "create", "-u", "a", "-e", "1h", check=3, env={
                "MINTMARK_URL": at, "MINTMARK_TOKEN": "x"})
            self.assertIn(f"no mintmarkd answers at {at}", p.stderr)


if __name__ == "__main__":
    main()
