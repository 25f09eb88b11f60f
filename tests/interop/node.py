"""node.py - what the tests that need npm's packages share.

The packages come from whatever registry the user's npm has; what they must be
says the lock file.  No npm, or none that has a registry: the test is passed
over, and says why.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

from interop import skip

# What npm says when the registry, and not we, is at fault.
NO_REGISTRY = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|"
                         r"ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|E403|E5\d\d|"
                         r"ENOTCACHED|network)\b")


def find_node():
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        skip("node or npm is not installed: tests/install-packages test")
    version = subprocess.run([node, "--version"], capture_output=True,
                             text=True).stdout.strip()
    if int(version[1:].split(".")[0]) < 18:
        skip(f"node {version} is older than 18")


def install(source, folder):
    """A copy of the folder, with what its package-lock.json names."""
    find_node()
    copy = pathlib.Path(folder) / "node"
    shutil.copytree(source, copy,
                    ignore=shutil.ignore_patterns("node_modules"))
    try:
        said = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"],
            cwd=copy, capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        skip("npm ci had no answer for 180 s")
    if said.returncode != 0:
        if NO_REGISTRY.search(said.stderr):
            skip("npm cannot get the packages: "
                 f"{said.stderr.splitlines()[0]}")
        sys.exit(f"npm ci: {said.stderr}")
    return copy


def assert_pinned(test, source, *names):
    """By content; and from whose registry is its user's choice."""
    packages = json.loads((source / "package-lock.json").read_text())["packages"]
    test.assertEqual(list(packages),
                     ["", *(f"node_modules/{n}" for n in names)])
    for name in names:
        package = packages[f"node_modules/{name}"]
        test.assertTrue(package["integrity"].startswith("sha512-"))
        test.assertNotIn("resolved", package)


class Thrown(Exception):
    """What a script's library threw; its word, and all that it said."""

    def __init__(self, said):
        super().__init__(said)
        self.said = said
        self.word = said.get("error") or said.get("code") or said["name"]


class Asks:
    """For a test that has ask(): what it must throw, and what it then said."""

    def refused(self, word, task, **given):
        with self.assertRaises(Thrown) as caught:
            self.ask(task, **given)
        self.assertEqual(caught.exception.word, word, caught.exception)
        return caught.exception.said


class Script:
    """A script on lines.mjs, in a process of its own."""

    def __init__(self, path):
        self.proc = subprocess.Popen(
            ["node", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def ask(self, task, **given):
        """The task's value; else Thrown."""
        self.proc.stdin.write(json.dumps({"task": task, **given}) + "\n")
        self.proc.stdin.flush()
        line = self.proc.stdout.readline()
        assert line, f"{task}: the script has ended"
        said = json.loads(line)
        if "thrown" in said:
            raise Thrown(said["thrown"])
        return said.get("value")

    def close(self):
        self.proc.stdin.close()
        self.proc.stdout.close()
        assert self.proc.wait(20) == 0, "the script failed"
