#!/usr/bin/env python3
"""GET /v1/overview: what is counted, and who follows the feed."""
import time

from flow import Flow, main, wait_for


class Overview(Flow):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()

    def look(self):
        """What is there now: an answer is kept for 5 s."""
        time.sleep(5.1)
        return self.i.admin("GET", "/v1/overview")

    def test_counts(self):
        self.i.mint("alice", label="soon", expires_in=3 * 86400)
        self.i.mint("bob", label="later", expires_in=20 * 86400)
        gone = self.i.mint("bob", label="gone", expires_in=90 * 86400)
        self.i.revoke(gone["id"])
        held = self.i.mint("carol", label="held", expires_in=90 * 86400)
        self.i.admin("POST", f"/v1/tokens/{held['id']}/suspend")
        used = self.i.mint("carol", label="used", auto_refresh=100)
        status, _, _ = self.i.http("POST", "/v1/uses", {"uses": [
            {"id": used["id"], "at": int(time.time())}]}, local=True)
        self.assertEqual(status, 200)
        o = self.look()
        self.assertEqual({k: o["counts"][k] for k in (
            "live", "suspended", "expiring_7d", "expiring_30d", "users")},
            {"live": 4, "suspended": 1, "expiring_7d": 2, "expiring_30d": 3,
             "users": 3})
        self.assertEqual([t["label"] for t in o["expiring"]],
                         ["used", "soon", "later"])
        days = o["days"]
        self.assertRegex(days["first"], r"^\d{4}-\d\d-\d\d$")
        for name, today in (("live", 4), ("minted", 5), ("died", 1)):
            self.assertEqual(len(days[name]), 90)
            # (the day may have changed since)
            self.assertIn(today, (days[name][-1], sum(days[name])), name)
        self.assertEqual({k["state"] for k in o["keys"]}, {"active", "next"})
        self.assertEqual(self.i.admin("GET", "/v1/overview"), o, "not kept")

    def test_refusals(self):
        t = self.i.mint()
        self.i.revoke(t["id"])
        for token in (t["token"], t["token"], "nonsense"):
            self.i.http("GET", "/v1/tokens", token=token)
        self.assertEqual(self.i.admin("GET", "/v1/overview")["refusals"],
                         {"revoked": 2, "malformed": 1})

    def test_only_an_administrator(self):
        alice = self.i.mint("alice")["token"]
        self.assertEqual(self.i.http("GET", "/v1/overview", token=alice)[0], 403)

    def test_agents(self):
        a = self.agent(self.i)

        def seen():  # its first poll, in an answer that is kept for 5 s
            o = self.i.admin("GET", "/v1/overview")
            return o["agent_count"] == 1 and o
        o = wait_for("the agent to follow", seen, 20)
        agent, = o["agents"]
        self.assertEqual((agent["user"], agent["address"], agent["connected"]),
                         ("agent", "127.0.0.1", True))
        self.assertEqual(agent["id"], self.i.admin(
            "GET", "/v1/tokens?user=agent")["tokens"][0]["id"])
        self.assertEqual((agent["lag"], agent["after"]), (0, o["feed"]["seq"]))
        self.assertEqual({k: v for k, v in o["feed"].items() if k != "seq"},
                         {"first": 1, "following": True, "silent": False,
                          "age": 0})
        self.assertFalse(o["store"]["shared"])
        self.assertGreater(o["store"]["bytes"], 4096)
        a.kill9()
        for _ in range(3):
            self.i.revoke(self.i.mint()["id"])

        def behind():  # what took long to make is kept for longer
            o = self.i.admin("GET", "/v1/overview")
            return o["agents"][0]["lag"] == 3 and o
        o = wait_for("it to be three events behind", behind, 20)
        self.assertEqual(o["agents"][0]["after"], agent["after"])


if __name__ == "__main__":
    main(at_once=2)
