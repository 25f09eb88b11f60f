#!/usr/bin/env python3
"""What pip installs is the whole package, with its types."""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import unittest

from binding import TOP, Folder, main

TOOLS = ("pip", "setuptools", "wheel")
MISSING = [t for t in TOOLS if importlib.util.find_spec(t) is None]


@unittest.skipIf(MISSING, f"missing: {', '.join(MISSING)}")
class Package(Folder):
    def test_install(self):
        source, target = self.folder / "source", self.folder / "target"
        shutil.copytree(TOP / "bindings/python", source)  # pip builds in it
        said = subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-index",
             "--no-build-isolation", "--target", target, source],
            capture_output=True, text=True)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        ours = {p.name for p in (source / "src/mintmark").iterdir()
                if p.suffix == ".py"} | {"py.typed"}
        there = {p.name for p in (target / "mintmark").iterdir()}
        self.assertEqual(there - {"__pycache__"}, ours)
        said = subprocess.run(
            [sys.executable, "-c", "import mintmark; mintmark.Verifier('x')"],
            env={**os.environ, "PYTHONPATH": str(target)}, cwd=self.folder,
            capture_output=True, text=True)
        self.assertIn("mintmark.Unavailable", said.stderr.replace(
            "_verifier.", ""))

    def test_version(self):
        cmake = (TOP / "CMakeLists.txt").read_text()
        version = re.search(r"project\(mintmark VERSION (\S+)", cmake)[1]
        self.assertIn(f'\nversion = "{version}"\n',
                      (TOP / "bindings/python/pyproject.toml").read_text())


if __name__ == "__main__":
    main()
