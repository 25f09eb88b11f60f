"""console.py - what the tests of the console share.

A live issuer as in the flow tests, and a script of npm/ that is told where it
is and drives a browser.  The script's own tests are node's.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "flow"), str(TESTS / "interop")]
from fill import fill  # noqa: E402
import flow  # noqa: E402
from flow import BUILD, SLOW, Flow, skip  # noqa: E402,F401
from node import assert_pinned, install  # noqa: E402

SOURCE = TESTS / "console/npm"
home = None  # where the scripts lie, with their packages


def chromium():
    return shutil.which("chromium") or skip(
        "chromium is not installed: tests/install-packages test")


class Console(Flow):
    def filled(self, tokens, users):
        """An issuer with a past."""
        i = self.issuer()
        i.stop()
        fill(i.data, tokens, users)
        return i.start()

    def drive(self, script, issuer, **given):
        """Run npm/SCRIPT with an administrator's token, and all else that is
        given, until its tests are through."""
        if "admin" not in given:
            given["admin"] = issuer.mint(
                "root", label="the administrator's own",
                scopes=["mintmark:admin", "mintmark:self"])["token"]
        given.update(url=issuer.url, slow=SLOW, chromium=chromium(),
                     root=os.geteuid() == 0)
        p = subprocess.run(["node", home / script], text=True,
                           input=json.dumps(given), timeout=280,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(p.stdout)
        self.assertEqual(p.returncode, 0, "see above")


def main():
    global home
    chromium()
    with tempfile.TemporaryDirectory(prefix="mintmark-console-") as folder:
        home = install(SOURCE, folder)
        flow.main()
