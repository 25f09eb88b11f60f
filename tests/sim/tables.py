#!/usr/bin/env python3
"""The tables of docs/scale.md, from what was measured (model.py):

    tables.py [--measured FILE] [--chart >docs/scale.svg]"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import draw  # noqa: E402
import model  # noqa: E402

NEAR, REGION, WORLD = (0.0001, 0.0002), (0.0005, 0.001), (0.01, 0.09)
EVENTS = 60
BEHIND = {"issuer": "", "relay": " behind a relay",
          "other": " at the other of two issuers"}
# (title, who follows whom, their ways)
TREES = [
    ("1,000 hosts, one issuer", [1000], [NEAR]),
    ("3,000 hosts, one issuer", [3000], [NEAR]),
    ("10,000 hosts, one issuer", [10000], [NEAR]),
    ("10,000 hosts, 10 relays", [10, 1000], [NEAR, NEAR]),
    ("100,000 hosts, one issuer (it cannot)", [100000], [NEAR]),
    ("100,000 hosts, 100 relays", [100, 1000], [REGION, NEAR]),
    ("100,000 hosts, 5 regions, 20 relays each", [5, 20, 1000],
     [WORLD, REGION, NEAR]),
    ("100,000 hosts, 5 regions, 100 relays each", [5, 100, 200],
     [WORLD, REGION, NEAR]),
]
RATES = (0.2, 5, 100)


def human(n):
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n:.3g} "


def four(t):
    return ", ".join(f"{t[k]:,.0f}" for k in ("p50", "p99", "p999", "most"))


def agents(measured):
    print("| agents | load | seen, ms: p50, p99, p999, most | answered: p50, p99 | "
          "told | a poll | at rest | memory | an agent a day | storm, ms: p50, p99, "
          "p999, most | its work, 503, failed |")
    print("|---|" + "---|" * 10)
    for f in measured["fanout"]:
        r, v, s = f["rest"], f["revoke"], f["storms"][0]
        behind = BEHIND[f["by"]]
        print(f"| {f['agents']:,}{behind} | {f['load']:.0f} | {four(v['seen'])} | "
              f"{v['acked']['p50']:,.0f}, {v['acked']['p99']:,.0f} | "
              f"{v['cpu_us_an_answer']:.0f} us | {r['cpu_us_a_poll']:.0f} us | "
              f"{r['polls_a_second']:.0f} polls/s, {r['cpu_percent']:.1f} % | "
              f"{r['resident'] / 2**20:.0f} MiB, {r['at_first'] / 2**20:.0f} "
              f"without | {r['bytes_an_agent_a_day'] / 1e6:.2f} MB | "
              f"{four(s['back'])} | {s['work_s']:.2f} s, {s['busy']}, "
              f"{s['failed']:,} |")


def mib(n):
    return f"{n / 2**20:,.1f} MiB"


SHOWN = [  # of a run of size.py
    ("store", lambda s: mib(s["store_bytes"])),
    ("the issuer starts in", lambda s: f"{s['start_s']:.2f} s"),
    ("... its memory, and after a snapshot", lambda s:
     f"{mib(s['resident_started'])}, {mib(s['resident_snapshot'])}"),
    ("snapshot", lambda s: mib(s["snapshot_bytes"])),
    ("... made and fetched in", lambda s: f"{s['snapshot_s']:.2f} s"),
    ("an agent begins, and follows after", lambda s:
     f"{s['agent_s']:.2f} s, {s['agent_cpu_s']:.2f} s of work"),
    ("... again", lambda s: f"{s['agent_again_s']:.2f} s"),
    ("... its memory", lambda s: mib(s["agent_resident"])),
    ("... state file, on the disk", lambda s: mib(s["state_bytes"])),
    ("... checkpoint", lambda s: mib(s["checkpoint_bytes"])),
]


def tokens(measured):
    runs = measured["size"]
    print("\n| live tokens | " + " | ".join(
        f"{s['tokens']:,}, {s['store']}, load {s['load']:.0f}" for s in runs) + " |")
    print("|---|" + "---|" * len(runs))
    for what, show in SHOWN:
        print(f"| {what} | " + " | ".join(map(show, runs)) + " |")
    for page in runs[0]["pages"]:
        cells = [f"{1e3 * s['pages'][page]['first_s']:,.0f}, "
                 f"{1e3 * s['pages'][page]['best_s']:,.0f}"
                 f"{', **503**' if s['pages'][page].get('busy') else ''}"
                 for s in runs]
        print(f"| {page}: the first, the best, ms | " + " | ".join(cells) + " |")
    print()


def trees(costs):
    print("| who follows | " + " | ".join(
        f"{r:g} events/s: p50, p99" for r in RATES) + " | busiest node at rest |")
    print("|---|" + "---|" * (len(RATES) + 1))
    for title, fanout, ways in TREES:
        cells = []
        for rate in RATES:
            t = model.Tree(fanout, ways, costs.told_wall).play(
                model.poisson(rate, EVENTS))
            cells.append(f"{1e3 * t.rank(50):.0f}, {1e3 * t.rank(99):.0f} ms")
        print(f"| {title} | " + " | ".join(cells) +
              f" | {100 * costs.busiest_rest(fanout):.1f} % of a processor |")


def sizes(costs):
    print("\n| tokens | store: SQLite, PostgreSQL | snapshot | made in | issuer | "
          "agent | agent is there after | start | search in vain | overview: "
          "SQLite, PostgreSQL |")
    print("|---|" + "---|" * 9)
    for n in (10**5, 10**6, 10**7, 10**8, 10**9):
        snapshot = costs.at("snapshot", n)
        print(f"| {n:,} | {human(costs.at('store', n))}B, "
              f"{human(costs.at('shared', n))}B | {human(snapshot)}B"
              f"{' **too large**' if snapshot > model.SNAPSHOT_MAX else ''} | "
              f"{costs.at('snapshot_s', n):.2g} s | "
              f"{human(costs.at('issuer', n))}B | {human(costs.at('agent', n))}B"
              f" | {costs.at('agent_s', n):.2g} s | "
              f"{costs.at('start_s', n):.2g} s | "
              f"{costs.page_s['search in vain'] * n:.2g} s | "
              f"{costs.page_s['overview'] * n:.2g} s, "
              f"{costs.shared_overview_s * n:.2g} s |")


def limits(costs):
    print("\nends:")
    for what, n in (
            ("snapshot of 256 MiB, tokens", costs.tokens_for(
                "snapshot", model.SNAPSHOT_MAX)),
            ("4096 lists of 2^20, tokens", model.LISTS_MAX << 20),
            ("all told within 100 ms, agents of one node",
             0.1 / costs.told_wall),
            ("an event a second keeps one processor busy, agents",
             1 / costs.told_cpu)):
        print(f"  {what}: {human(n)}")


# (what, its unit and scale, what measures it)
FAN = [("told_cpu", "us of processor: an agent is told", 1e6),
       ("told_wall", "us of a round: an agent is told", 1e6),
       ("poll_cpu", "us of processor: a heartbeat", 1e6),
       ("poll_bytes", "bytes: a heartbeat, both ways", 1),
       ("told_bytes", "bytes: an agent is told of an event", 1),
       ("agent_memory", "bytes of the issuer's memory: an agent", 1)]
SIZE = [("store", "bytes: the store", 1), ("snapshot", "bytes: a snapshot", 1),
        ("issuer", "bytes: the issuer's memory", 1),
        ("agent", "bytes: an agent's memory", 1),
        ("state", "bytes: a state file", 1),
        ("snapshot_s", "us: a snapshot is made", 1e6),
        ("agent_s", "us: an agent begins", 1e6),
        ("start_s", "us: the issuer starts", 1e6)]


def constants(costs):
    print("\n| constant | for each | without any | measured by |\n|---|---|---|---|")
    for name, what, scale in FAN:
        print(f"| {what} | {scale * getattr(costs, name):,.3g} | | "
              "`fanout.py --agents 10000` |")
    for name, what, scale in SIZE:
        slope, base = getattr(costs, name)
        print(f"| {what}, a token | {scale * slope:.3g} | "
              f"{human(base) if scale == 1 else ''} | `size.py`"
              f"{', `size.py --tokens 1000000`' if scale == 1 else ''} |")
    for page in ("search in vain", "overview"):
        print(f"| us: {page}, a token | {1e6 * costs.page_s[page]:.3g} | | "
              "`size.py` |")


def tell(measured, costs):
    agents(measured)
    tokens(measured)
    trees(costs)
    sizes(costs)
    constants(costs)
    limits(costs)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--measured", default=model.HERE / "measured.json")
    p.add_argument("--chart", action="store_true")
    a = p.parse_args()
    measured = model.load(a.measured)
    costs = model.Costs(measured)
    if a.chart:
        sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(draw.draw(measured, costs))
        return
    tell(measured, costs)


if __name__ == "__main__":
    main()
