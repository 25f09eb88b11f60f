#!/usr/bin/env python3
"""The house's rules: asked for against one, a token is not made, and the answer
says which rule it was."""
import concurrent.futures
import contextlib
import sqlite3
import subprocess
import time

from flow import MINTMARKD, Flow, cli, main

LINES = """\
max_life = 90d
default_life = 30d
max_window = 14d
max_tokens = 3
allowed_scopes = photos:* node:*
allowed_scopes = mail:read
forbidden_scopes = photos:delete
allowed_audiences = files web-*
mint_for = helpdesk:* ci:ci-*
"""


class Policy(Flow):
    def house(self, text=LINES):
        conf = self.folder / "mintmarkd.conf"
        conf.write_text(text)
        return self.issuer(flags=("--config", conf))

    def ask(self, i, token=None, user="alice", **grant):
        status, reply, _ = i.http("POST", "/v1/tokens", {
            "scopes": ["photos:read"], "audience": ["files"], "user": user,
            **grant}, token=token, local=token is None)
        return status, reply

    def test_each_rule(self):
        i = self.house()
        status, t = self.ask(i)
        self.assertEqual(status, 201, t)
        shown = cli("token", "show", t["id"], "--data", i.data, "-o", "json",
                    check=0).stdout
        self.assertIn(t["expires_at"], shown)
        for grant, field, rule in (
                ({"expires_in": "91d"}, "expires_in", "max_life"),
                ({"auto_refresh": "15d"}, "auto_refresh", "max_window"),
                ({"scopes": None}, "scopes", "allowed_scopes"),
                ({"scopes": ["music:play"]}, "scopes", "allowed_scopes"),
                ({"scopes": ["photos:delete"]}, "scopes", "forbidden_scopes"),
                ({"audience": None}, "audience", "allowed_audiences"),
                ({"audience": ["mail"]}, "audience", "allowed_audiences")):
            body = {"scopes": ["photos:read"], "audience": ["files"],
                    "user": "alice", **grant}
            status, reply, _ = i.http("POST", "/v1/tokens", {
                k: v for k, v in body.items() if v is not None}, local=True)
            self.assertIn(status, (400, 403, 422), (grant, reply))
            self.assertEqual(reply["field"], field)
            self.assertIn(f"(setting {rule}", reply["detail"])
        p = cli("token", "create", "-u", "alice", "-s", "mail:read",
                "--audience", "web-1", "--data", i.data, check=0)
        self.assertEqual(p.stdout.count("."), 2)  # of default_life

    def test_so_many_and_no_more(self):
        """Also when they are asked for at once."""
        i = self.house()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            got = list(pool.map(lambda _: self.ask(i), range(12)))
        self.assertEqual(sorted(s for s, _ in got), [201] * 3 + [403] * 9)
        self.assertIn("max_tokens", [r for s, r in got if s == 403][0]["detail"])
        mine = [r["id"] for s, r in got if s == 201]
        self.assertEqual(self.ask(i, user="bob")[0], 201)
        # one in another's place is not one more
        i.admin("POST", f"/v1/tokens/{mine[0]}/rotate", {})
        self.assertEqual(self.ask(i)[0], 403)
        i.revoke(mine[1])
        self.assertEqual(self.ask(i)[0], 201)
        self.assertEqual(self.ask(i)[0], 403)

    def test_who_for_whom(self):
        i = self.house(LINES + "self_service = false\n")
        key = {"scopes": ["mintmark:self"], "audience": [i.name]}
        token = {u: i.mint(u, **key)["token"]
                 for u in ("alice", "helpdesk", "ci")}
        for who, user, good in (("alice", "alice", False),
                                ("alice", "bob", False),
                                ("helpdesk", "bob", True),
                                ("ci", "ci-web", True), ("ci", "web", False)):
            status, reply = self.ask(i, token[who], user)
            self.assertEqual(status, 201 if good else 403, (who, user, reply))
            if not good:
                self.assertRegex(reply["detail"], "setting (self_service|mint_for)")
        # he may make them, and not look at them
        self.assertEqual(i.http("GET", "/v1/tokens?user=bob",
                                token=token["helpdesk"])[0], 403)
        status, reply = self.ask(i, token["helpdesk"], "bob",
                                 scopes=["mintmark:admin"])
        self.assertEqual((status, reply["field"]), (403, "scopes"))

    def live(self, i, user="alice"):
        return [t for t in i.admin("GET", f"/v1/tokens?user={user}")["tokens"]
                if t["status"] == "active"]

    def chain(self, i, t, most=6, **body):
        """Each makes the next one: the new ones, and the last answer."""
        made = []
        while len(made) < most:
            status, t, _ = i.http("POST", "/v1/tokens/self/rotate", body,
                                  token=(made or [t])[-1]["token"])
            if status != 201:
                break
            made.append(t)
        return made, (status, t)

    def test_a_rotation_is_no_way_round(self):
        """Of so many and no more: one that is being replaced may be over
        the number, and only one of a user's."""
        i = self.issuer(flags=("--max-tokens", "2"))
        t = i.mint("alice")
        made, (status, reply) = self.chain(i, t, overlap="30d")
        self.assertEqual((len(made), status, reply["field"]),
                         (2, 403, "overlap"), reply)
        self.assertIn("(setting max_tokens)", reply["detail"])
        self.assertEqual(len(self.live(i)), 3)
        # an administrator has no more, and what is refused changes nothing
        last = made[-1]
        status, reply, _ = i.http("POST", f"/v1/tokens/{last['id']}/rotate",
                                  {"overlap": "1h"}, local=True)
        self.assertEqual((status, reply["field"]), (403, "overlap"))
        self.assertEqual(i.http("GET", "/v1/tokens/self",
                                token=last["token"])[0], 200)
        # without an overlap there are no more than there were
        made, (status, _) = self.chain(i, last)
        self.assertEqual((len(made), status), (6, 201))
        self.assertEqual(len(self.live(i)), 3)
        self.assertEqual(self.ask(i, expires_in="1h")[0], 403)
        i.revoke(t["id"])
        self.assertEqual(len(self.chain(i, made[-1], overlap=60)[0]), 1)

    def test_an_overlap_is_short(self):
        i = self.issuer()
        for life, overlap, want in (("365d", "30d", 30 * 86400),
                                    ("2d", "30d", 2 * 86400), ("2d", 60, 60)):
            t = i.mint("alice", expires_in=life)
            i.admin("POST", f"/v1/tokens/{t['id']}/rotate",
                    {"overlap": overlap})
            with contextlib.closing(sqlite3.connect(
                    i.data / "mintmark.db")) as db:
                ends, = db.execute(
                    "SELECT revoke_at - iat FROM token WHERE list = ? AND"
                    " idx = ?", t["id"].split(".")).fetchone()
            self.assertIn(ends - want, range(0, 10) if want != 2 * 86400
                          else (0,), (life, overlap))
        t = i.mint("alice", expires_in="365d")
        for overlap in ("3650d", "31d", 30 * 86400 + 1):
            made, (status, reply) = self.chain(i, t, overlap=overlap)
            self.assertEqual((made, status, reply["field"]),
                             ([], 400, "overlap"))
            self.assertIn("at most 30 days", reply["detail"])

    def test_who_may_not_mint_renews_no_life(self):
        """By rotation he has a new secret, until the old one's end; an
        administrator, or whom mint_for names, gives him a new life."""
        i = self.house("self_service = false\nmint_for = ci:ci\n")
        for user, far in (("alice", False), ("ci", True)):
            t = i.mint(user, expires_in=1000)
            for overlap in (0, 60):
                time.sleep(1.1)
                made, _ = self.chain(i, t, most=3, overlap=overlap)
                self.assertEqual(len(made), 3)
                for new in made:
                    self.assertEqual(new["expires_at"] > t["expires_at"], far,
                                     (new, t))
                    self.assertTrue(far or
                                    new["expires_at"] == t["expires_at"])
                t = made[-1]
            if not far:
                time.sleep(1.1)
                new = i.admin("POST", f"/v1/tokens/{t['id']}/rotate", {})
                self.assertGreater(new["expires_at"], t["expires_at"])

    def test_a_rule_that_came_later(self):
        """What may not be made any more is not made again by rotation."""
        i = self.issuer()
        t = i.mint("alice", scopes=["music:play"])
        i.stop()
        i.flags = ("--allowed-scopes", "photos:*")
        i.start()
        status, reply, _ = i.http("POST", f"/v1/tokens/{t['id']}/rotate", {},
                                  local=True)
        self.assertEqual(status, 403)
        self.assertIn("allowed_scopes", reply["detail"])
        self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                         "active")

    def test_a_life_must_be_said(self):
        """Where there is no usual one; the mint knows that, not its client."""
        i = self.issuer()
        p = cli("token", "create", "-u", "alice", "--data", i.data)
        self.assertEqual((p.returncode, p.stdout), (1, ""))
        self.assertIn("say how long the token lives", p.stderr)

    def test_rules_that_cannot_be_kept(self):
        for flags, name in ((("--max-window", "400d"), "max_window"),
                            (("--default-life", "400d"), "default_life"),
                            (("--mint-for", "helpdesk"), "mint_for"),
                            (("--allowed-scopes", "*:read"), "allowed_scopes")):
            p = subprocess.run([MINTMARKD, "--test", "--issuer",
                                "https://pat.example.org", *flags],
                               capture_output=True, text=True)
            self.assertEqual(p.returncode, 2)
            self.assertIn(name, p.stderr)


if __name__ == "__main__":
    main()
