#!/usr/bin/env python3
"""Take the checks of mm_verify() away, one at a time: a unit test must fail.

    mutants.py [-v | --texts] [WORD...]

WORD: only the mutants whose file or name holds one of them.  -v says of each
mutant which test noticed it, and which checks are left out, and why.  --texts:
only see that each check still stands where table.py says.

table.py lists the mutants.  The sources are copied to a temporary folder and
built there once for each worker; then one text after the other is replaced,
what depends on it is built, and the tests that may notice are run, until one
fails.
"""
import argparse
import collections
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ["CMakeLists.txt", "common", "keys", "issuer", "verifier", "cli",
           "examples", "tests"]
WORKERS = 2
CHUNK = 8  # mutants of one file that a worker takes at a time

KINDS = {
    "plain": ["-DCMAKE_C_FLAGS=-O0 -w"],
    "address": ["-DCMAKE_C_FLAGS=-O1 -w", "-DMM_SANITIZE=address"],
    "thread": ["-DCMAKE_C_FLAGS=-O1 -w", "-DMM_SANITIZE=thread"],
}


# Most of the time goes into linking.
LINKER = (["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=gold"]
          if shutil.which("ld.gold") else [])


def misplaced(mutant, text):
    """What is wrong with its row of the table, or None."""
    count = text.count(mutant.old)
    return None if count == 1 else (
        f"the source has changed: adjust the table: {mutant.name} "
        f"({mutant.file}): the text is there {count} times")


class Tree:
    """A copy of the sources, and what is built from it."""

    def __init__(self, folder, kind):
        self.source, self.build = folder / "source", folder / "build"
        self.tmp = str(folder.parent)  # what failed tests leave behind
        self.limit = collections.defaultdict(lambda: 120)
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.source / name)
            else:
                self.source.mkdir(parents=True)
                shutil.copy2(ROOT / name, self.source)
        p = subprocess.run(["cmake", "-G", "Ninja", "-S", self.source, "-B",
                            self.build, *KINDS[kind], *LINKER],
                           capture_output=True, text=True)
        if p.returncode != 0:
            raise RuntimeError(f"cannot configure:\n{p.stderr[-2000:]}")

    def make(self, tests):
        """None, or what is wrong."""
        p = subprocess.run(["ninja", "-C", self.build, "-j1",
                            *(f"test_{t}" for t in tests)],
                           capture_output=True, text=True)
        return None if p.returncode == 0 else p.stdout[-2000:]

    def passes(self, test):
        """One failure is enough; a crash is one, too, and so is hanging."""
        with subprocess.Popen(
                [self.build / "tests/unit" / f"test_{test}"], text=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                errors="replace",
                env={**os.environ, "MM_TEST_TMP": self.tmp,
                     "TSAN_OPTIONS": "halt_on_error=1",
                     "ASAN_OPTIONS": "detect_leaks=0"}) as p:
            clock = threading.Timer(self.limit[test], p.kill)
            clock.start()
            for line in p.stderr:
                if line.startswith("[  ERROR   ]"):
                    p.kill()
                    break
            good = p.wait() == 0
            clock.cancel()
        return good

    def begin(self, tests):
        """Nothing is changed yet: all must pass.  What is wrong, or None."""
        wrong = self.make(tests)
        for test in tests if wrong is None else []:
            start = time.monotonic()
            if not self.passes(test):
                return f"test_{test} fails as it is"
            self.limit[test] = 3 + 5 * (time.monotonic() - start)
        return wrong

    def check(self, mutant):
        """Which test noticed it?  (None, what is wrong) if none did."""
        file = self.source / mutant.file
        before = file.read_text()
        wrong = misplaced(mutant, before)
        if wrong is not None:
            return None, wrong
        file.write_text(before.replace(mutant.old, mutant.new))
        try:
            for test in table.tests_for(mutant):
                wrong = self.make([test])
                if wrong is not None:
                    return None, (f"does not compile: {mutant.name} "
                                  f"({mutant.file}):\n{wrong}")
                if not self.passes(test):
                    return test, None
        finally:
            file.write_text(before)
        return None, (f"survived: {mutant.name} ({mutant.file}): no test "
                      f"fails without it")


class Run:
    """All mutants, by a few workers; each has trees of its own."""

    def __init__(self, mutants, verbose):
        self.verbose, self.failures = verbose, []
        self.lock, self.chunks = threading.Lock(), queue.Queue()
        self.limits = {}
        groups = collections.defaultdict(list)
        for m in mutants:
            groups[m.kind, m.file if m.kind == "plain" else ""].append(m)
        # first those with the sanitizers, whose trees take longest to build
        for (kind, _), group in sorted(groups.items(),
                                       key=lambda g: g[0][0] == "plain"):
            size = CHUNK if kind == "plain" else len(group)
            for i in range(0, len(group), size):
                self.chunks.put(group[i:i + size])

    def say(self, text):
        with self.lock:
            print(text, flush=True)

    def fail(self, text):
        with self.lock:
            self.failures.append(text)

    def begin(self, tree, kind):
        """Whoever has the first tree of a kind sees that all tests pass."""
        with self.lock:
            first = self.limits.setdefault(kind, tree) is tree
        if first:
            return tree.begin(sorted({t for m in table.MUTANTS
                                      if m.kind == kind
                                      for t in table.tests_for(m)}))
        tree.limit = self.limits[kind].limit
        return None

    def work(self, folder):
        try:
            self.work_on(folder, {})
        except Exception as e:  # pylint: disable=broad-except
            self.fail(f"{type(e).__name__}: {e}")

    def work_on(self, folder, trees):
        while not self.chunks.empty():
            try:
                chunk = self.chunks.get_nowait()
            except queue.Empty:
                return
            kind = chunk[0].kind
            if kind not in trees:
                trees[kind] = Tree(folder / kind, kind)
                wrong = self.begin(trees[kind], kind)
                if wrong is not None:
                    return self.fail(f"unchanged, {kind}: {wrong}")
            for mutant in chunk:
                start = time.monotonic()
                by, wrong = trees[kind].check(mutant)
                if wrong is not None:
                    self.fail(wrong)
                elif self.verbose:
                    self.say(f"{mutant.file}: {mutant.name}: test_{by}, "
                             f"{time.monotonic() - start:.1f} s")

    def all(self):
        with tempfile.TemporaryDirectory(prefix="mintmark-mutants-") as tmp:
            threads = [threading.Thread(target=self.work,
                                        args=(pathlib.Path(tmp) / str(i),))
                       for i in range(WORKERS)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        return self.failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-v", action="store_true")
    parser.add_argument("--texts", action="store_true")
    parser.add_argument("words", nargs="*", metavar="WORD")
    args = parser.parse_args()
    mutants = [m for m in table.MUTANTS if not args.words or
               any(w in f"{m.file}: {m.name}" for w in args.words)]
    if args.texts:
        wrong = [w for m in mutants
                 if (w := misplaced(m, (ROOT / m.file).read_text()))]
        for w in wrong:
            print(w)
        return 1 if wrong else 0
    failures = Run(mutants, args.v).all()
    if args.v:
        for file, what, why in table.REDUNDANT:
            print(f"{file}: left out: {what}: {why}")
    for f in failures:
        print(f)
    if not failures:
        print(f"{len(mutants)} mutants, all noticed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
