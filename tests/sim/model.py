"""model.py - what Mintmark costs at a size that nobody has run yet.

Everything begins with what was measured: measured.json, which tests/bench/
scale.py writes.  Sizes are straight lines through it; how soon a revocation is
everywhere is played, event by event, on a tree of relays.  docs/scale.md says
what comes out.  The same seed, the same figures."""
import bisect
import json
import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent
# seconds that a poll waits: where there is nobody else to ask, and where there is
WAIT, WAIT_CHOICE = 25, 5

# Of the code: what ends a straight line.
SNAPSHOT_MAX = 256 << 20  # common/feed.h
LISTS_MAX = 4096          # common/replica.c, of 2^20 tokens each
PROVEN_MAX = 16384        # issuer/proven.h: agents whose token is remembered
FOLLOWERS_MAX = 32768     # issuer/followers.h: agents that are told apart


def load(path=HERE / "measured.json"):
    return json.loads(pathlib.Path(path).read_text())


class Costs:
    """Constants, each from the run that shows it best."""

    def __init__(self, measured):
        runs = sorted((f for f in measured["fanout"] if f["by"] == "issuer"),
                      key=lambda f: f["agents"])
        sizes = sorted((s for s in measured["size"] if s["store"] == "SQLite"),
                       key=lambda s: s["tokens"])
        small, most, big = sizes[0], runs[-1], sizes[-1]
        n = big["tokens"]

        def each(name):
            """A token's part, and what is there without any."""
            slope = (big[name] - small[name]) / (n - small["tokens"])
            return max(0, slope), max(0, small[name] - slope * small["tokens"])

        def share(name):
            """Of a time, which says little where there is little to do."""
            return big[name] / n, 0
        # fan-out: one agent's part of a round in which all are told
        # (half of them have heard of it at half of the round)
        self.told_wall = 2e-3 * most["revoke"]["seen"]["p50"] / most["agents"]
        self.told_cpu = 1e-6 * most["revoke"]["cpu_us_an_answer"]
        self.poll_cpu = 1e-6 * most["rest"]["cpu_us_a_poll"]
        self.poll_bytes = most["rest"]["bytes_a_poll"]
        self.told_bytes = ((most["revoke"]["sent"] + most["revoke"]["got"])
                           / most["revoke"]["answers"])
        self.agent_memory = ((most["rest"]["resident"] - most["rest"]["at_first"])
                             / most["agents"])
        # size: (a token, without any)
        self.store = each("store_bytes")
        self.snapshot = each("snapshot_bytes")
        self.snapshot_s = share("snapshot_s")
        self.start_s = share("start_s")
        self.issuer = each("resident_snapshot")
        self.agent = each("agent_resident")
        self.agent_s = share("agent_s")
        self.state = each("state_bytes")
        self.page_s = {p: t["best_s" if p != "overview" else "first_s"] / n
                       for p, t in big["pages"].items()}
        # what several issuers share
        pg = max((s for s in measured["size"] if s["store"] == "PostgreSQL"),
                 key=lambda s: s["tokens"])
        self.shared = pg["store_bytes"] / pg["tokens"], 0
        self.shared_overview_s = (pg["pages"]["overview"]["first_s"]
                                  / pg["tokens"])

    def at(self, what, tokens):
        slope, base = getattr(self, what)
        return base + slope * tokens

    def tokens_for(self, what, limit):
        """How many fit."""
        slope, base = getattr(self, what)
        return (limit - base) / slope

    # ---- one node that agents follow

    def rest_cpu(self, agents, wait=WAIT):
        return agents / wait * self.poll_cpu

    def busiest_rest(self, fanout):
        """Of the nodes of a tree.  Who follows a relay may ask the issuer."""
        return max(self.rest_cpu(n, WAIT if level == 0 else WAIT_CHOICE)
                   for level, n in enumerate(fanout))

    def told_share(self, agents, rounds):
        """Of a processor, when all are told so many times a second."""
        return rounds * agents * self.told_cpu


class Tree:
    """Who follows whom: [5, 20, 1000] is an issuer with 5 relays, each with 20,
    each with 1,000 hosts.  ways: one-way delays in seconds, (least, more): each
    child has its own, more or less."""

    def __init__(self, fanout, ways, told, take=0.002, seed=1):
        assert len(fanout) == len(ways)
        self.fanout, self.ways = fanout, ways
        self.told, self.take = told, take  # seconds a child, seconds a batch
        self.rng = random.Random(seed)
        self.far = random.Random(seed)  # the same ways, whatever comes on them
        self.delays, self.rounds = [], []

    def hosts(self):
        n = 1
        for f in self.fanout:
            n *= f
        return n

    def rounds_of(self, come, children):
        """When a node has told all its children: what comes meanwhile waits,
        and goes out together.  (when it began, up to which event)"""
        at, done, out = 0.0, 0, []
        while done < len(come):
            at = max(at, come[done])
            upto = bisect.bisect_right(come, at, lo=done)
            out.append((at, done, upto))
            at += children * self.told
            done = upto
        return out

    def child_times(self, rounds, place, children, way):
        times = []
        for at, first, upto in rounds:
            # who polls first is told first, and that changes
            turn = (place + self.rng.randrange(children)) % children
            there = at + (turn + 1) * self.told + way
            times += [max(there, times[-1] if times else 0)] * (upto - first)
        return times

    def play(self, born, sample=20):
        """born: when each event is in the issuer's log.  Of each one's children
        some `sample` are played: they differ in their place and their way."""
        self.delays, self.rounds = [], [0] * len(self.fanout)
        self._node(born, born, 0, sample)
        self.delays.sort()
        return self

    def _node(self, born, come, level, sample):
        children = self.fanout[level]
        last = level == len(self.fanout) - 1
        rounds = self.rounds_of(come, children)
        self.rounds[level] = max(self.rounds[level], len(rounds))
        step = max(1, children // sample)
        for place in range(0, children, step):
            least, more = self.ways[level]
            way = least + more * self.far.random()
            times = self.child_times(rounds, place, children, way)
            if last:
                self.delays += [t - b for t, b in zip(times, born)]
            else:
                self._node(born, [t + self.take for t in times], level + 1, sample)

    def rank(self, percent):
        return self.delays[min(len(self.delays) - 1,
                               int(len(self.delays) * percent / 100))]


def poisson(rate, count, seed=1):
    """When so many events come, at that rate."""
    rng, at, out = random.Random(seed), 0.0, []
    for _ in range(count):
        at += rng.expovariate(rate)
        out.append(at)
    return out


def evenly(rate, count):
    return [n / rate for n in range(count)]
