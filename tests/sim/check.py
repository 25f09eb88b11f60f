#!/usr/bin/env python3
"""The model says what was measured, says it again, and what must hold of any
tree does."""
import contextlib
import io
import pathlib
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import draw  # noqa: E402
import model  # noqa: E402
import tables  # noqa: E402

NEAR = (0.0001, 0.0002)
WITHIN = 1.6


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.measured = model.load()
        cls.costs = model.Costs(cls.measured)

    def near(self, said, was, what):
        self.assertLess(said, WITHIN * was, what)
        self.assertGreater(said, was / WITHIN, what)

    def test_it_says_what_was_measured(self):
        for f in self.measured["fanout"]:
            v = f["revoke"]
            born = model.evenly(v["rate"], v["acked"]["count"])
            fanout = [1] * (f["by"] != "issuer") + [f["agents"]]
            t = model.Tree(fanout, [NEAR] * len(fanout),
                           self.costs.told_wall).play(born)
            for rank, name in ((50, "p50"), (99, "p99")):
                self.near(1e3 * t.rank(rank), v["seen"][name],
                          f"{fanout} agents, {name}")
            self.near(self.costs.told_cpu * f["agents"] * v["rate"] * 100,
                      v["cpu_percent"], f"{fanout} agents, processor")
        sizes = [s for s in self.measured["size"] if s["store"] == "SQLite"]
        # the lines go through the least and the most
        self.assertGreater(len({s["tokens"] for s in sizes}), 2)
        for s in sizes:
            for what, name in (
                    ("store", "store_bytes"), ("snapshot", "snapshot_bytes"),
                    ("agent", "agent_resident"), ("state", "state_bytes"),
                    ("issuer", "resident_snapshot")):
                self.near(self.costs.at(what, s["tokens"]), s[name],
                          f"{what} of {s['tokens']} tokens")

    def test_the_same_again(self):
        def play():
            return model.Tree([5, 40], [NEAR, NEAR], 1e-4, seed=7).play(
                model.poisson(5, 50, seed=7)).delays
        self.assertEqual(play(), play())

    def test_nobody_hears_of_it_before_it_is(self):
        """... and of a later event never before an earlier one."""
        t = model.Tree([50], [(0, 0.01)], 1e-3)
        born = model.poisson(100, 200)
        self.assertGreater(t.play(born).delays[0], 0)
        rounds = t.rounds_of(born, 50)
        for (a, _, upto), (b, first, _) in zip(rounds, rounds[1:]):
            self.assertEqual(upto, first)
            self.assertGreaterEqual(b, a + 50 * 1e-3 - 1e-9)
        times = t.child_times(rounds, 3, 50, 0.005)
        self.assertEqual(times, sorted(times))
        self.assertEqual(len(times), len(born))

    def test_busy_it_lags_a_round_and_no_more(self):
        """Events come ten times as fast as they can be told: they go together."""
        t = model.Tree([1000], [(0, 0)], 1e-3).play(model.poisson(10, 300))
        self.assertLess(t.rank(100), 2 * 1000 * 1e-3 + 0.1)
        self.assertLess(t.rounds[0], 40)

    def test_a_tree_is_quicker_than_one(self):
        one, tree = (model.Tree(f, [NEAR] * len(f), 3e-5).play(
            model.poisson(0.2, 20)).rank(99) for f in ([20000], [20, 1000]))
        self.assertLess(tree, one / 4)

    def test_the_tables(self):
        """Those of the document are these."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            tables.tell(self.measured, self.costs)
        told = [line.rstrip() for line in out.getvalue().splitlines()
                if line.startswith("|")]
        said = (model.HERE.parents[1] / "docs/scale.md").read_text().splitlines()
        self.assertEqual([line for line in told if line not in said], [])
        self.assertGreater(len(told), 50)

    def test_the_picture(self):
        svg = draw.draw(self.measured, self.costs)
        words = " ".join(xml.etree.ElementTree.fromstring(svg).itertext())
        for each in ("one issuer", "snapshot", "overview", self.measured["machine"]):
            self.assertIn(each, words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
