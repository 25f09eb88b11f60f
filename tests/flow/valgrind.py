#!/usr/bin/env python3
"""The six steps under valgrind's memcheck: every program of ours that they start,
also those that are killed, and no report of any of them.

Sanitized builds look at our code only; memcheck sees what the libraries do with
our memory, too, and bytes that nobody has written.  Nothing is suppressed.
With arguments: these steps alone."""
import concurrent.futures
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

from flow import AGENT, BUILD, MINTMARK, MINTMARKD, VERIFY_LINES, skip

HERE = pathlib.Path(__file__).resolve().parent
STEPS = ("5_renew", "1_mint", "2_publish", "3_verify", "4_report", "6_revoke",
         "6_rotate", "6_again")
SLOW = "10"
FOUND = 99  # the exit code of a program that valgrind reports something of
# Its one lock goes from thread to thread: without, one may wait for a minute.
MEMCHECK = ("valgrind", "--quiet", "--vgdb=no", "--fair-sched=try",
            f"--error-exitcode={FOUND}",
            "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite", "--num-callers=30")


def wrap(folder, program):
    """In `folder`, a script in the place of this program: valgrind in the same
    process, so that signals reach it, with a file for what it finds."""
    script = folder / program.relative_to(BUILD)
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\nexec " + shlex.join(
        [*MEMCHECK, f"--log-file={folder}/{program.name}.%p.found",
         str(program)]) + ' "$@"\n')
    script.chmod(0o755)


def reports(folder):
    """What it found, by program.  Its lines that begin with -- are about itself:
    it does not know mlock2(2), and OpenSSL then takes mlock(2)."""
    found = {f.name: "".join(line for line in f.open(errors="replace")
                             if not line.startswith("--"))
             for f in sorted(folder.glob("*.found"))}
    return [f"{name}:\n{text}" for name, text in found.items() if text]


def run(step):
    """True if the step holds and nothing was found."""
    with tempfile.TemporaryDirectory(prefix="mintmark-valgrind-") as name:
        folder = pathlib.Path(name)
        for program in (MINTMARKD, AGENT, MINTMARK, VERIFY_LINES):
            wrap(folder, program)
        p = subprocess.run(
            [sys.executable, HERE / f"{step}.py"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "MM_BUILD": name, "MM_SLOW": SLOW})
        runs, found = len(list(folder.glob("*.found"))), reports(folder)
    print(p.stdout, *found, f"{step}: exit {p.returncode}; {runs} processes, "
          f"{len(found)} of them reported", sep="\n", flush=True)
    return p.returncode == 0 and runs > 0 and not found


def main():
    if shutil.which("valgrind") is None:
        skip("there is no valgrind: tests/install-packages test")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        sys.exit(not all(list(pool.map(run, sys.argv[1:] or STEPS))))


if __name__ == "__main__":
    main()
