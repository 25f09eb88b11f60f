#!/usr/bin/env python3
"""A34: whatever text a stranger may give stays within one value of one line,
in the logs, in the audit, and on an administrator's terminal."""
import base64
import contextlib
import json
import re
import urllib.parse
from http.client import HTTPException

import paths  # noqa: F401
from agent import AgentDoor
from flow import SLOW, cli, main
from key_compromise import Stolen, part, stolen_keys
from web import raw

EVIL = ['\n{"level":"error","event":"forged"}\n', '","event":"forged","x":"',
        " event=forged level=error", "\r\nforged", "\x1b[2J\x1b]0;forged\x07",
        "\x9b2J", "\u2028forged", "\u202egrof", "%s%n%99999d", "\x7f\x08\x08",
        "\\u000aforged", "\\", '"', "\0forged", "\U0001f600", "x" * 3900,
        '"' * 2100, "\udcff\udcfe"]
HEADERS = ["User-Agent", "X-Request-Id", "Referer", "Origin", "Cookie", "Host",
           "Idempotency-Key", "X-Forwarded-For", "X-Forwarded-Host", "Accept",
           "Content-Type", "If-None-Match", "X-Mintmark-Need", "Authorization",
           "X-Forwarded-Method", "X-Original-URI", "Forwarded", "Via"]
#: also what a terminal may obey, or show in another order
CONTROL = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def wire(text):
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def pairs_once(pairs):
    assert len({k for k, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


class LogInjection(AgentDoor):
    def send(self, port, method, target, *lines):
        return raw(port, wire("\r\n".join((
            f"{method} {target} HTTP/1.1", "Connection: close",
            *lines, "", ""))), 2 * SLOW)

    def sane(self, process):
        """Each line is one event of ours, with names that are ours."""
        text = process.log.read_bytes().decode()[self.begun:]  # strict
        lines = [json.loads(line, object_pairs_hook=pairs_once)
                 for line in text.split("\n")[:-1]]
        self.assertIsNone(CONTROL.search(re.sub("\u2028|\u202e", "", text)))
        for line in lines:
            self.assertNotEqual(line["event"], "forged", line)
            self.assertEqual(list(line)[:3], ["time", "level", "event"])
            for name in line:
                self.assertRegex(name, "^[a-z_]+$")
                self.assertNotEqual(name, "x")
            self.assertLessEqual(len(json.dumps(line, ensure_ascii=False)
                                     .encode()), 4400)
        self.assertGreater(len(lines), 3)
        return lines

    def everywhere(self, port, path):
        """Each text in each header, in the target, and as the method."""
        own = f"Host: 127.0.0.1:{port}"
        for evil in EVIL:
            quoted = urllib.parse.quote(wire(evil).encode("latin-1"))
            for name in HEADERS:
                self.send(port, "GET", path, own if name != "Host" else "X: 1",
                          f"{name}: {evil}")
            for target in (f"{path}{quoted}", f"{path}?{quoted}",
                           f"{path}?a={quoted}", f"/{evil}", f"{path}?{evil}"):
                self.send(port, "GET", target, own)
            self.send(port, evil[:20] or "x", path, own)
            pair = base64.b64encode(f"{evil}:{evil}".encode(
                errors="surrogateescape")).decode()
            self.send(port, "GET", path, own, f"Authorization: Basic {pair}")


    def evil_tokens(self, good):
        """A stranger's own, whose parts say what they like."""
        key, c = Stolen.new(), part(good, 1)
        for evil in (e for e in EVIL if "\udcff" not in e):
            key.kid = evil
            yield key.sign("JWT", c)
            key.kid = part(good, 0)["kid"]
            yield key.sign(evil, c)
            for name in ("jti", "sub", "iss", "aud", "scope", evil):
                yield key.sign("JWT", {**c, name: evil})

    def refused(self, port, path, token):
        """Or cut off, where it is too long."""
        r = self.send(port, "GET", path, "Host: x",
                      f"Authorization: Bearer {token}")
        self.assertTrue(r is None or r.status in (400, 401, 431), r)

    def test_A34_at_the_door(self):
        i, a = self.open()
        good = i.mint()["token"]
        self.begun = len(a.text())
        self.everywhere(self.port, "/auth")
        for t in self.evil_tokens(good):
            self.refused(self.port, "/auth", t)
        self.sane(a)
        self.assertEqual(self.ask("alice", good)[0], 200)

    def test_A34_at_the_mint(self):
        i = self.issuer(flags=["--behind-proxy"])
        t = i.mint("root", scopes=["mintmark:admin"])["token"]
        self.begun = len(i.text())  # what it says to who starts it
        self.everywhere(i.port, "/v1/tokens")
        for bad in self.evil_tokens(t):
            self.refused(i.port, "/v1/keys", bad)
        made = []
        for evil in (e for e in EVIL if "\udcff" not in e):
            for field in ("user", "label", "audience", "cidr", "scopes",
                          "expires_in", evil):
                body = {"user": "alice", "expires_in": 60,
                        field: [evil] if field[-1] in "es" else evil}
                if field in ("user", "label", "expires_in"):
                    body[field] = evil
                status, reply, h = i.http(
                    "POST", "/v1/tokens", body, token=t, headers={
                        "X-Request-Id": "forged"})
                self.assertIn(status, (201, 400, 413), reply)
                self.assertNotIn("forged", h.get_all("X-Request-Id"))
                if status == 201:
                    made.append(reply["id"])
                    i.http("DELETE", f"/v1/tokens/{reply['id']}", token=t)
            quoted = urllib.parse.quote(evil[:999], safe="")
            for method, path in (("DELETE", f"/v1/tokens/{quoted}"),
                                 ("DELETE", f"/v1/users/{quoted}/tokens"),
                                 ("GET", f"/v1/tokens?q={quoted}"),
                                 ("GET", f"/v1/tokens?status={quoted}"),
                                 ("GET", f"/v1/audit?after={quoted}")):
                with contextlib.suppress(OSError, HTTPException):  # cut off
                    i.http(method, path, token=t)
            i.form("/oauth/introspect", {"token": evil, "x": evil}, local=True)
            i.form("/oauth/revoke", {"token": evil, "token_type_hint": evil})
            i.exchange(evil, audience=evil, scope=evil)
            i.http("POST", "/console/session", {"token": evil[:4000],
                                                "user": evil}, headers={
                "X-Mintmark-Console": "1", "Origin": "http://forged"})
        self.assertGreater(len(made), 5)
        self.sane(i)
        self.on_a_terminal(i)

    def on_a_terminal(self, i):
        where = {"MINTMARK_SOCKET": str(i.socket)}
        every = [(("token", "list", "--status", "all"), ""),
                 (("token", "list", "--status", "all", "-o", "json"), ""),
                 (("audit", "--data", i.data), ""),
                 (("audit", "--data", i.data, "-o", "json"), "")]
        good = i.mint()["token"]
        for n, t in enumerate(self.evil_tokens(good)):
            if n % 8 in (0, 3):  # kid, sub
                every.append((("inspect", "-"), t))
                every.append((("inspect", "-o", "json", "-"), t))
        key = stolen_keys(i)["active"]
        for evil in EVIL[:-1]:
            every.append((("inspect", "-"), key.token(good, sub=evil)))
            every.append((("inspect", evil.replace("\0", "")), ""))
            every.append((("token", "show", evil.replace("\0", "")), ""))
        for argv, stdin in every:
            p = cli(*argv, stdin=stdin, env=where)
            self.assertIn(p.returncode, (0, 1, 2), argv)
            for said in (p.stdout, p.stderr):
                # DEL is nothing to a terminal, and jansson does not escape it
                self.assertIsNone(CONTROL.search(said.replace("\x7f", "")),
                                  (argv, said))


if __name__ == "__main__":
    main(at_once=2)
