#!/usr/bin/env python3
"""Draw what a check of a token costs, for docs/performance.svg:

    bench -o json | chart.py [FILE...] >performance.svg

Reads the JSON of bench (and of fast-jwt.mjs), from files or standard
input, and draws the rows below that are there.  The scale is logarithmic:
they lie between some nanoseconds and a millisecond.
"""
import html
import json
import math
import sys

# (title, [(row, label, is it ours)])
GROUPS = [
    ("Seen before", [
        ("verify.hot_1k", "Mintmark, 1,000 tokens", True),
        ("verify.hot_1k.2threads", "… with two threads", True),
        ("verify.hot_100k", "Mintmark, 100,000 tokens", True),
        ("revocation.check_10m", "… of it: revoked? (10 million live)", True),
        ("fast-jwt.hot_1k", "fast-jwt (Node), 1,000 tokens", False),
    ]),
    ("First sight", [
        ("verify.first_sight", "Mintmark, every check", True),
        ("verify.first_sight.2threads", "… with two threads", True),
        ("evp.es256", "OpenSSL, the signature alone", False),
    ]),
    ("Peers, each time", [
        ("cjose.es256", "cjose", False),
        ("fast-jwt.es256", "fast-jwt (Node), no cache", False),
        ("rhonabwy.es256", "rhonabwy", False),
        ("libjwt.es256", "libjwt 1.10", False),
    ]),
]

WIDTH, LEFT, RIGHT = 760, 270, 90
TOP, ROW, TITLE, FOOT = 66, 24, 26, 56
UNITS = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")]

STYLE = """
svg { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
.card { fill: #ffffff; stroke: #d0d7de }
text { fill: #1f2328 }
.soft { fill: #59636e; font-size: 11px }
.head { font-size: 15px; font-weight: 600 }
.group { font-weight: 600 }
.line { stroke: #d8dee4 }
.ours { fill: #0f766e }
.theirs { fill: #9aa4af }
@media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; stroke: #30363d }
  text { fill: #e6edf3 }
  .soft { fill: #9198a1 }
  .line { stroke: #262c36 }
  .ours { fill: #2dd4bf }
  .theirs { fill: #6e7681 }
}
"""


def human(ns):
    """Two digits, or all before the point: 87 ns, 3.2 µs, 410 µs."""
    for size, unit in UNITS:
        if ns >= size or size == 1:
            value = ns / size
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    raise AssertionError


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:g}" y="{y:g}" class="{kind}" '
            f'text-anchor="{anchor}">{html.escape(words)}</text>')


class Scale:
    """From a power of ten to a power of ten."""

    def __init__(self, values):
        self.low = math.floor(math.log10(min(values) / 1.5))
        self.high = math.ceil(math.log10(max(values)))

    def x(self, ns):
        part = (math.log10(ns) - self.low) / (self.high - self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def decades(self):
        return [10.0 ** n for n in range(self.low, self.high + 1)]


def decade(ns):
    return human(ns).replace(".0", "")


def bar(scale, y, label, ns, ours):
    end = scale.x(ns)
    return [text(LEFT - 12, y + 14, label, anchor="end"),
            f'<rect x="{LEFT}" y="{y + 3}" width="{end - LEFT:.1f}" '
            f'height="{ROW - 8}" rx="2" class="{"ours" if ours else "theirs"}"/>',
            text(end + 6, y + 14, human(ns), "group" if ours else "")]


def grid(scale, bottom):
    for ns in scale.decades():
        x = scale.x(ns)
        yield (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" '
               f'y2="{bottom}" class="line"/>')
        yield text(x, bottom + 16, decade(ns), "soft", "middle")


def draw(machine, measured):
    groups = [(title, [r for r in rows if r[0] in measured])
              for title, rows in GROUPS]
    groups = [(title, rows) for title, rows in groups if rows]
    scale = Scale([measured[r[0]] for _, rows in groups for r in rows])
    bars, y = [], TOP
    for title, rows in groups:
        bars.append(text(24, y + 18, title, "group"))
        y += TITLE
        for name, label, ours in rows:
            bars += bar(scale, y, label, measured[name], ours)
            y += ROW
        y += 8
    height = y + FOOT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
        f'{height}" width="{WIDTH}" height="{height}" role="img">',
        "<title>The time that a check of a token takes</title>",
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" '
        'rx="8" class="card"/>',
        text(24, 32, "Time to check a token (ES256)", "head"),
        text(24, 50, "less is better; each line is ten times the one "
             "before it", "soft"),
        *grid(scale, y), *bars,
        text(24, height - 14, machine, "soft"), "</svg>", ""])


def main():
    paths = sys.argv[1:]
    if any(p.startswith("-") and p != "-" for p in paths):
        sys.exit(__doc__)
    said = []
    for path in paths or ["-"]:
        with (open(path, encoding="utf-8") if path != "-" else
              sys.stdin) as f:
            said.append(json.load(f))
    measured = {r["name"]: r["ns"] for s in said for r in s["rows"]}
    if not any(r[0] in measured for _, rows in GROUPS for r in rows):
        sys.exit("chart.py: none of the rows that it draws are there")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(draw("; ".join(s["machine"] for s in said), measured))


if __name__ == "__main__":
    main()
