#!/usr/bin/env python3
"""The benchmark runs, and what it prints can be true."""
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))
from flow import BUILD  # noqa: E402

NAMES = ["evp.es256", "evp.es256.2threads", "evp.es256_digest_verify", "verify.first_sight",
         "verify.first_sight.2threads", "verify.hot_1k",
         "verify.hot_1k.2threads", "verify.hot_100k", "revocation.check_10m",
         "state.open_10m", "libjwt.es256", "cjose.es256", "rhonabwy.es256",
         "mint.http", "propagation.p50", "propagation.p99",
         "propagation.ack.p50", "propagation.ack.p99", "feed.5000_polls",
         "door.hello_text", "door.hello", "door.auth", "door.auth_basic",
         "door.auth_unix", "nginx.file", "nginx.file_auth", "nginx.proxy",
         "nginx.proxy_auth"]
# Their libraries may be missing, and so may nginx.
PEERS = {"libjwt.es256", "cjose.es256", "rhonabwy.es256"}
NGINX = {n for n in NAMES if n.startswith("nginx.")}


def bench(*argv, **env):
    return subprocess.run([BUILD / "tests/bench/bench", *argv],
                          capture_output=True, text=True, timeout=250,
                          env={**os.environ, **env})


class Short(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mintmark-short-")
        self.addCleanup(folder.cleanup)
        self.tmp = pathlib.Path(folder.name)

    def test_all_rows_are_sane(self):
        p = bench("--quick", "-o", "json", TMPDIR=str(self.tmp))
        self.assertEqual(p.returncode, 0, p.stderr)
        said = json.loads(p.stdout)
        self.assertIn("OpenSSL", said["machine"])
        names = [r["name"] for r in said["rows"]]
        missing = set(NAMES) - set(names)
        self.assertLessEqual(missing - PEERS,
                             set() if os.access("/usr/sbin/nginx", os.X_OK)
                             else NGINX)
        self.assertEqual(names, [n for n in NAMES if n not in missing])
        for r in said["rows"]:
            # the acknowledgement may come after the refusal
            self.assertGreater(r["ns"], -("ack" in r["name"]), r)
            self.assertLessEqual(r["min"], r["ns"], r)
            self.assertGreaterEqual(r["max"], r["ns"], r)
            self.assertLessEqual(r.get("p50", 0), r.get("p99", 0), r)
            self.assertGreater(r.get("count", 1), 0, r)
            for fact, value in r.items():
                if fact.endswith("_percent"):
                    self.assertGreater(value, 0, r)
            if r["name"].startswith(("door.", "nginx.")):
                self.assertGreater(r["a_second"], 0, r)
                self.assertEqual("of_hello_percent" in r,
                                 r["name"].startswith("door.auth"))
                self.assertEqual("of_without_percent" in r,
                                 r["name"].startswith("nginx.")
                                 and r["name"].endswith("_auth"))
        self.assertEqual(list(self.tmp.iterdir()), [], "something stayed")

    def test_the_table_of_some_rows(self):
        p = bench("-q", "-r", "2", "evp", "verify.first_sight")
        self.assertEqual(p.returncode, 0, p.stderr)
        lines = p.stdout.splitlines()
        self.assertEqual([l.split()[0] for l in lines[2:]], NAMES[:5])

    def test_the_tokens_for_others(self):
        out = self.tmp / "out"
        p = bench("-q", "--tokens", str(out), "evp.es256_")
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn("BEGIN PUBLIC KEY", (out / "key.pem").read_text())
        tokens = out / "tokens.txt"
        self.assertEqual(stat.S_IMODE(tokens.stat().st_mode), 0o600)
        for line in tokens.read_text().splitlines():
            self.assertEqual(line.count("."), 2, line)

    def test_the_chart(self):
        rows = [{"name": "verify.hot_1k", "ns": 93.2},
                {"name": "libjwt.es256", "ns": 410000.0}]
        p = subprocess.run(
            [sys.executable, HERE / "chart.py"], text=True,
            input=json.dumps({"machine": "a < b", "rows": rows}),
            capture_output=True, encoding="utf-8")
        self.assertEqual(p.returncode, 0, p.stderr)
        drawn = " ".join(xml.etree.ElementTree.fromstring(p.stdout).itertext())
        for words in ("93 ns", "410 µs", "libjwt", "a < b"):
            self.assertIn(words, drawn)

    def test_usage(self):
        for wrong in (["-r", "0"], ["-r", "1x"], ["-r", "1001"], ["-r"],
                      ["-o", "xml"], ["more"], ["evp", "more"], ["--slow"]):
            self.assertEqual(bench(*wrong).returncode, 2, wrong)
        self.assertIn("ROUNDS", bench("--help").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
