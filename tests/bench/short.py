#!/usr/bin/env python3
"""The benchmarks run, and what they print can be true."""
import json
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))
from flow import BUILD  # noqa: E402

NAMES = ["evp.es256", "verify.first_sight", "verify.2threads", "mint.http",
         "propagation"]


def run(*argv):
    return subprocess.run(list(map(str, argv)), capture_output=True,
                          text=True, timeout=250)


class Short(unittest.TestCase):
    def test_all_rows_are_sane(self):
        p = run(sys.executable, HERE / "run.py", "--quick", "-o", "json")
        self.assertEqual(p.returncode, 0, p.stderr)
        said = json.loads(p.stdout)
        self.assertIn("OpenSSL", said["machine"])
        self.assertEqual([r["name"] for r in said["rows"]], NAMES)
        for r in said["rows"]:
            self.assertGreater(r["ns"], 0, r)
            self.assertLessEqual(r.get("min", 0), r["ns"], r)
            self.assertGreaterEqual(r.get("max", r["ns"]), r["ns"], r)
            self.assertLessEqual(r.get("p50", 0), r.get("p99", 0), r)
            self.assertGreater(r.get("count", 1), 0, r)

    def test_the_table(self):
        p = run(BUILD / "tests/bench/bench", "-r", "1")
        self.assertEqual(p.returncode, 0, p.stderr)
        lines = p.stdout.splitlines()
        self.assertEqual([l.split()[0] for l in lines[1:]], NAMES[:3])

    def test_usage(self):
        for wrong in (["-r", "0"], ["-r", "1x"], ["-o", "xml"], ["more"]):
            p = run(BUILD / "tests/bench/bench", *wrong)
            self.assertEqual(p.returncode, 2, wrong)


if __name__ == "__main__":
    unittest.main(verbosity=2)
