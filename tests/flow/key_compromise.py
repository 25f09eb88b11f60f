#!/usr/bin/env python3
"""A signing key has been stolen: the drill of keys/README.md, with a thief.

The thief has what lay in keys/, signs tokens, and signs a feed."""
import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import unittest
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from flow import (MINTMARK, MINTMARKD, SLOW, TOP, Flow, Reader, cli, led_on, main,
                  may_trace, traced_env, wait_for)
from hostile_feed import Liar


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(jws, n):
    p = jws.split(".")[n]
    return json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)))


def kid(token):
    return part(token, 0)["kid"]


class Stolen:
    """A private key in the wrong hands."""

    def __init__(self, pem):
        self.key = serialization.load_pem_private_key(pem, None)
        n = self.key.public_key().public_numbers()
        self.jwk = {"crv": "P-256", "kty": "EC", "x": b64(n.x.to_bytes(32, "big")),
                    "y": b64(n.y.to_bytes(32, "big"))}
        h = hashes.Hash(hashes.SHA256())
        h.update(json.dumps(self.jwk, separators=(",", ":")).encode())
        self.kid = b64(h.finalize())[:11]

    @classmethod
    def new(cls):
        return cls(ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    def sign(self, typ, payload):
        head = b64(json.dumps({"alg": "ES256", "kid": self.kid, "typ": typ}).encode())
        text = f"{head}.{b64(json.dumps(payload).encode())}"
        r, s = utils.decode_dss_signature(
            self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def token(self, like, **changes):
        """A copy of a good token's claims, with the thief's changes."""
        return self.sign("JWT", {**part(like, 1), **changes})


def stolen_keys(i):
    """Everything that lies in the keyring, by state."""
    return {p.parent.name: Stolen(p.read_bytes())
            for p in (i.data / "keys").glob("*/*.pem")}


def compromise(i, key, *flags, check=0):
    p = subprocess.run([TOP / "keys/compromise", "--yes", "--data", i.data,
                        *flags, "--", key], capture_output=True, text=True,
                       env={**os.environ, "MINTMARK_BIN": str(MINTMARK)})
    assert p.returncode == check, f"{p.returncode}\n{p.stdout}{p.stderr}"
    return p


def handed_out(folder):
    """{user: {old id: new token}}, from the files of --reissue."""
    out = {}
    for f in folder.glob("*.tokens"):
        lines = f.read_text().splitlines()
        user = urllib.parse.unquote(f.name[:-len(".tokens")])
        out[user] = {head.split()[1]: token
                     for head, token in zip(lines[::2], lines[1::2])}
    return out


class Drill(Flow):
    def test_F13_the_drill(self):
        i, a = self.both()
        away = self.agent(i, name="away")
        wait_for("it to follow", lambda: "feed.connected" in away.text())
        away.stop()
        reader = Reader(a.state)
        self.addCleanup(reader.close)
        laptop = i.mint("alice", label="my laptop", scopes=["photos:read"],
                        audience=["files"], auto_refresh=3600, expires_in=7200)
        ci = i.mint("alice", label="ci")
        bob = i.mint("bob/../x", label="backup")
        held = i.mint("carl")
        i.admin("POST", f"/v1/tokens/{held['id']}/suspend")
        i.revoke(i.mint("dora")["id"])
        thief = stolen_keys(i)["active"]
        forged = thief.token(ci["token"], sub="root")
        self.assertEqual(thief.kid, kid(ci["token"]))
        for t in (ci["token"], bob["token"], forged):
            self.assertEqual(reader.ask(t), "ok")  # that is the danger

        folder = self.folder / "new"
        p = compromise(i, thief.kid, "--reissue", folder)
        acked = time.monotonic()
        while reader.ask(forged) != "unknown_key":
            self.assertLess(time.monotonic() - acked, 1 * SLOW)
        for t in (laptop, ci, bob, held):
            self.assertEqual(reader.ask(t["token"]), "unknown_key")
        late = thief.token(ci["token"], iat=int(time.time()), jti=bob["id"])
        self.assertEqual(reader.ask(late), "unknown_key")
        self.assertEqual(i.http("GET", "/v1/users", token=forged)[0], 401)

        # the report: whose, by user and label
        rows = [line.split()[:2] for line in p.stdout.splitlines()
                if line.startswith(("agent ", "alice ", "bob", "carl ", "dora "))]
        self.assertEqual([r[0] for r in rows],
                         ["agent", "agent", "alice", "alice", "bob/../x", "carl"])
        self.assertIn("my laptop", p.stdout)
        self.assertIn("may be a mintmark-agent's own", p.stdout)
        self.assertNotIn("eyJ", p.stdout + p.stderr)

        # what is handed out
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        for f in folder.iterdir():
            self.assertEqual(stat.S_IMODE(f.stat().st_mode), 0o600, f)
        new = handed_out(folder)
        self.assertEqual({u: set(t) for u, t in new.items() if u != "agent"},
                         {"alice": {laptop["id"], ci["id"]}, "bob/../x": {bob["id"]}})
        for name in ("manifest.tsv", "plan.json"):
            self.assertNotIn("eyJ", (folder / name).read_text())
        again = new["alice"][laptop["id"]]
        was, now = part(laptop["token"], 1), part(again, 1)
        for claim in ("iss", "sub", "aud", "scope", "exp", "auto_refresh"):
            self.assertEqual(was[claim], now[claim], claim)
        for user in ("alice", "bob/../x"):
            for token in new[user].values():
                self.assertEqual(reader.ask(token), "ok")
        manifest = (folder / "manifest.tsv").read_text()
        self.assertIn(f"{ci['id']}\t{part(new['alice'][ci['id']], 1)['jti']}\talice",
                      manifest)
        self.assertIn(f"{held['id']}\t-\tcarl", manifest)
        for t in (laptop, ci, bob):
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                             "revoked")

        # the same again: nothing is made twice
        count = len(i.admin("GET", "/v1/tokens?limit=1000")["tokens"])
        compromise(i, thief.kid, "--reissue", folder)
        self.assertEqual(handed_out(folder), new)
        self.assertEqual((folder / "manifest.tsv").read_text(), manifest)
        self.assertEqual(count, len(i.admin("GET", "/v1/tokens?limit=1000")["tokens"]))

        # who was away comes back with the token of the stolen key, and hears
        self.assertIsNone(away.reason(forged))
        away.start()
        away.wait_reason(forged, "unknown_key")
        self.assertIsNone(away.reason(again, "--no-use"))
        # its old token opens nothing but the feed, the new one the rest too
        old = away.token_file.read_text().strip()
        uses = {"uses": []}
        self.assertEqual(i.http("GET", "/v1/feed?after=0", token=old)[0], 200)
        self.assertEqual(i.http("POST", "/v1/uses", uses, token=old)[0], 401)
        self.assertEqual(i.http("POST", "/v1/uses", uses, token=new["agent"][
            part(old, 1)["jti"]])[0], 200)

    def test_report_and_replacement_later(self):
        """Also when the key went while no mint was running."""
        i = self.issuer()
        t = i.mint("alice", label="lap\u00e9top")
        key = kid(t["token"])
        i.stop()
        p = compromise(i, key, "--reissue", self.folder / "new", check=3)
        self.assertIn("Next: start it", p.stderr)
        self.assertNotIn(key, " ".join(map(str, i.data.glob("keys/*/*.*"))))
        i.start()
        p = cli("key", "report", key, "--data", i.data, check=0)
        self.assertIn("lap\u00e9top", p.stdout)
        p = cli("key", "report", key, "-o", "json", "--data", i.data, check=0)
        self.assertEqual([x["id"] for x in json.loads(p.stdout)["tokens"]], [t["id"]])
        p = compromise(i, key, "--reissue", "-", "-o", "json")
        report, new = map(json.loads, p.stdout.splitlines())
        self.assertEqual(report["tokens"][0]["label"], "lap\u00e9top")
        self.assertEqual((new["replaces"], new["user"]), (t["id"], "alice"))
        self.assertEqual(part(new["token"], 1)["jti"], new["id"])
        p = compromise(i, key)
        self.assertIn("No live token", p.stdout)

    def test_the_dead_are_not_shown_alive(self):
        i = self.issuer()
        alive, held, gone = (i.mint("alice") for _ in range(3))
        i.admin("POST", f"/v1/tokens/{held['id']}/suspend")
        i.revoke(gone["id"])
        compromise(i, alive["key"])
        new = i.mint("alice")

        def listed(status):
            return {t["id"]: t["status"] for t in i.admin(
                "GET", f"/v1/tokens?user=alice&status={status}")["tokens"]}

        self.assertEqual(listed("active"), {new["id"]: "active"})
        self.assertEqual(listed("suspended"), {held["id"]: "suspended"})
        self.assertEqual(listed("unknown_key"), {alive["id"]: "unknown_key"})
        self.assertEqual(listed("revoked"), {gone["id"]: "revoked"})
        self.assertEqual(listed("all"), {
            **listed("active"), **listed("unknown_key"), **listed("revoked"),
            **listed("suspended")})
        alice, = i.admin("GET", "/v1/users")["users"]
        self.assertEqual((alice["active_tokens"], alice["tokens"]), (1, 4))
        for args in (("show", alive["id"]), ("list", "--status", "unknown_key")):
            p = cli("token", *args, "--data", i.data, check=0)
            self.assertIn("unknown_key", p.stdout)
        # nor do they count for what a user may have
        i.stop()
        i.start(flags=["--max-tokens", "2"])
        i.mint("alice")
        self.assertEqual(i.http("POST", "/v1/tokens", {
            "user": "alice", "expires_in": 60}, local=True)[0], 403)

    def test_thrown_out_while_no_mint_ran(self):
        """Nobody has heard, so it is not done; the mint's start does it, and
        the audit has what it was: no retirement."""
        i, a = self.both()
        t = i.mint()
        i.stop()
        for _ in range(2):
            p = compromise(i, t["key"], check=3)
            self.assertIn("verifiers accept", p.stderr)
            self.assertIn("start it", p.stderr)
        self.assertIsNone(a.reason(t["token"]))  # that is the danger
        i.start()
        a.wait_reason(t["token"], "unknown_key")
        self.assertIn(f"\"key.compromised\",\"kid\":\"{t['key']}\"", i.text())
        lines = i.http("GET", f"/v1/audit?q={t['key']}&after=0", local=True)[1].decode()
        self.assertIn('"event":"key.compromise"', lines)
        self.assertNotIn('"event":"key.retire"', lines)
        self.assertEqual(list(i.data.glob("keys/compromised/*")), [])
        compromise(i, t["key"])

    def test_folders_that_others_see(self):
        i = self.issuer()
        key = kid(i.mint()["token"])
        for mode in (0o755, 0o770):
            d = self.folder / f"d{mode:o}"
            d.mkdir()
            d.chmod(mode)
            compromise(i, key, "--reissue", d, check=1)
            self.assertEqual(list(d.iterdir()), [])
        other = self.folder / "other"
        self.assertEqual(stolen_keys(i)["active"].kid, key)  # nothing was done
        p = compromise(i, key, "--reissue", other)
        self.assertEqual(p.stdout.count("Next: "), 1, p.stdout)
        self.assertIn("\nThen find out how the key got out", p.stdout)
        second = i.mint()["key"]
        p = compromise(i, second, "--reissue", other, check=1)
        self.assertIn("another key", p.stderr)
        self.assertEqual(i.mint()["key"], second)

    def test_a_key_that_is_gone(self):
        """One that signed nothing, one that was retired, and none."""
        i = self.issuer()
        waits = stolen_keys(i)["next"].kid
        p = compromise(i, waits)
        self.assertIn("\nNext: find out how", p.stdout)
        p = compromise(i, waits)
        self.assertIn(f"The key {waits} is not in", p.stdout)
        self.assertNotIn("Next:", p.stdout)
        self.assertIn("thrown out before. Still to be done, if nobody has: find out", p.stdout)
        self.assertIn("there is nothing to replace", p.stdout)
        p = compromise(i, "AAAAAAAAAAA", check=1)
        self.assertIn("there is no such key", p.stderr)
        self.assertNotIn("No live token", p.stdout)

    def test_one_that_was_never_announced(self):
        """It lies in the folder since the mint has read it: nobody takes what it
        signs, so it is done when it is out."""
        i = self.issuer()
        new = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())
        pem = i.data / f"keys/next/{Stolen(new).kid}.pem"
        pem.write_bytes(new)
        pem.chmod(0o600)
        p = compromise(i, pem.stem)
        self.assertIn("It has never announced this one", p.stdout)
        self.assertFalse(pem.exists())
        status, why, _ = i.http("POST", "/v1/keys/reload",
                                {"compromised": [pem.stem]}, local=True)
        self.assertEqual(status, 404, why)
        self.assertIn(f"{pem.stem} is no key of this mint", why["detail"])

    def test_a_gone_key_whose_file_came_back(self):
        """The mint would refuse the whole keyring for it: it keeps no stolen
        key in, and no rotation is begun that cannot be in force."""
        i = self.issuer()
        back = stolen_keys(i)["next"].kid
        pem = i.data / f"keys/next/{back}.pem"
        text = pem.read_bytes()
        compromise(i, back)
        t = i.mint()

        def put_back():
            pem.write_bytes(text)
            pem.chmod(0o600)
            os.utime(pem, (1, 1))  # its turn would be the next

        put_back()
        before = {f.name: f.parent.name for f in i.data.glob("keys/*/*.pem")}
        p = cli("key", "rotate", "--data", i.data, check=1)
        self.assertIn(f"{back} was retired or compromised before", p.stderr)
        self.assertEqual(before, {f.name: f.parent.name
                                  for f in i.data.glob("keys/*/*.pem")})
        p = compromise(i, t["key"])
        self.assertIn(f"The key {back} was retired or thrown out before", p.stdout)
        self.assertFalse(pem.exists())
        self.assertNotEqual(i.mint()["key"], t["key"])

    def test_what_is_not_replaced(self):
        """Each with its own reason; and what was replaced is not asked for
        again, an agent's old token neither."""
        i = self.issuer()
        agent = i.mint("agent", scopes=["mintmark:agent"])
        formula = i.mint("@sum", label="=1+1")
        held, rotated = i.mint("carl"), i.mint("dora")
        i.admin("POST", f"/v1/tokens/{held['id']}/suspend")
        young = i.admin("POST", f"/v1/tokens/{rotated['id']}/rotate", {"overlap": 3600})
        p = compromise(i, held["key"], "--reissue", self.folder / "a")
        self.assertIn(f"{held['id']} of carl was not replaced: it is suspended", p.stdout)
        self.assertIn(f"{rotated['id']} of dora was not replaced: it had been "
                      "rotated already", p.stdout)
        self.assertIn("Made 3 new tokens, each in place", p.stdout)
        new = handed_out(self.folder / "a")
        self.assertEqual({old for of in new.values() for old in of},
                         {agent["id"], formula["id"], young["id"]})
        manifest = (self.folder / "a/manifest.tsv").read_text()
        self.assertIn("\t'@sum\t'=1+1\t", manifest)

        count = len(i.admin("GET", "/v1/tokens?status=all&limit=1000")["tokens"])
        p = compromise(i, held["key"], "--reissue", self.folder / "b")
        self.assertNotIn(agent["id"] + " ", p.stdout)
        self.assertNotIn("need new ones", p.stdout)
        self.assertIn("Made no new tokens.", p.stdout)
        self.assertEqual(handed_out(self.folder / "b"), {})
        self.assertEqual(count, len(i.admin(
            "GET", "/v1/tokens?status=all&limit=1000")["tokens"]))

    def test_a_torn_record_is_made_good(self):
        i = self.issuer()
        t = i.mint("alice")
        folder = self.folder / "new"
        folder.mkdir(mode=0o700)
        torn = folder / "alice.tokens"
        torn.write_text(f"# 9.1 -> 9.2 of alice, until x: y\neyJ.whole\n"
                        f"# {t['id']} -> 9.3 of alice, until x: y\neyJ.tor")
        compromise(i, kid(t["token"]), "--reissue", folder)
        lines = torn.read_text().splitlines()
        self.assertEqual(lines[:2], ["# 9.1 -> 9.2 of alice, until x: y", "eyJ.whole"])
        self.assertEqual(len(lines), 4)
        self.assertEqual(part(lines[3], 1)["sub"], "alice")


class NoAnswer(Flow):
    """Whatever the mint does not say keeps no stolen key in."""

    def out(self, i, key, *flags, says):
        p = compromise(i, key, *flags, check=3)
        self.assertIn(f"Threw out the key {key}", p.stdout)
        self.assertIn(says, p.stderr)
        self.assertIn(f"verifiers accept what the key {key} signs", p.stderr)
        self.assertEqual(list(i.data.glob(f"keys/*/{key}.pem")), [])
        return p

    def test_a_mint_that_hangs(self):
        i, a = self.both()
        t = i.mint()
        i.freeze()
        try:
            began = time.monotonic()
            p = self.out(i, t["key"], says="run this again")
            self.assertLess(time.monotonic() - began, 30 * SLOW)
            self.assertIn("its tokens cannot be listed now", p.stderr)
            self.assertIsNone(a.reason(t["token"]))
        finally:
            i.proc.send_signal(signal.SIGCONT)
        compromise(i, t["key"])
        a.wait_reason(t["token"], "unknown_key")

    def test_something_else_answers(self):
        """A socket that no mint listens at, and one that says no."""
        i = self.issuer(start=False)
        i.data.mkdir()
        for _ in range(2):
            cli("key", "generate", "--data", i.data, check=0)
        for reply in (b"", b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"):
            key = stolen_keys(i)["active"].kid
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(str(i.socket))
                s.listen()
                stop = threading.Event()

                def answer():
                    s.settimeout(0.1)
                    while not stop.is_set():
                        with contextlib.suppress(TimeoutError):
                            c = s.accept()[0]
                            c.recv(65536)
                            c.sendall(reply)
                            c.close()

                t = threading.Thread(target=answer)
                t.start()
                self.out(i, key, says="run this again")
                stop.set()
                t.join()
            i.socket.unlink()

    @unittest.skipIf(may_trace(), "programs cannot be traced here")
    def test_a_mint_that_is_starting(self):
        """It has read the keys, and does not listen yet."""
        i = self.issuer()
        t = i.mint()
        i.stop()
        i.spawn("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=listen",
                "-e", "inject=listen:delay_enter=3000000", MINTMARKD, "--data", i.data,
                "--listen", f"127.0.0.1:{i.port}", "--issuer", i.name, env=traced_env())
        wait_for("the keys to be read", lambda: i.text().count("keys.loaded") > 1, 20)
        p = cli("key", "rotate", "--data", i.data, check=3)
        self.assertIn("is starting (or stopping): run this again", p.stderr)
        self.out(i, t["key"], says="is starting (or stopping)")
        self.assertFalse(i.socket.exists())
        wait_for("it to be ready", i.ready, 30)
        wait_for("it to read them again",
                 lambda: f"\"key.compromised\",\"kid\":\"{t['key']}\"" in i.text())
        self.assertNotEqual(i.mint()["key"], t["key"])
        compromise(i, t["key"])

    def test_its_socket_was_removed(self):
        """No command reaches it, however often it is run again."""
        i, a = self.both()
        t = i.mint()
        a.wait_reason(t["token"], None)
        i.socket.unlink()
        p = cli("key", "rotate", "--data", i.data, check=3)
        self.assertIn("systemctl reload mintmarkd", p.stderr)
        p = self.out(i, t["key"], says="its admin.sock was removed")
        self.assertIn("Next: run this again; if it does not pass", p.stderr)
        i.proc.send_signal(signal.SIGHUP)  # what it said to do
        wait_for("it to read them",
                 lambda: f"\"key.compromised\",\"kid\":\"{t['key']}\"" in i.text())
        a.wait_reason(t["token"], "unknown_key")
        i.stop()
        i.start()
        compromise(i, t["key"])


class CutOff(Flow):
    """Between the mark and the removal: the host died, or the session."""

    def begin(self):
        self.i, self.a = self.both()
        self.t = self.i.mint()
        self.key = self.t["key"]

    def mark(self):
        (self.i.data / "keys/compromised" / self.key).touch(0o600)

    def is_out(self):
        self.assertIn(f'"keys.thrown_out","kid":"{self.key}"', self.i.text())
        self.a.wait_reason(self.t["token"], "unknown_key")
        self.assertNotEqual(self.i.mint()["key"], self.key)
        self.assertEqual(list(self.i.data.glob(f"keys/*/{self.key}*")), [])
        self.assertEqual(len(stolen_keys(self.i)), 2)  # one waits, too
        self.assertEqual(self.keys_check(), "ok")

    def keys_check(self):
        return self.i.http("GET", "/health/ready")[1]["checks"]["keys"]["status"]

    def hup(self, event):
        said = self.i.text().count(f'"{event}"')
        self.i.proc.send_signal(signal.SIGHUP)
        wait_for(event, lambda: self.i.text().count(f'"{event}"') > said)

    def test_F13_cut_off_and_then_a_start(self):
        self.begin()
        self.i.stop()
        self.mark()
        found = {f["check"]: f for f in json.loads(
            cli("doctor", "--data", self.i.data, "-o", "json").stdout)}
        self.assertIn(f"compromise --data '{self.i.data}' -- {self.key}",
                      found["keys.stolen"]["next"])
        self.i.start()
        self.is_out()

    def test_F13_cut_off_and_then_a_reload(self):
        self.begin()
        self.mark()
        self.hup("key.compromised")
        self.is_out()

    def test_F13_cut_off_and_it_cannot_be_finished(self):
        """Then it is said, until it can."""
        self.begin()
        self.mark()
        with (self.i.data / "keys/.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.hup("keys.loaded")
            said, = (l for l in self.i.text().splitlines() if "keys.stolen_stays" in l)
            self.assertIn(f"mintmark key compromise {self.key}", said)
            self.assertEqual(self.keys_check(), "failing")
            self.assertIsNone(self.a.reason(self.t["token"]))
            loaded = self.i.text().count('"keys.loaded"')
            time.sleep(6)  # it tries by itself, and says so once
            self.assertEqual(self.i.text().count('"keys.stolen_stays"'), 1)
            self.assertEqual(self.i.text().count('"keys.loaded"'), loaded)
        wait_for("it to be thrown out", lambda: '"key.compromised"' in self.i.text())
        self.is_out()

    def test_F13_and_a_former_key_is_back(self):
        """Its file stops a reload, but not where a stolen key waits for it."""
        i = self.issuer()
        former = stolen_keys(i)["next"].kid
        file, = i.data.glob(f"keys/next/{former}.pem")
        text = file.read_bytes()
        compromise(i, former)
        old = i.mint()["key"]
        cli("key", "rotate", "--now", "--data", i.data, check=0)
        (i.data / "keys/compromised" / old).touch(0o600)
        (i.data / f"keys/retiring/{old}.pem").unlink()
        back = i.data / f"keys/retiring/{former}.pem"
        back.write_bytes(text)
        back.chmod(0o600)
        said = i.text().count('"key.compromised"')
        i.proc.send_signal(signal.SIGHUP)
        wait_for("it to be announced",
                 lambda: i.text().count('"key.compromised"') > said)
        left, = (l for l in i.text().splitlines() if '"keys.left"' in l)
        self.assertIn(f"key {former} was retired or compromised before: remove its"
                      f" file, keys/retiring/{former}.* in", left)
        jwks = i.http("GET", "/.well-known/jwks.json")[1]["keys"]
        self.assertEqual({old, former} & {k["kid"] for k in jwks}, set())


class Thief(Flow):
    """Everybody knows the issuer by the liar's URL, and the thief has it."""

    def begin(self, *flags):
        self.i = self.issuer(start=False)
        self.liar = Liar(self.i)
        self.addCleanup(self.liar.close)
        self.i.name = self.liar.url
        self.i.start()
        self.stick = self.folder / "stick"
        self.stick.mkdir(mode=0o700)
        cli("key", "generate", "--offline", self.stick, "--data", self.i.data, check=0)
        self.a = self.agent(self.i, urls=[self.liar.url], flags=flags)
        wait_for("the agent to follow", lambda: "feed.connected" in self.a.text())
        self.good = self.i.mint()
        self.thief = stolen_keys(self.i)
        self.own = Stolen.new()

    def lie(self, mode):
        """Until the agent has taken it for some time; no pause of its own."""
        self.liar.mode = mode
        seen = self.liar.polls

        def lied_to():
            self.a.proc.send_signal(signal.SIGHUP)
            return self.liar.polls > seen + 3

        wait_for("the agent to be lied to", lied_to, 40)

    def home(self, condition):
        self.liar.mode = None

        def there():
            self.a.proc.send_signal(signal.SIGHUP)
            return condition()

        wait_for("the way home", there, 60)

    def forged(self, key):
        """A feed that has the thief's own key announced by a stolen one."""
        def lie(path, ask):
            q = urllib.parse.parse_qs(path.partition("?")[2])
            if "after" not in q:
                return 503, b""
            after = int(q["after"][0])
            jwk = {**self.own.jwk, "use": "sig", "alg": "ES256", "kid": self.own.kid}
            event = {"seq": after + 1, "type": "key-new", "kid": self.own.kid,
                     "jwk": jwk}
            history[after + 1] = led_on(history[after], event)
            time.sleep(0.05)
            return 200, key.sign("mintmark-feed+jwt", {
                "iss": self.i.name, "iat": int(time.time()), "ttl": 30,
                "epoch": self.epoch, "after": after, "seq": after + 1,
                "history": history[after + 1], "events": [event]}).encode()
        real = part(self.i.http(
            "GET", "/v1/feed?after=0", token=self.a.token_file.read_text().strip())
            [1].decode(), 1)
        self.epoch, history = real["epoch"], {0: ""}
        for e in real["events"]:
            history[e["seq"]] = led_on(history[e["seq"] - 1], e)
        return lie

    def take_over(self):
        """Bring the offline key back, and throw out all that was stolen."""
        pem, = self.stick.glob("*.pem")
        to = self.i.data / "keys/next" / pem.name
        shutil.copy2(pem, to)
        to.chmod(0o600)
        for state in ("active", "next"):
            compromise(self.i, self.thief[state].kid)
        fresh = self.i.mint()
        self.assertEqual(kid(fresh["token"]), pem.stem)
        return fresh


class ForgedFeed(Thief):
    def test_F13_a_forged_feed_after_the_offline_key_took_over(self):
        self.begin()
        fresh = self.take_over()
        self.a.wait_reason(self.good["token"], "unknown_key")
        self.a.wait_reason(fresh["token"], None)
        evil = self.own.token(fresh["token"], sub="root")
        for state in ("active", "next"):
            self.lie(self.forged(self.thief[state]))
            self.assertEqual(self.a.reason(evil), "unknown_key")
            self.assertEqual(self.a.reason(self.thief[state].token(
                fresh["token"])), "unknown_key")
        self.assertIn("nothing we trust has announced", self.a.text())
        self.i.revoke(fresh["id"])
        self.home(lambda: self.a.reason(fresh["token"]) == "revoked")

    def test_F13_who_was_cut_off_comes_home_by_the_offline_key(self):
        """Both other keys that it knew are gone."""
        self.begin()
        self.a.stop()
        fresh = self.take_over()
        self.a.start()
        self.a.wait_reason(self.good["token"], "unknown_key")
        self.assertIsNone(self.a.reason(fresh["token"]))
        self.assertNotIn("feed.refused", self.a.text().split("agent.start")[-1])

    def test_F13_who_heard_the_thief_first_needs_a_person(self):
        """It was cut off, and trusts no key but stolen ones: what is written
        down in keys/README.md brings it back, and its readers too."""
        self.begin()
        reader = Reader(self.a.state)
        self.addCleanup(reader.close)
        self.a.stop()
        fresh = self.take_over()
        evil = self.own.token(fresh["token"], sub="root")
        self.liar.mode = self.forged(self.thief["active"])
        self.a.start()
        wait_for("the thief to be believed", lambda: reader.ask(evil) == "ok")

        self.a.stop()
        jwks = self.folder / "pinned.json"
        jwks.write_text(json.dumps(self.i.admin("GET", "/.well-known/jwks.json")))
        self.a.state.with_name(self.a.state.name + ".checkpoint").unlink()
        self.a.flags = [*self.a.flags, "--jwks", jwks]
        self.a.start()
        wait_for("it to start", lambda: self.a.text().count("agent.start") == 3)
        self.lie(self.liar.mode)
        self.home(lambda: reader.ask(evil) == "unknown_key")
        self.assertEqual(reader.ask(fresh["token"]), "ok")
        self.assertEqual(reader.ask(self.good["token"]), "unknown_key")
        self.lie(self.forged(self.thief["active"]))
        self.assertEqual(reader.ask(evil), "unknown_key")

    def test_without_an_offline_key(self):
        """Cut off, and both keys that it knew are gone: the pinned file put
        there anew brings it home, with what it holds."""
        i = self.issuer()
        jwks = self.folder / "pinned.json"

        def pin():
            jwks.write_text(json.dumps(i.admin("GET", "/.well-known/jwks.json")))

        pin()
        a = self.agent(i, flags=["--jwks", jwks])
        wait_for("the agent to follow", lambda: "feed.connected" in a.text())
        old = i.mint()
        a.stop()
        time.sleep(1.1)  # the file must be newer than the last news
        for key in list(stolen_keys(i).values()):
            compromise(i, key.kid)
        a.start()
        fresh = i.mint()
        wait_for("it to be refused", lambda: "has it been replaced" in a.text(), 20)
        self.assertIsNone(a.reason(old["token"]))  # that is the danger
        pin()
        a.wait_reason(fresh["token"], None, 60)
        self.assertEqual(a.reason(old["token"]), "unknown_key")

    def test_without_a_pinned_file(self):
        """The same, and it finds the way by itself, once it is stale."""
        i, a = self.both()
        heard = time.monotonic()
        old = i.mint()
        a.stop()
        for key in list(stolen_keys(i).values()):
            compromise(i, key.kid)
        # not stale yet when it comes back, or it would ask at once
        stale = time.monotonic() - heard + 8 * SLOW
        a.flags = ["--max-staleness", f"{stale:.0f}s"]
        a.start()
        a.wait_reason(i.mint()["token"], None, 60 + stale)
        self.assertEqual(a.reason(old["token"]), "unknown_key")
        self.assertIn("nothing we trust has announced", a.text())


if __name__ == "__main__":
    main(at_once=3)
