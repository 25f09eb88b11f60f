"""draw.py - docs/scale.svg: what grows, and how.

Lines are the model's, dots were measured.  Every axis is logarithmic; where a
line ends, something in the code does."""
import math
import pathlib
import sys

import model

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from chart import STYLE, text  # noqa: E402

WIDTH, HEIGHT = 760, 1010
LEFT, RIGHT, PANEL, GAP = 74, 180, 220, 86
COLOURS = ("#0f766e", "#b45309", "#6d28d9", "#be123c", "#1d4ed8")
EVENTS = 40


class Panel:
    """xs, ys: (least, most), powers of ten."""

    def __init__(self, top, title, under, xs, ys, units):
        self.top, self.xs, self.ys = top, xs, ys
        self.out = [text(24, top - 30, title, "group"),
                    text(24, top - 14, under, "soft")]
        self.labels = []
        self.grid(*units)

    def x(self, v):
        a, b = map(math.log10, self.xs)
        return LEFT + (math.log10(v) - a) / (b - a) * (WIDTH - LEFT - RIGHT)

    def y(self, v):
        a, b = map(math.log10, self.ys)
        return self.top + PANEL - (math.log10(v) - a) / (b - a) * PANEL

    def decades(self, ends):
        return [10.0 ** n for n in range(round(math.log10(ends[0])),
                                         round(math.log10(ends[1])) + 1)]

    def grid(self, of_x, of_y):
        bottom, right = self.top + PANEL, WIDTH - RIGHT
        for v in self.decades(self.xs):
            self.line(self.x(v), self.top, self.x(v), bottom)
            self.out.append(text(self.x(v), bottom + 16, of_x(v), "soft", "middle"))
        for v in self.decades(self.ys):
            self.line(LEFT, self.y(v), right, self.y(v))
            self.out.append(text(LEFT - 8, self.y(v) + 4, of_y(v), "soft", "end"))

    def line(self, x1, y1, x2, y2, style='class="line"'):
        self.out.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" '
                        f'y2="{y2:.1f}" {style}/>')

    def curve(self, label, colour, points, measured=()):
        """What leaves the panel is left out."""
        kept = [(x, y) for x, y in points
                if self.ys[0] <= y <= self.ys[1] and self.xs[0] <= x <= self.xs[1]]
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in kept)
        self.out.append(f'<polyline points="{path}" fill="none" '
                        f'stroke="{colour}" stroke-width="2"/>')
        for x, y in measured:
            self.out.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" '
                            f'r="4" fill="{colour}"/>')
        self.labels.append([self.y(kept[-1][1]), label, colour])

    def bound(self, y, words):
        self.line(LEFT, self.y(y), WIDTH - RIGHT, self.y(y),
                  'stroke="#be123c" stroke-dasharray="5 4"')
        self.out.append(text(LEFT + 6, self.y(y) - 5, words, "soft"))

    def drawn(self):
        """Labels at the right, none over another."""
        self.labels.sort()
        low = self.top
        for y, label, colour in self.labels:
            y = max(y, low)
            low = y + 15
            self.out.append(f'<rect x="{WIDTH - RIGHT + 10}" y="{y - 5:.1f}" '
                            f'width="10" height="10" fill="{colour}"/>')
            self.out.append(text(WIDTH - RIGHT + 26, y + 4, label))
        return self.out


def steps(a, b, each=4):
    return [10 ** (n / each) for n in range(round(each * math.log10(a)),
                                            round(each * math.log10(b)) + 1)]


def count(n):
    for size, unit in ((1e9, " billion"), (1e6, " million")):
        if n >= size:
            return f"{n / size:g}{unit}"
    return f"{n:,.0f}"


def byte(n):
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n >= size:
            return f"{n / size:g} {unit}"
    return f"{n:g} B"


def second(s):
    return f"{s:g} s" if s >= 1 else f"{1e3 * s:g} ms"


def late(costs, fanout, ways):
    return model.Tree(fanout, ways, costs.told_wall).play(
        model.poisson(0.2, EVENTS)).rank(99)


def fan(measured, costs):
    p = Panel(112, "From a revocation to the last hosts", "p99, a revocation each "
              "5 s; red: what we promise", (100, 1e6), (0.001, 100),
              (count, second))
    near, far = (0.0001, 0.0002), (0.01, 0.09)
    hosts = steps(100, 1e6)
    p.bound(0.1, "100 ms")
    p.curve("one issuer", COLOURS[0],
            [(n, late(costs, [round(n)], [near])) for n in hosts],
            [(f["agents"], f["revoke"]["seen"]["p99"] / 1e3)
             for f in measured["fanout"] if f["by"] == "issuer"])
    p.curve("relays of 1,000", COLOURS[1],
            [(n, late(costs, [max(1, round(n / 1000)), 1000], [near, near]))
             for n in hosts if n >= 1000])
    p.curve("5 regions, of 200", COLOURS[2],
            [(n, late(costs, [5, max(1, round(n / 1000)), 200],
                      [far, near, near])) for n in hosts if n >= 1000])
    return p.drawn()


def space(measured, costs):
    p = Panel(112 + PANEL + GAP, "Bytes", "of live tokens, 2 % revoked, a quarter "
              "auto_refresh", (1e5, 1e9), (1e5, 1e12), (count, byte))
    tokens = steps(1e5, 1e9)
    runs = [s for s in measured["size"] if s["store"] == "SQLite"]
    p.bound(model.SNAPSHOT_MAX, "a snapshot of 256 MiB is the largest")
    for label, what, name, colour in (
            ("store", "store", "store_bytes", COLOURS[0]),
            ("an agent's memory", "agent", "agent_resident", COLOURS[1]),
            ("the issuer's", "issuer", "resident_snapshot", COLOURS[2]),
            ("state file", "state", "state_bytes", COLOURS[3]),
            ("snapshot", "snapshot", "snapshot_bytes", COLOURS[4])):
        p.curve(label, colour, [
            (n, costs.at(what, n)) for n in tokens if what != "snapshot" or
            costs.at(what, n) <= model.SNAPSHOT_MAX],
            [(s["tokens"], s[name]) for s in runs])
    return p.drawn()


def time(measured, costs):
    p = Panel(112 + 2 * (PANEL + GAP), "Time", "of one processor; the same tokens",
              (1e5, 1e9), (0.01, 1000), (count, second))
    tokens = steps(1e5, 1e9)
    runs = [s for s in measured["size"] if s["store"] == "SQLite"]
    p.bound(120, "an agent waits 120 s for a snapshot")
    for label, at, measure, colour in (
            ("overview", lambda n: costs.page_s["overview"] * n,
             lambda s: s["pages"]["overview"]["first_s"], COLOURS[0]),
            ("search in vain", lambda n: costs.page_s["search in vain"] * n,
             lambda s: s["pages"]["search in vain"]["best_s"], COLOURS[1]),
            ("snapshot is made", lambda n: costs.at("snapshot_s", n),
             lambda s: s["snapshot_s"], COLOURS[2]),
            ("a new agent is ready", lambda n: costs.at("agent_s", n),
             lambda s: s["agent_s"], COLOURS[3]),
            ("the issuer starts", lambda n: costs.at("start_s", n),
             lambda s: s["start_s"], COLOURS[4])):
        p.curve(label, colour, [(n, at(n)) for n in tokens],
                [(s["tokens"], measure(s)) for s in runs])
    return p.drawn()


def draw(measured, costs):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
        f'{HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        "<title>What grows with agents and with tokens</title>",
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" '
        'rx="8" class="card"/>',
        text(24, 32, "What grows with agents and with tokens", "head"),
        text(24, 50, "dots were measured, lines are the model; less is better",
             "soft"),
        *fan(measured, costs), *space(measured, costs), *time(measured, costs),
        text(24, HEIGHT - 14, measured["machine"], "soft"), "</svg>", ""])
