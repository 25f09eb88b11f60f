#!/usr/bin/env python3
"""fanout.py and size.py run, on little, and what they say can be true.  Many
agents are told of every revocation, and come back after a crash."""
import unittest

import fanout
import size
from flow import SLOW

AGENTS, REVOCATIONS = 200, 10


class Small(unittest.TestCase):
    def times(self, t, count):
        self.assertEqual(t["count"], count)
        self.assertLessEqual(t["p50"], t["p99"])
        self.assertLessEqual(t["p99"], t["p999"])
        self.assertLessEqual(t["p999"], t["most"])
        self.assertLess(t["most"], 20000 * SLOW)

    def test_agents(self):
        o = fanout.run(AGENTS, rest=0.5, revocations=REVOCATIONS, rate=20)
        for what in (o["start"], o["rest"], o["revoke"], *o["storms"]):
            self.assertTrue(what["done"], what)
            self.assertEqual(what["follow"], AGENTS, what)
        self.times(o["revoke"]["seen"], AGENTS * REVOCATIONS)
        self.times(o["revoke"]["acked"], REVOCATIONS)
        self.assertEqual(o["revoke"]["failed"] + o["revoke"]["busy"], 0)
        self.assertGreater(o["revoke"]["cpu_us_an_answer"], 1)
        self.times(o["storms"][0]["back"], AGENTS)
        self.assertGreaterEqual(o["storms"][0]["failed"], AGENTS)
        # not in step: a fifth of half a second, more or less
        self.assertGreater(o["storms"][0]["back"]["most"], 400)

    def test_agents_of_others(self):
        for by in ("relay", "other"):
            with self.subTest(by):
                o = fanout.run(AGENTS, rest=0.5, revocations=REVOCATIONS,
                               rate=20, storms=0, by=by)
                self.assertEqual(o["revoke"]["follow"], AGENTS)
                self.times(o["revoke"]["seen"], AGENTS * REVOCATIONS)

    def test_size(self):
        o = size.run(20000, 200)
        self.assertGreater(o["store_bytes"], 100 * o["tokens"])
        self.assertGreater(o["snapshot_bytes"], o["tokens"])
        self.assertGreaterEqual(o["state_bytes"], o["state_size"])
        self.assertEqual(set(o["pages"]), set(size.PAGES))
        for name, t in o["pages"].items():
            self.assertEqual(t["busy"], 0, name)
            self.assertLessEqual(t["best_s"], t["first_s"], name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
