#!/usr/bin/env python3
"""The service of examples/c: the life of a token, and what it answers."""
import os
import subprocess

from doors import BUILD, TOP, Life, main
from example import Answers, Example, Heads, Stale


class Service(Example):
    def serve(self, issuer, agent, port):
        state = agent.state if agent else self.folder / "nothing-here"
        return [BUILD / "tests/examples/c/notes", state, port], None


class TokenLife(Life, Service):
    pass


class WhatItAnswers(Answers, Heads, Stale, Service):
    pass


class Installed(Service):
    """Built as its README says, on an installed Mintmark."""

    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "prefix"
        self.run_ok("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.env = {**os.environ,
                    "PKG_CONFIG_PATH": f"{self.prefix}/lib/pkgconfig",
                    "CMAKE_PREFIX_PATH": str(self.prefix),
                    "LD_LIBRARY_PATH": f"{self.prefix}/lib"}

    def run_ok(self, *argv, **kw):
        said = subprocess.run([str(a) for a in argv], text=True, timeout=300,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **kw)
        self.assertEqual(said.returncode, 0, said.stdout)

    def serve(self, issuer, agent, port):
        return [self.notes, agent.state, port], self.env

    def works(self):
        i, _ = self.open()
        self.assertTrue(self.read("alice", i.mint("alice")["token"]))

    def test_the_line_for_cc(self):
        readme = (TOP / "examples/c/README.md").read_text()
        line, = [line for line in readme.splitlines()
                 if line.startswith("cc ")]
        self.run_ok("cp", "-r", TOP / "examples/c", self.folder / "c")
        self.run_ok("sh", "-c", line, cwd=self.folder / "c", env=self.env)
        self.notes = self.folder / "c/notes"
        self.works()

    def test_find_package(self):
        self.run_ok("cmake", "-S", TOP / "examples/c", "-B",
                    self.folder / "b", env=self.env)
        self.run_ok("cmake", "--build", self.folder / "b", env=self.env)
        self.notes = self.folder / "b/notes"
        self.works()


if __name__ == "__main__":
    main(at_once=3)
