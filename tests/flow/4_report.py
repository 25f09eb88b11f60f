#!/usr/bin/env python3
"""Step 4, report: a use goes from the process to the agent to the issuer."""
import contextlib
import datetime
import http.client
import time

from flow import SLOW, Flow, cli, free_port, main, wait_for

WINDOW = int(4 * max(1, SLOW / 2))


def last_use(i, token_id):
    return i.admin("GET", f"/v1/tokens/{token_id}")["last_used_at"]


def shown(i, token_id):
    """(last_used_at in seconds or None, door, address)"""
    t = i.admin("GET", f"/v1/tokens/{token_id}")
    at = t["last_used_at"] and datetime.datetime.fromisoformat(
        t["last_used_at"]).timestamp()
    return at, t["last_used_door"], t["last_used_from"]


def hour_of(t):
    return int(t) // 3600 * 3600


def settle():
    """Not across the turn of an hour: its first seconds wait to be told."""
    while time.time() % 3600 > 3600 - 40 or time.time() % 3600 < 6:
        time.sleep(1)


class Report(Flow):
    def test_looking_is_not_using(self):
        i, a = self.both()
        t = i.mint(auto_refresh=WINDOW, expires_in=3600)
        end = time.time() + WINDOW + 1.2
        while time.time() < end:
            a.reason(t["token"], "--no-use")
            time.sleep(WINDOW / 8)
        self.assertEqual(a.reason(t["token"]) in ("idle", "revoked"), True)
        self.assertIsNone(last_use(i, t["id"]))

    def test_a_use_reaches_the_issuer_and_other_agents(self):
        i, a = self.both()
        b = self.agent(i, name="second")
        t = i.mint(auto_refresh=WINDOW, expires_in=3600)
        time.sleep(1.1)
        self.assertIsNone(a.reason(t["token"]))
        wait_for("last_used_at", lambda: last_use(i, t["id"]), WINDOW)
        # the second host, where it is never used, sees it alive past the
        # first window
        end = time.time() + WINDOW
        while time.time() < end:
            self.assertIsNone(a.reason(t["token"]))
            self.assertIsNone(b.reason(t["token"], "--no-use"))
            time.sleep(WINDOW / 6)

    def test_reports_that_do_not_count(self):
        i = self.issuer()
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        fixed = i.mint()
        t = i.mint(auto_refresh=3600, expires_in=86400)
        dead = i.mint(auto_refresh=3600, expires_in=86400)
        i.revoke(dead["id"])
        now = int(time.time())

        def report(*uses):
            status, reply, _ = i.http("POST", "/v1/uses", {
                "uses": [{"id": x, "at": at} for x, at in uses]}, token=agent)
            self.assertEqual(status, 200, reply)
            return reply["accepted"]

        time.sleep(1.1)
        self.assertEqual(report((fixed["id"], now)), 0)
        self.assertEqual(report((dead["id"], now)), 0)
        self.assertEqual(report((t["id"], now - 4000)), 0)   # before iat
        self.assertEqual(report((t["id"], now + 600)), 0)    # the future
        self.assertEqual(report(("99.1", now)), 0)           # unknown
        self.assertEqual(report((t["id"], now + 1)), 1)
        self.assertEqual(report((t["id"], now + 1)), 0)      # twice
        self.assertEqual(report((t["id"], now)), 0)          # backwards
        for bad in ({}, {"uses": 1}, {"uses": [1]}, {"uses": [{"id": "1.1"}]},
                    {"uses": [{"id": "x", "at": 1}]},
                    {"uses": [{"id": "1.1", "at": 1.5}]},
                    {"uses": [{"id": "1.1", "at": now}] * 1001}):
            self.assertEqual(i.http("POST", "/v1/uses", bad, token=agent)[0],
                             400, str(bad)[:60])

    def test_what_is_no_sighting(self):
        i = self.issuer()
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        t = i.mint()["id"]
        hour = hour_of(time.time())

        def post(body):
            return i.http("POST", "/v1/uses", body, token=agent)[:2]

        def seen(**more):
            return {"id": t, "at": hour, **more}
        for bad in (1, [1], [{"id": t}], [seen(door="")] * 501,
                    [seen(door="two words")], [seen(door="x" * 32)],
                    [seen(door=1)], [{"id": "x", "at": hour}],
                    [seen(**{"from": "host.example"})]):
            self.assertEqual(post({"uses": [], "seen": bad})[0], 400, str(bad)[:60])
        self.assertEqual(post({"seen": []})[0], 400)  # as ever
        # one that is as long as it may be
        long = seen(door="d" * 31, **{"from": "2001:db8:1111:2222:3333:4444:5555:6666"})
        use = {"id": "4294967295.1048575", "at": hour}
        status, reply = post({"uses": [use] * 1000, "seen": [long] * 500})
        self.assertEqual((status, reply), (200, {
            "accepted": 0, "refused": 1000, "seen": 1}))

    def test_a_fixed_token_is_seen(self):
        settle()
        i, a = self.both()
        feed = i.mint("agent", scopes=["mintmark:agent"])["token"]
        t, never = i.mint(), i.mint()
        begun = time.time()
        self.assertEqual(shown(i, t["id"]), (None, None, None))

        def events():
            return i.http("GET", "/v1/feed?after=0", token=feed)[1]

        def lines():
            return len(i.http("GET", "/v1/audit?limit=500", local=True)[1]
                       .splitlines())
        wait_for("lists and keys to be announced", events)
        seq, audit = i.http("GET", "/v1/feed?after=0", token=feed)[1], lines()
        self.assertIsNone(a.reason(never["token"], "--no-use"))
        self.assertIsNone(a.reason(t["token"]))
        wait_for("last_used_at", lambda: shown(i, t["id"])[0])
        # the hour, and no more of it
        self.assertEqual(shown(i, t["id"]), (hour_of(begun), "verify", None))
        said = cli("token", "show", t["id"], check=0,
                   env={"MINTMARK_SOCKET": str(i.socket)}).stdout
        self.assertRegex(said, r"last used +\S+ \d\d:\d\d-\d\d:00Z\n +used at +verify\n"
                         r" +used from +-\n")
        said = cli("token", "list", check=0,
                   env={"MINTMARK_SOCKET": str(i.socket)}).stdout
        self.assertRegex(said, r"LAST USED +AT +")
        self.assertRegex(said, r"\d\d:\d\d-\d\d:00Z +verify +")
        self.assertIsNone(a.reason(t["token"]))
        self.assertEqual(len(events().split(b".")[1]), len(seq.split(b".")[1]))
        self.assertEqual(lines(), audit)
        self.assertEqual(shown(i, never["id"]), (None, None, None))
        self.assertLess(time.time() - begun, 30 * SLOW)

    def test_another_door_and_the_restart_of_an_agent(self):
        settle()
        i, a = self.both(agent_flags=["--listen", f"127.0.0.1:{self.port()}"])
        t = i.mint()
        i.kill9()
        self.assertIsNone(a.reason(t["token"]))
        a.stop()  # with what it could not tell
        i.start()
        a.start()
        wait_for("the first door", lambda: shown(i, t["id"])[1] == "verify")
        self.assertEqual(self.ask(t["token"]), 200)
        wait_for("the other", lambda: shown(i, t["id"])[1] == "http")
        self.assertEqual(shown(i, t["id"])[0], hour_of(time.time()))

    def test_an_address_where_both_say_so(self):
        settle()
        i = self.issuer(start=False)
        for keep in (False, True):
            i.flags = ["--keep-addresses"] if keep else []
            i.start()
            for report in (False, True):
                with self.subTest(keep=keep, report=report):
                    self.address(i, report, "192.0.2.7" if keep and report
                                 else None)
            i.stop()

    def address(self, i, report, want):
        a = self.agent(i, name=f"agent-{want}-{report}", flags=[
            "--listen", f"127.0.0.1:{self.port()}",
            *(["--report-addresses"] if report else [])])
        t = i.mint()
        self.assertEqual(self.ask(t["token"], "198.51.100.9, 192.0.2.7"), 200)
        wait_for("the sighting", lambda: shown(i, t["id"])[0])
        self.assertEqual(shown(i, t["id"])[1:], ("http", want))
        a.stop()

    def test_addresses_are_forgotten_when_they_are_no_longer_kept(self):
        i = self.issuer(flags=["--keep-addresses"])
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        t = i.mint()["id"]
        hour = hour_of(time.time())
        i.http("POST", "/v1/uses", {"uses": [], "seen": [
            {"id": t, "at": hour, "door": "http", "from": "192.0.2.7"}]},
            token=agent)
        self.assertEqual(shown(i, t), (hour, "http", "192.0.2.7"))
        i.stop()
        i.flags = ()
        i.start()
        self.assertEqual(shown(i, t), (hour, "http", None))

    def test_A36_the_revoked_are_not_seen(self):
        i = self.issuer()
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        t, dead = i.mint()["id"], i.mint()["id"]
        i.revoke(dead)
        hour = hour_of(time.time())

        def report(token_id, at, **more):
            return i.http("POST", "/v1/uses", {"uses": [], "seen": [
                {"id": token_id, "at": at, **more}]}, token=agent)[1]["seen"]
        self.assertEqual(report(dead, hour), 0)
        self.assertEqual(shown(i, dead)[0], None)
        self.assertEqual(i.admin("GET", f"/v1/tokens/{dead}")["status"],
                         "revoked")
        self.assertEqual(report(t, hour + 3600), 0)   # the future
        self.assertEqual(report(t, hour - 3600), 0)   # before iat
        self.assertEqual(report(t, hour, door="http"), 1)
        self.assertEqual(report(t, hour, door="http"), 0)  # again
        self.assertEqual(report("99.1", hour), 0)
        self.assertEqual(shown(i, t), (hour, "http", None))

    def test_a_use_of_the_mints_own_api(self):
        settle()
        i = self.issuer()
        # that renews a token, too
        t = i.mint(scopes=["mintmark:self"], auto_refresh=WINDOW,
                   expires_in=3600)
        fixed = i.mint(scopes=["mintmark:self"])
        end = time.time() + 2 * WINDOW
        while time.time() < end:
            for one in (t, fixed):
                self.assertEqual(i.http("GET", "/v1/tokens/self",
                                        token=one["token"])[0], 200)
            time.sleep(WINDOW / 6)
        wait_for("the sighting", lambda: shown(i, fixed["id"])[0])
        self.assertEqual(shown(i, fixed["id"]),
                         (hour_of(time.time()), "mint", None))
        at, door, _ = shown(i, t["id"])
        self.assertGreater(at, end - WINDOW)  # to the second
        self.assertEqual(door, "mint")

    # ---- the agent's door ----

    def port(self):
        self.door = free_port()
        return self.door

    def ask(self, token, forwarded=None):
        headers = {"Authorization": f"Bearer {token}"}
        if forwarded:
            headers["X-Forwarded-For"] = forwarded

        def answer():
            with contextlib.suppress(ConnectionRefusedError):
                c = http.client.HTTPConnection("127.0.0.1", self.door,
                                               timeout=30)
                with contextlib.closing(c):
                    c.request("GET", "/auth", headers=headers)
                    return c.getresponse().status
        return wait_for("the door to open", answer)


if __name__ == "__main__":
    main(at_once=3)
