#!/usr/bin/env python3
"""mintmark key rotate, retire and compromise, killed before each system call
that changes something (strace injects the signal), and run again.

After each kill: one key signs, none is in two states, the mint mints, and no
live token has lost its key.  After the second run: nothing is left to do."""
import collections
import os
import subprocess
import time

from flow import (MINTMARK, TOP, Flow, Reader, cli, main, may_trace, skip,
                  traced_env, wait_for)
from key_compromise import handed_out, kid, part

# What changes files, and what tells the mint; recvfrom: the mint has done it,
# and nobody has heard.
CALLS = ("mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,write,"
         "fsync,fdatasync,ftruncate,fchmod,fchown,utimensat,flock,sendto,"
         "recvfrom")


def strace(log, inject, *argv):
    p = subprocess.run(["strace", "-qq", "-o", log, "-e", f"trace={CALLS}", *inject,
                        str(MINTMARK), *map(str, argv)],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       env=traced_env())
    if p.returncode not in (0, -9, 137):
        raise AssertionError(f"{p.returncode}: {p.stdout}{p.stderr}")
    return p.returncode != 0


def points_of(log, *argv):
    """Run mintmark; every (call, n-th of them) that it made."""
    assert not strace(log, [], *argv)
    count, points = collections.Counter(), []
    for line in log.read_text().splitlines():
        call = line.partition("(")[0]
        if call in CALLS.split(","):
            count[call] += 1
            points.append((call, count[call]))
    return points


def killed(point, *argv):
    """Run mintmark and kill it before this call; False: it came to none."""
    call, n = point
    return strace("/dev/null", ["-e", f"inject={call}:signal=KILL:when={n}"], *argv)


class Killed(Flow):
    """A mint, an agent, and commands that are killed."""

    def setUp(self):
        super().setUp()
        self.i, self.a = self.both(flags=("--exchange-life", "1s", "--list-ttl", "1s"))
        self.reader = Reader(self.a.state)
        self.addCleanup(self.reader.close)

    def reason(self, token):
        word = self.reader.ask(token)
        return None if word == "ok" else word

    def script(self, name, *flags, want=(0,)):
        p = subprocess.run([TOP / "keys" / name, "--data", self.i.data, *flags],
                           env={**os.environ, "MINTMARK_BIN": str(MINTMARK)},
                           capture_output=True, text=True)
        self.assertIn(p.returncode, want, p.stdout + p.stderr)
        return p.stdout

    def keys(self):
        """{state: [kid]}, from the files; each key is in one state."""
        out = collections.defaultdict(list)
        for f in (self.i.data / "keys").glob("[!.]*/[!.]*.*"):
            out[f.parent.name].append(f.name.partition(".")[0])
        every = sum(out.values(), [])
        self.assertEqual(len(every), len(set(every)), out)
        return out

    def holds(self, tokens, gone=(), mint_told=True):
        """What must be so at every moment.  (Until it is told, the mint may
        sign with a key that is gone from the folders.)"""
        keys = self.keys()
        self.assertIn(len(keys["active"]), (1, 2), keys)
        cli("key", "list", "--data", self.i.data, check=0)
        fresh = self.i.mint()["token"]
        self.assertIsNone(self.reason(fresh))
        for token in (*tokens, *([fresh] if mint_told else [])):
            self.assertIn(kid(token), sum(keys.values(), []))
            self.assertIsNone(self.reason(token))
        for token in gone:
            self.assertEqual(self.reason(token), "unknown_key")

    def whole(self):
        """Nothing is left over from a change that was cut off."""
        keys = self.keys()
        self.assertEqual((len(keys["active"]), len(keys["next"])), (1, 1), keys)
        self.assertEqual(list(self.i.data.glob("keys/*/.*.tmp")), [])
        self.assertEqual(list(self.i.data.glob("keys/compromised/*")), [])
        self.assertEqual(list(self.i.data.glob("keys/retired/*")), [])
        known = {k["kid"]: k["state"]
                 for k in self.i.admin("GET", "/v1/keys")["keys"]}
        self.assertEqual(known, {k: state for state, kids in keys.items()
                                 for k in kids})

    def is_done(self, before):
        """Only the mint's answer did not come through."""
        signs = [k["kid"] for k in self.i.admin("GET", "/v1/keys")["keys"]
                 if k["state"] == "active"]
        return signs == before["next"] and signs == self.keys()["active"]


class Crash(Killed):
    def test_F1_rotate_killed_at_each_call(self):
        rotate = ("key", "rotate", "--now", "--data", self.i.data)
        points = points_of(self.folder / "trace", *rotate)
        cuts, tokens = 0, [self.i.mint()["token"]]
        for n, point in enumerate(points):
            before = self.keys()
            cuts += killed(point, *rotate)
            self.holds(tokens[-3:])
            if not self.is_done(before):
                self.assertIn("signs now", self.script("rotate", "--now"))
            # done once, not twice
            after = self.keys()
            self.assertEqual(after["active"], before["next"], point)
            self.assertIn(before["active"][0], after["retiring"])
            self.holds(tokens[-3:])
            self.whole()
            tokens.append(self.i.mint()["token"])
            if n % 8 == 7:  # the keyring has room for so many
                for k in self.keys()["retiring"]:
                    cli("key", "retire", k, "--force", "--data", self.i.data, check=0)
                tokens = [self.i.mint()["token"]]
        self.assertGreater(cuts, 20, points)

    def is_spent(self, key):
        """Wait until what it may have signed last is of no use any more."""
        def until():
            k, = [k for k in self.i.admin("GET", "/v1/keys")["keys"] if k["kid"] == key]
            return k["needed_until"]
        wait_for("it to be spent", lambda: until() <= time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def test_F1_retire_killed_at_each_call(self):
        live = self.i.mint()["token"]
        rotate = ("key", "rotate", "--now", "--data", self.i.data)
        retire = ("key", "retire", "--data", self.i.data)
        cli(*rotate, check=0)
        cli(*rotate, check=0)
        self.is_spent(next(k for k in self.keys()["retiring"] if k != kid(live)))
        points = points_of(self.folder / "trace", *retire)
        cuts = 0
        for point in points:
            spent = self.keys()["active"][0]  # signs nothing in its time
            cli(*rotate, check=0)
            self.is_spent(spent)
            cuts += killed(point, *retire)
            keys = self.keys()
            self.assertIn(kid(live), keys["retiring"])
            self.assertEqual(len(keys["active"]), 1)
            self.assertIsNone(self.reason(live))
            self.script("retire")
            self.assertEqual(self.keys()["retiring"], [kid(live)], point)
            self.assertNotIn(spent, sum(self.keys().values(), []))
            self.whole()
        self.assertGreater(cuts, 5, points)
        p = cli("key", "retire", kid(live), "--data", self.i.data, check=1)
        self.assertIn("still live", p.stderr)

    def batch(self, n):
        """Tokens of two users, a folder for new ones, and what to run."""
        old = [self.i.mint(user, label=f"l{k}")
               for k, user in enumerate((f"u{n}", f"u{n}", f"v{n}"))]
        key, folder = kid(old[0]["token"]), self.folder / f"new{n}"
        return old, key, folder, ("key", "compromise", key, "--yes", "--reissue",
                                  folder, "--data", self.i.data)

    def test_F1_compromise_killed_at_each_call(self):
        cuts = 0
        kept = self.i.mint("kept")["token"]
        cli("key", "rotate", "--now", "--data", self.i.data, check=0)
        points = points_of(self.folder / "trace", *self.batch("")[3])
        for n, point in enumerate(points):
            old, key, folder, argv = self.batch(n)
            cuts += killed(point, *argv)
            self.holds([kept], mint_told=False)
            # the report is there as long as it is needed
            cli("key", "report", key, "--data", self.i.data, check=0)

            self.script("compromise", key, "--yes", "--reissue", folder)
            self.assertNotIn(key, sum(self.keys().values(), []))
            self.holds([kept], gone=[t["token"] for t in old])
            self.whole()
            self.check_handed_out(folder, old)
            for user in {t["user"] for t in old}:
                self.i.admin("DELETE", f"/v1/users/{user}/tokens")
        self.assertGreater(cuts, 40, points)

    def check_handed_out(self, folder, old):
        """Each once, also one that the mint had made when nobody could write it
        down any more: the same request gives it again."""
        new = {o: t for of in handed_out(folder).values() for o, t in of.items()}
        rows = [r.split("\t") for r in
                (folder / "manifest.tsv").read_text().splitlines()[1:]]
        noted = {r[0]: r[1] for r in rows}
        self.assertLessEqual({t["id"] for t in old}, set(new))
        for t in old:
            token = new[t["id"]]
            self.assertEqual(noted[t["id"]], part(token, 1)["jti"])
            self.assertEqual(part(token, 1)["exp"], part(t["token"], 1)["exp"])
            self.assertIsNone(self.reason(token))
        for user in {t["user"] for t in old}:
            page = self.i.admin("GET", f"/v1/tokens?status=active&user={user}")
            self.assertEqual({t["id"] for t in page["tokens"]},
                             {part(t, 1)["jti"] for t in new.values()
                              if part(t, 1)["sub"] == user})


def main_traced():
    why = may_trace()
    if why:
        skip(f"programs cannot be traced here: {why}")
    main(at_once=3)


if __name__ == "__main__":
    main_traced()
