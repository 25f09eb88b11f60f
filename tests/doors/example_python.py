#!/usr/bin/env python3
"""The service of examples/python: the life of a token, and what it answers."""
import os
import shutil
import subprocess
import sys
import unittest

from doors import BUILD, SKIPPED, TOP, Life
from example import Answers, Example, Stale

sys.path.insert(0, str(TOP / "tests/interop"))
from interop import main  # noqa: E402

NOTES = TOP / "examples/python"
PACKAGE = TOP / "bindings/python/src"
MYPY = shutil.which("mypy", path="/usr/bin:/usr/local/bin")


class Service(Example):
    def serve(self, issuer, agent, port):
        state = agent.state if agent else self.folder / "nothing-here"
        env = {**os.environ, "PYTHONPATH": str(PACKAGE),
               "MINTMARK_LIB": str(BUILD / "verifier/libmintmark.so.0")}
        return [sys.executable, NOTES / "notes.py", state, port], env


class TokenLife(Life, Service):
    pass


class WhatItAnswers(Answers, Stale, Service):
    pass


class Types(unittest.TestCase):
    @unittest.skipIf(MYPY is None, "mypy is missing")
    def test_mypy(self):
        said = subprocess.run(
            [MYPY, "--strict", "--cache-dir=/dev/null", "notes.py"],
            cwd=NOTES, env={**os.environ, "MYPYPATH": str(PACKAGE)},
            capture_output=True, text=True)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)


if __name__ == "__main__":
    if os.environ.get("MM_SANITIZE"):
        print("skipped: Python cannot load a sanitized library",
              file=sys.stderr)
        sys.exit(SKIPPED)
    main()
