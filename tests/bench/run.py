#!/usr/bin/env python3
"""What Mintmark costs on this machine, all of it:

    tests/bench/run.py [--quick] [-o json]

MM_BUILD names the build folder, build/dev if it is not set.  Close what
else runs on the machine; the figures are worth as much as it is quiet.
"""
import argparse
import json
import os
import pathlib
import subprocess

import system
from flow import BUILD


def field(path, name):
    """The first value of `name` in a file of "name SEPARATOR value"."""
    for line in pathlib.Path(path).read_text().splitlines():
        key, colon, value = line.partition("=" if "=" in line else ":")
        if key.strip() == name and colon:
            return value.strip().strip('"')
    return "?"


def build_kind():
    cache = BUILD / "CMakeCache.txt"
    kind = field(cache, "CMAKE_BUILD_TYPE:STRING")
    sanitizers = field(cache, "MM_SANITIZE:STRING")
    return kind + (f", sanitizers {sanitizers}" if sanitizers else "")


def machine():
    openssl = subprocess.run(["openssl", "version"], text=True, check=True,
                             capture_output=True).stdout.split()
    return ", ".join((field("/proc/cpuinfo", "model name"),
                      f"{os.cpu_count()} cores",
                      field("/etc/os-release", "PRETTY_NAME"),
                      " ".join(openssl[:2]), build_kind()))


def in_process(quick):
    p = subprocess.run([BUILD / "tests/bench/bench", "-o", "json",
                        *(["-r", "1"] if quick else [])],
                       text=True, check=True, stdout=subprocess.PIPE)
    return json.loads(p.stdout)["rows"]


def human(ns):
    if ns is None:
        return ""
    return f"{ns / 1e6:.2f} ms" if ns >= 1e6 else f"{ns / 1e3:.1f} us"


def note(row):
    rate = f"{1e9 / row['ns']:,.0f}/s" if row["name"] != "propagation" else ""
    how = f"{row['count']} times, {row['how']}" if "how" in row else ""
    return "; ".join(filter(None, (rate, how)))


def table(rows):
    columns = ("ns", "min", "max", "p50", "p99")
    form = "{:<20}" + "{:>11}" * len(columns) + "  {}"
    yield form.format("", "each", *columns[1:], "").rstrip()
    for row in rows:
        yield form.format(row["name"], *(human(row.get(c)) for c in columns),
                          note(row)).rstrip()


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--quick", action="store_true", help="only see it run")
    a.add_argument("-o", choices=["json"], help="for programs")
    opt = a.parse_args()
    rows = [*in_process(opt.quick), *system.rows(opt.quick)]
    if opt.o:
        print(json.dumps({"machine": machine(), "rows": rows}))
    else:
        print(machine(), *table(rows), sep="\n")


if __name__ == "__main__":
    main()
