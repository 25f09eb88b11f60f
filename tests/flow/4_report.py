#!/usr/bin/env python3
"""Step 4, report: a use goes from the process to the agent to the issuer."""
import time

from flow import SLOW, Flow, main, wait_for

WINDOW = int(4 * max(1, SLOW / 2))


def last_use(i, token_id):
    return i.admin("GET", f"/v1/tokens/{token_id}")["last_used_at"]


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


if __name__ == "__main__":
    main()
