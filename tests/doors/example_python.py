#!/usr/bin/env python3
"""The service of examples/python: the life of a token, and what it answers."""
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import unittest

from doors import BUILD, TOP, Life, main
from example import NOTE, Answers, Example, Heads, Stale, bearer

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


class WhatItAnswers(Answers, Heads, Stale, Service):
    def test_a_client_that_leaves(self):
        self.open()
        auth = f"Authorization: {bearer(self.seed['token'])}"
        for text in (f"GET {NOTE} HT",
                     f"GET {NOTE} HTTP/1.1\r\n{auth}\r\n",
                     f"GET {NOTE} HTTP/1.1\r\n{auth}\r\n\r\n",
                     f"PUT {NOTE} HTTP/1.1\r\n{auth}\r\n"
                     "Content-Length: 9\r\n\r\nx"):
            with socket.create_connection(("127.0.0.1", self.port)) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))  # close is a reset
                s.sendall(text.encode())
                time.sleep(0.1 * (not text.endswith("\n")))
        self.door.stop()
        self.assertNotIn("Traceback", self.door.text())


class Types(unittest.TestCase):
    @unittest.skipIf(MYPY is None, "mypy is missing")
    def test_mypy(self):
        said = subprocess.run(
            [MYPY, "--strict", "--cache-dir=/dev/null", "notes.py"],
            cwd=NOTES, env={**os.environ, "MYPYPATH": str(PACKAGE)},
            capture_output=True, text=True)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)


if __name__ == "__main__":
    main(at_once=3)
