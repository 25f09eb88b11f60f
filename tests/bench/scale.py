#!/usr/bin/env python3
"""Measure what docs/scale.md begins with, on a machine that has nothing else
to do; half an hour, and 6 GB of disk:

    scale.py [--quick] [OUT]            (default: tests/sim/measured.json)

Then: tests/sim/tables.py for the tables, tests/sim/tables.py --chart for the
picture.  --quick: 300 agents and 20,000 tokens, to see that it runs.  Should a
run fail, what was measured before it stays; if not all agents heard of all, it
ends with 1."""
import argparse
import json
import os
import pathlib
import resource
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import fanout  # noqa: E402
import size  # noqa: E402

AGENTS = (1000, 3000, 10000)
RELAYED = 9900  # a relay has 10,000 connections
TOKENS = (1_000_000, 10_000_000)
BETWEEN = 3_000_000  # the model is held against it


def machine():
    name = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
    return (f"{time.strftime('%Y-%m-%d')}; {name}, {os.cpu_count()} "
            f"processors; load {os.getloadavg()[0]:.0f} before it began")


def runs(quick):
    if quick:
        yield "fanout", lambda: fanout.run(150, 1, 10, 10)
        yield "fanout", lambda: fanout.run(300, 1, 10, 10)
        for by in ("relay", "other"):
            yield "fanout", lambda by=by: fanout.run(300, 1, 10, 10, by=by)
        for n in (20_000, 40_000):
            yield "size", lambda n=n: size.run(n, n // 100)
        return
    for n in AGENTS:
        yield "fanout", lambda n=n: fanout.run(n, revocations=60, rate=0.5)
    for n, by in ((RELAYED, "relay"), (AGENTS[-1], "other")):
        yield "fanout", lambda n=n, by=by: fanout.run(
            n, revocations=60, rate=0.5, by=by)
    for n in (*TOKENS, BETWEEN):
        yield "size", lambda n=n: size.run(n, n // 100)
    yield "size", lambda: size.run(TOKENS[0], TOKENS[0] // 100, postgres=True)
    yield "size", lambda: size.run(TOKENS[1], TOKENS[1] // 100, postgres=True)


def ended(kind, o):
    """Did each agent hear of all?  (What else fails ends size.py.)"""
    parts = ([o[p] for p in ("start", "rest", "revoke")] + o["storms"]
             if kind == "fanout" else [])
    return all(p["done"] and p["follow"] == o["agents"] for p in parts)


def measure(quick, out):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    all_of_it = {"machine": machine(), "fanout": [], "size": []}
    good = True
    for kind, run in runs(quick):
        o = run()
        {"fanout": fanout, "size": size}[kind].table(o)
        all_of_it[kind].append(o)
        out.write_text(json.dumps(all_of_it, indent=1) + "\n")
        good = good and ended(kind, o)
    return good


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--quick", action="store_true")
    p.add_argument("out", nargs="?", type=pathlib.Path,
                   default=HERE.parent / "sim/measured.json")
    a = p.parse_args()
    if not measure(a.quick, a.out):
        sys.exit("scale.py: not all agents heard of all; see above")


if __name__ == "__main__":
    main()
