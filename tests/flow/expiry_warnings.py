#!/usr/bin/env python3
"""Warnings before a token ends: by webhook and by command, at least once, one for
each threshold; and the list of what ends soon, for cron."""
import concurrent.futures
import json
import sqlite3
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from flow import MINTMARKD, SLOW, Flow, cli, main, skip, wait_for

try:
    from jwcrypto import jwk, jws
except ImportError:
    skip("python3-jwcrypto is missing: tests/install-packages test")

BEFORE = ("--warn-retry", "1s", "--warn-before")


class Receiver:
    """A webhook: gives `answers` in turn, then 204 for ever.  An answer that is
    a function is called before 204 is sent."""

    def __init__(self, *answers, certificate=None):
        self.answers = list(answers)
        self.got = []  # (path, content type, text)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                text = self.rfile.read(length).decode()
                receiver.got.append(
                    (self.path, self.headers["Content-Type"], text))
                answer = receiver.answers.pop(0) if receiver.answers else 204
                if callable(answer):
                    answer = answer() or 204
                self.send_response(answer)
                if answer == 307:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        scheme = "http"
        if certificate:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True,
                do_handshake_on_connect=False)
        self.url = (f"{scheme}://user:p4ss@127.0.0.1:"
                    f"{self.server.server_port}/hook/s3cret?key=s4cret")
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def read(self, issuer):
        """The warnings, each checked against the mint's JWKS."""
        raw = issuer.http("GET", "/.well-known/jwks.json")[1]
        keys = jwk.JWKSet.from_json(
            raw if isinstance(raw, (str, bytes)) else json.dumps(raw))
        out = []
        for _, kind, text in self.got:
            assert kind == "application/jwt", kind
            t = jws.JWS()
            t.deserialize(text)
            assert t.jose_header["typ"] == "mintmark-warning+jwt"
            t.verify(keys.get_key(t.jose_header["kid"]))
            out.append(json.loads(t.payload))
        return out


class Warnings(Flow):
    def receiver(self, *answers, **kw):
        r = Receiver(*answers, **kw)
        self.addCleanup(r.close)
        return r

    def warned(self, i):
        """Lines of the audit."""
        out = cli("audit", "--data", i.data, "-o", "json", check=0).stdout
        return [a for a in map(json.loads, out.splitlines())
                if a["event"] == "warning.sent"]

    def no_secrets(self, i, *tokens):
        text = i.text() + cli("audit", "--data", i.data, "-o", "json").stdout
        for secret in ("p4ss", "s3cret", "s4cret",
                       *(t["token"].split(".")[2] for t in tokens)):
            self.assertNotIn(secret, text)

    def script(self, body):
        path = self.folder / "command"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
        return path


class Webhook(Warnings):
    def test_until_it_is_taken(self):
        r = self.receiver(503, 503)
        i = self.issuer(flags=[*BEFORE, "1h 30m", "--warn-webhook", r.url])
        t = i.mint("alice", label="laptop", expires_in=1802)
        other = i.mint("bob", expires_in=86400)
        short = i.mint("carol", expires_in=1700)
        wait_for("a third post", lambda: len(r.got) == 3)
        wait_for("the audit", lambda: self.warned(i))
        time.sleep(2.5)
        got = r.read(i)
        self.assertEqual(len(got), 3)
        self.assertEqual(len({g["jti"] for g in got}), 1)
        for key, value in {
                "event": "token.expires", "iss": i.url, "id": t["id"],
                "user": "alice", "label": "laptop", "model": "fixed",
                "expires_at": t["expires_at"], "limit_at": t["expires_at"],
                "last_used_at": None, "before": 1800}.items():
            self.assertEqual(got[0][key], value, key)
        line, = self.warned(i)
        self.assertEqual((line["id"], line["user"], line["detail"]),
                         (t["id"], "alice", "30m before, by webhook"))
        self.assertEqual(i.text().count('"warning.failed"'), 2)
        self.no_secrets(i, t, other, short)

    def test_it_is_no_token(self):
        r = self.receiver()
        i = self.issuer(flags=[*BEFORE, "1h", "--warn-webhook", r.url])
        a = self.agent(i)
        i.mint(expires_in=3601)
        wait_for("the warning", lambda: r.got, 20)
        text = r.got[0][2]
        self.assertEqual(a.verify(text)[0], 1)
        self.assertEqual(a.reason(text), "malformed")
        self.assertEqual(a.reason(text, "--access-tokens", "--audience", "x"),
                         "malformed")
        self.assertEqual(i.http("GET", "/v1/tokens", token=text)[0], 401)
        keys = self.folder / "jwks"
        keys.write_text(json.dumps(
            i.http("GET", "/.well-known/jwks.json")[1]))
        p = cli("verify", "--jws", "--jwks", keys, "-", stdin=text, check=0)
        self.assertEqual(json.loads(p.stdout)["event"], "token.expires")

    def test_killed_before_it_is_written_down(self):
        begun = threading.Event()
        r = self.receiver(lambda: begun.set() or i.kill9())
        i = self.issuer(start=False, flags=[
            *BEFORE, "1h", "--warn-webhook", r.url])
        i.start()
        t = i.mint(expires_in=3601)
        self.assertTrue(begun.wait(20 * SLOW))
        wait_for("it to be dead", lambda: not i.alive())
        i.start()
        wait_for("the audit", lambda: self.warned(i))
        time.sleep(1.5)
        first, again = r.read(i)
        self.assertEqual(first["id"], t["id"])
        self.assertEqual(first["jti"], again["jti"])
        self.assertEqual(len(self.warned(i)), 1)

    def test_stops_in_the_middle(self):
        begun, over = threading.Event(), threading.Event()
        self.addCleanup(over.set)
        r = self.receiver(lambda: begun.set() or over.wait(60) and None)
        i = self.issuer(flags=[*BEFORE, "1h", "--warn-webhook", r.url])
        i.mint(expires_in=3601)
        self.assertTrue(begun.wait(20 * SLOW))
        at = time.monotonic()
        i.stop()
        self.assertLess(time.monotonic() - at, 4 * SLOW)
        i.start()
        wait_for("it to come again", lambda: self.warned(i))
        self.assertEqual(len({g["jti"] for g in r.read(i)}), 1)

    def test_down_over_several_thresholds(self):
        r, s = self.receiver(), round(SLOW)
        i = self.issuer(flags=[*BEFORE, f"{9 * s}s {8 * s}s {5 * s}s 1s",
                               "--warn-webhook", r.url])
        t = i.mint(expires_in=11 * s)
        i.stop()
        time.sleep(6.2 * s)
        i.start()
        wait_for("the warning", lambda: r.got)
        self.assertLessEqual(r.read(i)[0]["before"], 5 * s)
        wait_for("its end", lambda: i.admin(
            "GET", f"/v1/tokens/{t['id']}")["status"] == "expired", 12 * s)
        all_of_them = [g["before"] for g in r.read(i)]
        self.assertIn(all_of_them, ([5 * s, 1], [1], [5 * s]))

    def test_the_nearest_alone_also_of_those_that_failed(self):
        r = self.receiver(*[400] * 100)
        i = self.issuer(flags=[*BEFORE, "9s 8s 5s", "--warn-webhook", r.url])
        t = i.mint(expires_in=10)
        wait_for("its end", lambda: i.admin(
            "GET", f"/v1/tokens/{t['id']}")["status"] == "expired", 20)
        befores = [g["before"] for g in r.read(i)]
        self.assertGreater(len(set(befores)), 1)
        self.assertEqual(befores, sorted(befores, reverse=True))
        count = len(befores)
        time.sleep(2)
        self.assertEqual(len(r.got), count)  # of the dead nothing
        self.assertEqual(self.warned(i), [])

    def test_a_use_moves_the_end(self):
        r = self.receiver()
        i = self.issuer(flags=[*BEFORE, "1h", "--warn-webhook", r.url])
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        t = i.mint(expires_in=864000, auto_refresh=7202)
        week = i.mint(expires_in=864000, auto_refresh=3599)
        time.sleep(1.2)
        self.assertEqual(r.got, [])
        # as if it had not been used for an hour
        self.age(i, t["id"], 3610)
        wait_for("the warning", lambda: self.warned(i))
        first, = r.read(i)
        self.assertEqual((first["id"], first["model"]),
                         (t["id"], "auto_refresh"))
        self.assertLess(first["expires_at"], first["limit_at"])
        for used in (t, week):
            status, reply, _ = i.http("POST", "/v1/uses", {"uses": [
                {"id": used["id"], "at": int(time.time() - 0.1)}]}, token=agent)
            self.assertEqual(reply["accepted"], 1, reply)
        time.sleep(2.2)
        self.assertEqual(len(r.got), 1)
        self.age(i, t["id"], 3610)
        wait_for("another", lambda: len(self.warned(i)) == 2)
        self.assertNotEqual(r.read(i)[1]["jti"], first["jti"])

    def age(self, i, token, seconds):
        """Issued and used so much earlier."""
        i.stop()
        db = sqlite3.connect(i.data / "mintmark.db")
        listed, idx = token.split(".")
        db.execute("UPDATE token SET iat = iat - ?1, last_use = CASE last_use "
                   "WHEN 0 THEN 0 ELSE last_use - ?1 END, dies_at = dies_at - "
                   "?1 WHERE list = ?2 AND idx = ?3",
                   (seconds, int(listed), int(idx)))
        db.commit()
        db.close()
        i.start()

    def test_one_that_is_refused_stands_in_nobody_s_way(self):
        r = self.receiver(400, 307)
        i = self.issuer(flags=[*BEFORE, "1h", "--warn-webhook", r.url])
        ids = {i.mint(f"user{n}", expires_in=3601)["id"] for n in range(5)}
        wait_for("all of them", lambda: len(self.warned(i)) == 5)
        self.assertEqual({g["id"] for g in r.read(i)}, ids)
        self.assertEqual(len(r.got), 7)
        self.assertNotIn("/elsewhere", [path for path, _, _ in r.got])

    def test_nobody_there(self):
        """Some are tried, the others wait; the log is not flooded."""
        r = self.receiver()
        r.close()
        i = self.issuer(flags=["--warn-retry", "20s", "--warn-before", "1h 20s",
                               "--warn-webhook", r.url])
        for n in range(30):
            i.mint(f"user{n}", expires_in=3601)
        wait_for("some", lambda: i.text().count('"warning.failed"') == 3)
        time.sleep(2.5)
        self.assertEqual(i.text().count('"warning.failed"'), 3)
        self.assertEqual(self.warned(i), [])
        self.no_secrets(i)

    def test_whom_it_does_not_know(self):
        """A certificate that nobody vouches for."""
        pem = self.folder / "pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out",
                        self.folder / "crt"], check=True, capture_output=True)
        pem.write_text(pem.read_text() + (self.folder / "crt").read_text())
        r = self.receiver(certificate=pem)
        i = self.issuer(flags=[*BEFORE, "1h", "--warn-webhook", r.url])
        i.mint(expires_in=3601)
        wait_for("the failure", lambda: '"warning.failed"' in i.text())
        self.assertEqual(r.got, [])
        self.assertIn("certificate", i.text())
        self.no_secrets(i)

    def test_many_hold_up_nothing(self):
        r = self.receiver()
        i = self.issuer(flags=[*BEFORE, "1h", "--warn-webhook", r.url])
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: i.mint(f"user{n}", expires_in=3602),
                          range(400)))
        slowest = 0
        while len(r.got) < 400:
            at = time.monotonic()
            i.mint("eve", expires_in=60)
            slowest = max(slowest, time.monotonic() - at)
        self.assertLess(slowest, 0.5 * SLOW)
        wait_for("the last", lambda: len(self.warned(i)) == 400)
        self.assertEqual(len({g["jti"] for g in r.read(i)}), 400)
        i.mint("eve", expires_in=3601)
        at = time.monotonic()
        i.stop()
        self.assertLess(time.monotonic() - at, 4 * SLOW)


class Command(Warnings):
    def test_until_it_ends_with_0(self):
        out = self.folder / "out"
        i = self.issuer(start=False)
        i.flags = [*BEFORE, "1h", "--warn-command", self.script(
            f"cat >>{out}; env >>{out}.env; test $(wc -l <{out}) -ge 3")]
        i.start()
        t = i.mint(expires_in=3601)
        wait_for("the audit", lambda: self.warned(i))
        got = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual([g["id"] for g in got], [t["id"]] * 3)
        self.assertEqual(len({g["jti"] for g in got}), 1)
        self.assertEqual(self.warned(i)[0]["detail"], "1h before, by command")
        self.assertIn("ended with 1", i.text())
        names = {line.split("=")[0] for line in
                 (self.folder / "out.env").read_text().splitlines()}
        self.assertLessEqual(names, {"PATH", "PWD", "SHLVL", "_", "OLDPWD"})

    def test_each_way_once(self):
        """What one has taken is not sent to it again for the other's sake."""
        r = self.receiver()
        tries = self.folder / "tries"
        i = self.issuer(start=False)
        i.flags = [*BEFORE, "1h", "--warn-webhook", r.url, "--warn-command",
                   self.script(f"echo >>{tries}; test $(wc -l <{tries}) -ge 3")]
        i.start()
        i.mint(expires_in=3601)
        wait_for("the audit", lambda: self.warned(i))
        self.assertEqual(self.warned(i)[0]["detail"],
                         "1h before, by webhook and command")
        self.assertEqual(len(r.got), 1)
        self.assertEqual(len(tries.read_text()), 3)

    def test_stops_while_it_runs(self):
        begun = self.folder / "begun"
        i = self.issuer(start=False)
        i.flags = [*BEFORE, "1h", "--warn-command",
                   self.script(f"touch {begun}; sleep 25")]
        i.start()
        i.mint(expires_in=3601)
        wait_for("it to run", begun.exists)
        at = time.monotonic()
        i.stop()
        self.assertLess(time.monotonic() - at, 4 * SLOW)


class Settings(Warnings):
    def test_wrong_ones(self):
        good = self.script("exit 0")
        for flags, says in (
                (("--warn-before", "soon"), "warn_before"),
                (("--warn-webhook", "http://example.org/"), "https://"),
                (("--warn-webhook", "ftp://127.0.0.1/"), "https://"),
                (("--warn-webhook", "here"), "https://"),
                (("--warn-command", "cat"), "whole path"),
                (("--warn-command", f"{good} x"), "no program"),
                (("--warn-retry", "2h"), "warn_retry")):
            i = self.issuer(start=False, flags=flags)
            i.spawn(*self.argv(i))
            self.assertEqual(i.proc.wait(20 * SLOW), 2, flags)
            self.assertIn(says, i.text().splitlines()[-1])

    def argv(self, i):
        return [MINTMARKD, "--data", i.data, "--issuer", i.name, "--test",
                *i.flags]

    def test_off(self):
        out = self.folder / "out"
        i = self.issuer(start=False)
        i.flags = [*BEFORE, "", "--warn-command", self.script(f"cat >>{out}")]
        i.start()
        i.mint(expires_in=3601)
        time.sleep(1.5)
        self.assertFalse(out.exists())


class Expiring(Warnings):
    def list(self, i, *flags, code, env=None):
        return cli("token", "list", *(() if env else ("--data", i.data)),
                   *flags, env=env, check=code)

    def test_for_cron(self):
        i = self.issuer()
        p = self.list(i, "--expiring", "14d", code=0)
        self.assertEqual((p.stdout, p.stderr),
                         ("", "no token expires within 2w\n"))
        self.assertEqual(
            self.list(i, "--expiring", "14d", "-o", "json", code=0).stdout,
            "[]\n")
        late = i.mint("alice", expires_in=10 * 86400)
        soon = i.mint("alice", expires_in=86400)
        bob = i.mint("bob", expires_in=5 * 86400)
        i.mint("bob", expires_in=15 * 86400)
        slides = i.mint("carol", auto_refresh=7 * 86400,
                        expires_in=30 * 86400)
        capped = i.mint("carol", auto_refresh=7 * 86400,
                        expires_in=8 * 86400)
        i.revoke(i.mint("bob", expires_in=86400)["id"])
        ids = [soon["id"], bob["id"], capped["id"], late["id"]]

        def ids_of(*flags):
            p = self.list(i, *flags, "-o", "json", code=1)
            return [t["id"] for t in json.loads(p.stdout)]

        self.assertEqual(ids_of("--expiring", "14d"), ids)
        self.assertEqual(ids_of("--expiring", "14d", "-u", "alice"),
                         [soon["id"], late["id"]])
        self.assertEqual(self.list(i, "--expiring", "14d", "-u", "eve",
                                   code=0).stdout, "")
        p = self.list(i, "--expiring", "14d", code=1)
        self.assertEqual([line.split()[0] for line in
                          p.stdout.splitlines()[1:]], ids)
        self.assertIn(capped["expires_at"], p.stdout)
        self.assertEqual(p.stderr, "")
        # its own end is 7 days ahead; 7 days are more than half of them
        self.assertNotIn(slides["id"], p.stdout)
        i.admin("POST", f"/v1/tokens/{soon['id']}/rotate", {"overlap": 3600})
        self.assertNotIn(soon["id"], ids_of("--expiring", "14d"))
        for flags in (("--status", "all"), ("--key", "x")):
            self.list(i, "--expiring", "14d", *flags, code=2)
        i.stop()
        self.list(i, "--expiring", "14d", code=3)

    def test_one_s_own(self):
        i = self.issuer()
        me = i.mint("alice", scopes=["mintmark:self"], expires_in=3600)
        i.mint("bob", expires_in=3600)
        env = {"MINTMARK_URL": i.url, "MINTMARK_TOKEN": me["token"],
               "MINTMARK_SOCKET": "", "MINTMARK_DATA": ""}
        p = self.list(i, "--expiring", "1d", "-o", "json", code=1, env=env)
        self.assertEqual([t["id"] for t in json.loads(p.stdout)], [me["id"]])
        for query in ("0", "x", "-1", "99999999999", "60&status=all",
                      "60&q=a", "60&key=x", "60&user=bob"):
            status = i.http("GET", f"/v1/tokens?expiring={query}",
                            token=me["token"])[0]
            self.assertIn(status, (400, 403), query)

    def test_more_than_a_page(self):
        i = self.issuer()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            made = list(pool.map(
                lambda n: i.mint(f"user{n}", expires_in=600 + n % 7),
                range(520)))
        p = self.list(i, "--expiring", "1h", "-o", "json", code=1)
        got = json.loads(p.stdout)
        self.assertEqual(len(got), 520)
        self.assertEqual({t["id"] for t in got}, {t["id"] for t in made})
        ends = [t["dies_at"] for t in got]
        self.assertEqual(ends, sorted(ends))


if __name__ == "__main__":
    main(at_once=4)
