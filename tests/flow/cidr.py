#!/usr/bin/env python3
"""A token that is limited to addresses: from the grant to every door of the
issuer, and to verifiers that are told where it comes from."""
import json

from flow import ACCESS, EXCHANGE, Flow, cli, main
from key_compromise import part

NETS = ["192.0.2.0/24", "2001:db8::/32"]
CLAIM = "192.0.2.0/24 2001:db8::/32"
INSIDE = ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7")
OUTSIDE = ("192.0.3.7", "2001:db9::7", "127.0.0.1", "::1")


class Cidr(Flow):
    def house(self):
        """An issuer to which this test is the proxy."""
        return self.issuer(flags=("--behind-proxy",))

    def ask(self, i, token, path, *addresses, method="GET", body=None,
            **headers):
        if addresses:
            headers["X-Forwarded-For"] = ", ".join(addresses)
        return i.http(method, path, body, token, headers={
            k.replace("_", "-"): v for k, v in headers.items()})[:2]

    def test_on_the_command_line(self):
        i, a = self.both()
        at = ("--data", i.data)
        p = cli("token", "create", "-u", "alice", "-e", "1d", *at,
                *(f for n in NETS for f in ("--cidr", n)), check=0)
        token = p.stdout.strip()
        self.assertIn(f"cidr        {NETS[0]} {NETS[1]}", p.stderr)
        said = part(token, 1)
        self.assertEqual(said["cidr"], CLAIM)
        self.assertLessEqual(len(token), 511)
        show = ("token", "show", said["jti"], *at)
        self.assertIn(NETS[1], cli(*show, check=0).stdout)
        self.assertEqual(json.loads(cli(*show, "-o", "json",
                                        check=0).stdout)["cidr"], NETS)
        self.assertIn(CLAIM, cli("inspect", "-", stdin=token, check=0).stdout)
        for address in INSIDE:
            self.assertIsNone(a.reason(token, "--from", address), address)
        for address in OUTSIDE:
            self.assertEqual(a.reason(token, "--from", address),
                             "wrong_address", address)
        self.assertEqual(a.reason(token), "wrong_address")
        self.assertEqual(a.reason(token, "--user", "bob", "--from", INSIDE[0]),
                         "wrong_user")
        p = cli("verify", "--state", a.state, "--from", "localhost", "-",
                stdin=token, check=2)
        self.assertIn("--from takes an address", p.stderr)
        p = cli("token", "create", "-u", "alice", "-e", "1d", "--cidr",
                "10.1.2.3/8", *at, check=2)
        self.assertIn('"10.1.2.3/8" is an address inside of the network '
                      "10.0.0.0/8", p.stderr)
        i.revoke(said["jti"])
        a.wait_reason(token, "revoked")

    def test_grants(self):
        i = self.issuer()
        eight = [f"10.{n}.0.0/16" for n in range(8)]
        for asked, got in ((["10.0.0.1"], ["10.0.0.1/32"]),
                           (["2001:DB8:0::7"], ["2001:db8::7/128"]),
                           (["0.0.0.0/0", "::/0"], ["0.0.0.0/0", "::/0"]),
                           (eight, eight)):
            t = i.mint(cidr=asked)
            self.assertEqual(t["cidr"], got)
            self.assertEqual(part(t["token"], 1)["cidr"], " ".join(got))
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["cidr"],
                             got)
        self.assertIsNone(i.mint()["cidr"])
        self.assertNotIn("cidr", part(i.mint()["token"], 1))
        for bad, says in (([], "empty"), (["10.1.2.3/8"], "10.0.0.0/8"),
                          (["::ffff:10.0.0.0/104"], "IPv4"),
                          (["host.example.org"], "no network"),
                          (["10.0.0.0/8 ::/0"], "no network"),
                          ([*eight, "::/0"], "at most 8")):
            status, said, _ = i.http("POST", "/v1/tokens", {
                "user": "alice", "expires_in": 60, "cidr": bad}, local=True)
            self.assertEqual((status, said["field"]), (400, "cidr"), bad)
            self.assertIn(says, said["detail"])
        long = [f"1111:2222:3333:4444:5555:6666:7777:{n}/128"
                for n in range(1111, 1119)]
        ask = {"user": "alice", "expires_in": 60, "cidr": long}
        status, said, _ = i.http("POST", "/v1/tokens", ask, local=True)
        self.assertEqual((status, said["field"]), (400, "cidr"))
        i.mint(**{**ask, "allow_long": True})

    def test_the_issuers_own_door(self):
        i = self.house()
        mine = i.mint(scopes=["mintmark:self"], cidr=NETS)
        for address in INSIDE:
            self.assertEqual(self.ask(i, mine["token"], "/v1/tokens", "10.0.0.1",
                                      address)[0], 200, address)
        for addresses in (*((o,) for o in OUTSIDE), (), ("192.0.2.7", "10.0.0.1"),
                          ("192.0.2.7", ""), ("192.0.2.7:443",), ("unknown",)):
            self.assertEqual(self.ask(i, mine["token"], "/v1/tokens",
                                      *addresses)[0], 401, addresses)
        self.assertIn(f'"id":"{mine["id"]}","reason":"wrong_address"', i.text())
        free = i.mint(scopes=["mintmark:self"])["token"]
        self.assertEqual(self.ask(i, free, "/v1/tokens")[0], 200)

    def test_A31_without_a_proxy_nobody_is_believed(self):
        i = self.issuer()
        here = i.mint(scopes=["mintmark:self"], cidr=["127.0.0.0/8"])["token"]
        away = i.mint(scopes=["mintmark:self"], cidr=NETS)["token"]
        for addresses in ((), ("192.0.2.7",)):
            self.assertEqual(self.ask(i, here, "/v1/tokens", *addresses)[0], 200)
            self.assertEqual(self.ask(i, away, "/v1/tokens", *addresses)[0], 401)

    def test_an_agent_of_this_host_only(self):
        i = self.issuer()
        for net, status in (("127.0.0.1", 200), ("192.0.2.1", 401)):
            token = i.mint("agent", scopes=["mintmark:agent"], cidr=[net])
            self.assertEqual(self.ask(i, token["token"], "/v1/feed?after=0")[0],
                             status)

    def test_rotation_keeps_it(self):
        """Also when its answer is asked for again, by who must be inside."""
        i = self.house()
        old = i.mint(scopes=["mintmark:self"], cidr=NETS)
        ask = dict(method="POST", body={}, Idempotency_Key="K")
        path = "/v1/tokens/self/rotate"
        self.assertEqual(self.ask(i, old["token"], path, "10.0.0.1", **ask)[0],
                         401)
        status, new = self.ask(i, old["token"], path, "192.0.2.7", **ask)
        self.assertEqual((status, new["cidr"]), (201, NETS))
        self.assertEqual(part(new["token"], 1)["cidr"], CLAIM)
        self.assertEqual(self.ask(i, old["token"], path, "10.0.0.1", **ask)[0],
                         401)
        self.assertEqual(self.ask(i, old["token"], path, **ask)[0], 401)
        status, again = self.ask(i, old["token"], path, "192.0.2.7", **ask)
        self.assertEqual((status, again["id"]), (201, new["id"]))
        self.assertEqual(part(again["token"], 1), part(new["token"], 1))
        i.kill9()
        i.start()
        self.assertEqual(i.admin("GET", f"/v1/tokens/{new['id']}")["cidr"],
                         NETS)

    def test_an_exchange_keeps_it(self):
        i = self.house()
        a = self.agent(i)
        t = i.mint(audience=["files"], cidr=NETS)["token"]

        def exchange(**headers):
            return i.form("/oauth/token", {
                "grant_type": EXCHANGE, "subject_token": t,
                "subject_token_type": ACCESS}, headers)[:2]

        for address in ("10.0.0.1", "192.0.2.7, 10.0.0.1"):
            self.assertEqual(exchange(**{"X-Forwarded-For": address})[0], 400)
        self.assertEqual(exchange()[0], 400)
        status, reply = exchange(**{"X-Forwarded-For": "192.0.2.7"})
        self.assertEqual(status, 200, reply)
        access = reply["access_token"]
        self.assertEqual(part(access, 1)["cidr"], CLAIM)
        taken = ("--access-tokens", "--audience", "files")
        self.assertIsNone(a.reason(access, *taken, "--from", "192.0.2.7"))
        for flags in ((), ("--from", "10.0.0.1")):
            self.assertEqual(a.reason(access, *taken, *flags), "wrong_address")

    def test_a_session_of_the_console_keeps_it(self):
        i = self.house()
        t = i.mint("root", scopes=["mintmark:admin"], cidr=NETS)["token"]

        def console(method, path, address, body=None, **more):
            return i.http(method, path, body, headers={
                "X-Mintmark-Console": "1", "X-Forwarded-For": address, **more})

        sign_in = ("POST", "/console/session")
        self.assertEqual(console(*sign_in, "10.0.0.1", {"token": t})[0], 401)
        status, _, headers = console(*sign_in, "192.0.2.7", {"token": t})
        self.assertEqual(status, 200)
        cookie = headers["Set-Cookie"].split(";")[0]
        self.assertEqual(part(cookie.partition("=")[2], 1)["cidr"], CLAIM)
        for address, want in (("192.0.2.8", 200), ("10.0.0.1", 401)):
            self.assertEqual(console("GET", "/v1/me", address,
                                     Cookie=cookie)[0], want)

    def test_introspection_is_told_where_from(self):
        i = self.house()
        t = i.mint(cidr=NETS)
        looker = i.mint("agent", scopes=["mintmark:agent"])["token"]

        def look(**more):
            return i.form("/oauth/introspect", {"token": t["token"], **more},
                          token=looker)[1]

        said = look(**{"from": "192.0.2.7"})
        self.assertEqual((said["active"], said["cidr"]), (True, CLAIM))
        for more in ({}, {"from": "10.0.0.1"}, {"from": "x"}, {"from": ""}):
            self.assertEqual(look(**more), {"active": False}, more)
        # who has it may end it, wherever he is
        self.assertEqual(i.form("/oauth/revoke", {"token": t["token"]})[0], 200)
        self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                         "revoked")


if __name__ == "__main__":
    main()
