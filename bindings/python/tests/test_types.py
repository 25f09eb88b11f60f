#!/usr/bin/env python3
"""mypy --strict is content with the package, and sees what users do wrong."""
import os
import shutil
import subprocess
import sys
import unittest

from binding import TOP, Folder, main

MYPY = shutil.which("mypy", path="/usr/bin:/usr/local/bin")
PACKAGE = TOP / "bindings/python"

RIGHT = """\
import mintmark
from typing import Optional, Sequence

def check(token: bytes) -> str:
    with mintmark.Verifier("/run/mintmark/state", audience="files") as v:
        try:
            t = v.verify_user("alice", token, address="192.0.2.7")
            t.allow("node", ["1", "root"], mintmark.READ | mintmark.WRITE)
        except mintmark.Refused as e:
            return e.reason.value
        scopes: Optional[Sequence[str]] = t.scopes
        return t.user if t.has_scope("photos:read") else str(scopes)
"""
WRONG = ["v.verify(1)", "v.verify_user('alice')", "t.user = 'bob'",
         "t.scopes[0]", "v.verify('x').nothing",
         "x: bool = t.allow('node', ['1'], 1)", "mintmark.Refused('revoked')"]


@unittest.skipIf(MYPY is None, "mypy is missing")
class Types(Folder):
    def mypy(self, *what):
        return subprocess.run(
            [MYPY, "--strict", f"--cache-dir={self.folder}/cache", *what],
            env={**os.environ, "MYPYPATH": str(PACKAGE / "src")},
            cwd=self.folder, capture_output=True, text=True)

    def test_the_package(self):
        for version in ("3.9", f"3.{sys.version_info[1]}"):
            said = self.mypy(f"--python-version={version}", "-p", "mintmark")
            self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_its_users(self):
        user = self.folder / "user.py"
        user.write_text(RIGHT)
        said = self.mypy(user)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        user.write_text("import mintmark\n\ndef f(v: mintmark.Verifier, "
                        "t: mintmark.Token) -> None:\n" +
                        "".join(f"    {line}\n" for line in WRONG))
        said = self.mypy(user)
        for n, line in enumerate(WRONG, 4):
            self.assertIn(f"user.py:{n}: error", said.stdout, line)


if __name__ == "__main__":
    main()
