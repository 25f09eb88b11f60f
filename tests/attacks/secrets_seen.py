#!/usr/bin/env python3
"""A34: no token, key or passphrase where others look: logs, files, command
lines, environments, answers that refuse, what the command line complains.

A day of a mint with a passphrase, and one of a mint without, with a witness who
reads /proc meanwhile."""
import base64
import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time

import paths  # noqa: F401
from flow import MINTMARKD, cli, free_port, main, wait_for
from web import basic, raw
from with_passphrase import PASSPHRASE, WithPassphrase, key_files


class Witness(threading.Thread):
    """Every command line and environment of what descends from us."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.over = set(), threading.Event()
        self.start()

    def run(self):
        me = os.getpid()
        while not self.over.is_set():
            parents = {}
            for p in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError, IndexError):
                    stat = (p / "stat").read_text().rsplit(")", 1)[1].split()
                    parents[int(p.name)] = int(stat[1])
            for pid, parent in parents.items():
                if parent == me or parents.get(parent) == me:
                    for name in ("cmdline", "environ"):
                        with contextlib.suppress(OSError):
                            self.seen.add(pathlib.Path(
                                f"/proc/{pid}/{name}").read_bytes())
            time.sleep(0.002)

    def close(self):
        self.over.set()
        self.join()


class Secrets(WithPassphrase):
    def setUp(self):
        super().setUp()
        self.tokens, self.said = [], []
        self.witness = Witness()
        self.addCleanup(self.witness.close)

    def pieces(self, keys=()):
        """Bytes that only secrets have: of each token its signature and its
        Basic form; of the passphrase all; of keys the number that they are, as
        it is and as text."""
        for t in self.tokens:
            sig = t.split(".")[2]
            yield from (sig[:24], sig[-24:], basic("alice", t)[-60:-8])
        yield PASSPHRASE
        yield base64.b64encode(PASSPHRASE.encode()).decode()[:24]
        for pem in keys:
            lines = pem.splitlines()
            der = base64.b64decode("".join(lines[1:-1]))
            at = der.index(b"\x02\x01\x01\x04\x20") + 5  # RFC 5915
            number = der[at:at + 32]
            yield from (number, number.hex(), number.hex().upper(),
                        base64.urlsafe_b64encode(number)[:42],
                        base64.b64encode(number)[:42],
                        lines[1][(at + 2) // 3 * 4:])

    def keys(self, i):
        """As PEM, without the passphrase."""
        for path in key_files(i):
            yield subprocess.run(
                ["openssl", "pkey", "-in", path, "-passin",
                 f"file:{self.secret}"],
                capture_output=True, check=True, text=True).stdout

    def assert_none_in(self, what, where):
        for piece in self.secret_bytes:
            self.assertNotIn(piece, what, where)

    def keep(self, t):
        self.tokens.append(t["token"])
        return t

    def a_day(self, i, a, port):
        """All that is done with tokens, well and badly."""
        admin = self.keep(i.mint("root", scopes=["mintmark:admin"]))
        mine = self.keep(i.mint("alice", auto_refresh=600, expires_in=3600))
        gone = self.keep(i.mint("alice"))
        i.revoke(gone["id"])
        a.wait_reason(gone["token"], "revoked")
        status, new, _ = i.http("POST", "/v1/tokens/self/rotate", {},
                                token=self.keep(i.mint("alice"))["token"])
        self.assertEqual(status, 201)
        self.keep(new)
        access = i.exchange(mine["token"], audience="files")[1]["access_token"]
        self.tokens.append(access)
        bad = [gone["token"], mine["token"][:-3] + "AAA", access,
               mine["token"] + "x", admin["token"]]
        self.tokens += bad[1:4:2]
        for t in (*bad, mine["token"]):
            for kind in (f"Bearer {t}", basic("alice", t), basic("bob", t),
                         f"Token {t}", t, f"Basic {t}"):
                for p, path in ((port, "/auth"), (i.port, "/v1/keys"),
                                (i.port, f"/v1/tokens?access_token={t}"),
                                (port, f"/auth?token={t}"),
                                (i.port, f"/v1/tokens/{t}"),
                                (i.port, f"/{t}"), (i.port, f"/console/{t}")):
                    r = raw(p, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection:"
                            f" close\r\nAuthorization: {kind}\r\nCookie: a={t}"
                            f"\r\nX-Request-Id: {t[:200]}\r\n\r\n")
                    if r is not None:
                        self.said.append(r.raw)
            for path, body in (("/v1/tokens", {"user": t[:250]}),
                               ("/v1/tokens", {t: t}),
                               ("/console/session", {"token": t, "user": t}),
                               ("/v1/uses", {"uses": [{"id": t, "at": 1}]})):
                reply = i.http("POST", path, body, token=admin["token"],
                               headers={"X-Mintmark-Console": "1",
                                        "Idempotency-Key": t[:60]})
                if reply[0] >= 400:
                    self.said.append(repr(reply).encode())
            for p in (cli("verify", "--state", a.state, "-", stdin=t),
                      cli("inspect", "-", stdin=t + "."),
                      cli("token", "list", env={
                          "MINTMARK_URL": i.url, "MINTMARK_TOKEN": t})):
                self.said.append((p.stdout + p.stderr).encode())

    def test_A34_where_others_look(self):
        i = self.issuer(flags=self.flag)
        port = free_port()
        a = self.agent(i, flags=["--listen", f"127.0.0.1:{port}"])
        self.tokens.append(a.token_file.read_text().strip())
        self.a_day(i, a, port)
        self.say(cli("key", "rotate", "--now", *self.flag, "--data", i.data,
                     check=0))
        wrong = self.put(self.folder / "wrong", PASSPHRASE[:-1] + "x")
        self.said.append(subprocess.run(
            [MINTMARKD, "--data", self.folder / "other", "--listen",
             f"127.0.0.1:{free_port()}", "--issuer", i.name,
             "--key-passphrase-file", wrong, "--passphrase", "x"],
            capture_output=True).stderr)
        self.assertGreater(len(self.said), 100)
        self.look(i, a)

    def test_A34_keys_without_a_passphrase(self):
        """Well and damaged, and a day of theirs."""
        i, a = self.both()
        self.tokens.append(a.token_file.read_text().strip())
        token = self.keep(i.mint("root", scopes=["mintmark:admin"]))["token"]
        self.say(cli("key", "rotate", "--now", "--data", i.data, check=0))
        self.keep(i.mint("alice"))
        key = key_files(i, "next")[0]
        text = key.read_text()
        for spoilt in (text[:-40], text.replace("-----BEGIN", "BEGIN"),
                       text.splitlines()[1], text[:60] + "A" + text[61:]):
            key.write_text(spoilt)
            i.proc.send_signal(signal.SIGHUP)
            self.say(cli("key", "list", "--data", i.data))
            self.say(cli("doctor", "--data", i.data))
        wait_for("it to be refused", lambda: key.name in i.text())
        key.write_text(text)
        *_, in_file = self.pieces(self.keys(i))
        self.assertTrue(any(in_file in f.read_text() for f in key_files(i)))
        for path in ("/v1/keys", "/.well-known/jwks.json", "/health/ready"):
            self.said.append(repr(i.http("GET", path, token=token)).encode())
        self.look(i, a)

    def say(self, p):
        self.said.append((p.stdout + p.stderr).encode())

    def look(self, i, a):
        for p in (a, i):
            p.stop()
        self.witness.close()
        keys = list(self.keys(i))
        self.assertEqual(len(keys), 3)
        self.secret_bytes = [p if isinstance(p, bytes) else p.encode()
                             for p in self.pieces(keys)]
        self.assertTrue(any(b"mintmarkd" in s for s in self.witness.seen))
        for text in self.said:
            self.assert_none_in(text, text[:2000])
        given = {t.encode() for t in self.tokens}  # MINTMARK_TOKEN is meant
        for text in self.witness.seen:
            kept = b"\0".join(
                v for v in text.split(b"\0")
                if v.partition(b"=")[2] not in given
                or not v.startswith(b"MINTMARK_TOKEN="))
            self.assert_none_in(kept, "a command line, or an environment")
        self.assertIn("PRIVATE", key_files(i)[0].read_text())
        for path in self.folder.rglob("*"):
            if not path.is_file() or path in (self.secret, a.token_file):
                continue
            if path in key_files(i):
                continue
            if path.name != "wrong":
                self.assert_none_in(path.read_bytes(), path)
            self.assertNotIn(b"PRIVATE KEY", path.read_bytes(), path)


if __name__ == "__main__":
    main()
