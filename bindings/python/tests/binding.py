"""binding.py - what the package's tests share.

They run on a tree of Mintmark: its header, its build's library, and its real
processes as in tests/flow.  MM_BUILD names the build folder, as there.
"""
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(TOP / "bindings/python/src"), str(TOP / "tests/flow")]
from flow import BUILD, Flow, main, wait_for  # noqa: E402,F401

INCLUDE = TOP / "verifier/include"
HEADER = INCLUDE / "mintmark/verify.h"
CC = shutil.which("cc")
os.environ["MINTMARK_LIB"] = str(BUILD / "verifier/libmintmark.so.0")


class Folder(unittest.TestCase):
    """An empty folder for each test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mintmark-python-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
