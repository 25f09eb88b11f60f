#!/usr/bin/env python3
"""The agent's own door, asked as a proxy asks: GET /auth."""
import base64
import http.client
import socket
import subprocess
import time

from doors import AGENT, SLOW, Door, Life, free_port, main, wait_for


class AgentDoor(Door):
    """Over TCP; read() and write() are what a WebDAV proxy would ask."""

    def open(self, **kw):
        self.port = free_port()
        i, a = self.both(
            agent_flags=["--listen", f"127.0.0.1:{self.port}"], **kw)
        return i, a

    def ask(self, user, token, query="", headers=None, port=None):
        """(status, headers), with user and token as Basic credentials."""
        c = http.client.HTTPConnection("127.0.0.1", port or self.port,
                                       timeout=20)
        pair = base64.b64encode(f"{user}:{token}".encode()).decode()
        try:
            c.request("GET", f"/auth?{query}", headers={
                "Authorization": f"Basic {pair}", **(headers or {})})
            r = c.getresponse()
            r.read()
            return r.status, r.headers
        finally:
            c.close()

    def status(self, user, token):
        """None while nobody listens."""
        try:
            return self.ask(user, token)[0]
        except OSError:
            return None

    def may(self, user, token, method):
        status, headers = self.ask(user, token, "type=node&ids=leaf+root",
                                   {"X-Forwarded-Method": method})
        self.assertIn(status, (200, 401, 403))
        self.assertEqual("X-Mintmark-User" in headers, status == 200)
        return status == 200

    def read(self, user, token):
        return self.may(user, token, "PROPFIND")

    def write(self, user, token):
        return self.may(user, token, "PUT")


class Lives(Life, AgentDoor):
    pass


class AccessTokens(AgentDoor):
    def test_taken_only_where_that_is_wanted_and_by_name(self):
        i, a = self.open()
        parent = i.mint()
        access = i.exchange(parent["token"], audience="files")[1]["access_token"]
        for_files = "audience=files"
        self.assertEqual(self.ask("alice", access, for_files)[0], 401)
        a.stop()
        a.flags = [*a.flags, "--access-tokens"]
        a.start()
        wait_for("the door",
                 lambda: self.status("alice", parent["token"]) == 200)
        status, headers = self.ask("alice", access, for_files)
        self.assertEqual(status, 200)
        self.assertTrue(headers["X-Mintmark-Id"].startswith(parent["id"] + "."))
        self.assertNotIn("Sunset", headers)  # it is made anew each time
        for query in ("audience=mail", ""):
            status, headers = self.ask("alice", access, query)
            self.assertEqual(
                (status, headers["X-Mintmark-Reason"]),
                (401, "wrong_audience"), query)
        i.revoke(parent["id"])
        wait_for("its end", lambda: self.ask(
            "alice", access, for_files)[0] == 401)


class Need(AgentDoor):
    """A proxy that writes no need hands on the one that its client made up."""

    def open(self):
        i, a = super().open()
        a.stop()
        a.flags = [*a.flags, "--access-tokens"]
        a.start()
        wait_for("the door", lambda: self.status("alice", "x") == 401)
        return i

    def bearer(self, token, path, *needs, near="10.0.0.1"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            c.putrequest("GET", path)
            c.putheader("Authorization", f"Bearer {token}")
            c.putheader("X-Forwarded-For", near)
            for need in needs:
                c.putheader("X-Mintmark-Need", need)
            c.endheaders()
            r = c.getresponse()
            r.read()
            return r.status
        finally:
            c.close()

    def test_A31_a_clients_need_is_not_believed(self):
        i = self.open()
        local = i.mint(cidr=["192.0.2.0/24"])["token"]
        access = i.exchange(i.mint()["token"],
                            audience="files")[1]["access_token"]
        low = i.mint(scopes=["photos:read"])["token"]
        anybody = i.mint()["token"]
        here = "from=192.0.2.7"
        # where the configuration says nothing, or all of it in the address
        for path, token, need, without in (
                ("/auth", local, here, 401),
                ("/auth", access, "audience=files", 401),
                ("/auth", anybody, "scope=photos:read", 200),
                ("/auth?scope=photos:read", local, here, 401),
                ("/auth?audience=mail", access, "audience=files", 401),
                ("/auth?scope=photos:write", low, "scope=photos:read", 403)):
            with self.subTest(path=path, need=need):
                self.assertEqual(self.bearer(token, path), without)
                self.assertEqual(self.bearer(token, path, need), 400)
        # where it says that it writes the header: that is the only one, and
        # there is one
        for path in ("/auth?need=header", "/auth/photos/1?" + here):
            with self.subTest(path=path):
                self.assertEqual(self.bearer(local, path, here), 200)
                self.assertEqual(self.bearer(access, path, "audience=files"),
                                 200)
                self.assertEqual(self.bearer(access, path, "audience=mail"),
                                 401)
                for token in (local, access, anybody):
                    self.assertEqual(self.bearer(token, path), 500)
                    self.assertEqual(self.bearer(
                        token, path, "scope=photos:write", here), 400)


class Faults(AgentDoor):
    def test_nothing_passes_without_the_agent_or_its_state(self):
        i, a = self.open()
        token = i.mint()["token"]
        self.assertEqual(self.ask("alice", token)[0], 200)
        a.kill9()
        with self.assertRaises(OSError):
            self.ask("alice", token)
        # the last state is enough to begin with, also without the issuer
        i.kill9()
        a.start()
        wait_for("the door", lambda: self.status("alice", token) == 200)
        a.stop()

    def test_before_the_first_contact(self):
        i = self.issuer()
        self.port = free_port()
        a = self.agent(i, start=False,
                       flags=["--listen", f"127.0.0.1:{self.port}"])
        token = i.mint("agent", scopes=["mintmark:agent"])["token"]
        a.token_file.write_text(token)
        a.token_file.chmod(0o600)
        i.kill9()
        a.start(wait=False)
        wait_for("the door", lambda: self.status("agent", token) == 503)
        i.start()
        wait_for("the state", lambda: self.status("agent", token) == 200, 20)

    def test_a_removed_state_is_made_anew_and_seen(self):
        i, a = self.open()
        t = i.mint()
        self.assertEqual(self.ask("alice", t["token"])[0], 200)
        a.state.unlink()
        i.revoke(t["id"])
        wait_for("the agent to make another", a.state.exists)
        wait_for("the door to see it", lambda: self.ask(
            "alice", t["token"])[0] == 401, 2)

    def test_another_issuer_s_state_opens_nothing(self):
        i, a = self.open()
        token = i.mint()["token"]
        self.assertEqual(self.ask("alice", token)[0], 200)
        a.stop()
        a.urls = ["http://127.0.0.1:9"]
        a.start(wait=False)
        wait_for("the door", lambda: self.status("alice", token))
        status, headers = self.ask("alice", token)
        self.assertEqual(status, 503)
        self.assertEqual(headers["X-Mintmark-Reason"], "stale")

    def test_stale(self):
        self.port = free_port()
        i, a = self.both(agent_flags=[
            "--listen", f"127.0.0.1:{self.port}", "--max-staleness", "6s"])
        token = i.mint()["token"]
        self.assertEqual(self.ask("alice", token)[0], 200)
        i.kill9()
        wait_for("it to be stale", lambda: self.ask("alice", token)[0] == 503,
                 20)
        status, headers = self.ask("alice", token)
        self.assertEqual(headers["X-Mintmark-Reason"], "stale")
        self.assertIn("Retry-After", headers)

    def test_wrong_configuration_is_one_clear_line(self):
        i, a = self.open()
        token = i.mint()["token"]
        for query, says in (("scop=x", 'no such parameter: \\"scop\\"'),
                            ("type=node&ids=1", "X-Forwarded-Method"),
                            ("perm=r", "type and ids go together"),
                            (token, "longer than 32 bytes"),
                            (f"perm={token}", "longer than 32 bytes")):
            before = a.text()
            self.assertEqual(self.ask("alice", token, query)[0], 500)
            lines = a.text()[len(before):].splitlines()
            self.assertEqual(len(lines), 1, lines)
            self.assertIn('"event":"auth.misconfigured"', lines[0])
            self.assertIn(says, lines[0])
        self.no_token_in(a.text(), token)

    def no_token_in(self, text, token):
        for part in token.split("."):
            for at in range(0, len(part) - 12, 6):
                self.assertNotIn(part[at:at + 12], text)

    def test_A34_a_refusal_is_logged_without_the_token(self):
        i, a = self.open()
        t = i.mint()
        self.assertEqual(self.ask("alice", t["token"])[0], 200)
        i.revoke(t["id"])
        time.sleep(0.5 * SLOW)
        self.assertEqual(self.ask("alice", t["token"])[0], 401)
        self.assertEqual(self.ask("bob", t["token"])[0], 401)
        self.assertIn(f'"reason":"revoked","id":"{t["id"]}"', a.text())
        some = i.mint("alice", scopes=["a"])
        self.assertEqual(self.ask("alice", some["token"], "scope=b")[0], 403)
        self.assertIn(f'"id":"{some["id"]}","missing":"b"', a.text())
        forged = some["token"][:-8] + "AAAAAAAA"
        self.assertEqual(self.ask("alice", forged)[0], 401)
        self.assertIn('"reason":"bad_signature","id":""', a.text())
        self.no_token_in(a.text(), t["token"])

    def test_stops_while_it_is_asked(self):
        """Neither a connection without a request nor half of one keeps it."""
        i, a = self.open()
        token = i.mint()["token"]
        idle = socket.create_connection(("127.0.0.1", self.port))
        half = socket.create_connection(("127.0.0.1", self.port))
        half.sendall(b"GET /auth HTTP/1.1\r\nHost: x\r\n")
        self.assertEqual(self.ask("alice", token)[0], 200)
        begun = time.monotonic()
        a.stop()
        self.assertLess(time.monotonic() - begun, 10 * SLOW)
        idle.close()
        half.close()


class Start(AgentDoor):
    def run_agent(self, *flags):
        return subprocess.run(
            [str(AGENT), "--issuer", "http://127.0.0.1:1", "--token-file",
             self.folder / "t", "--state", self.folder / "s", *flags],
            capture_output=True, text=True, timeout=20 * SLOW)

    def test_bad_addresses(self):
        (self.folder / "t").write_text("x")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for listen, code, says in (
                    ("0.0.0.0:9080", 2, "can be reached from other hosts"),
                    ("example.org:9080", 2, "can be reached from other"),
                    ("9080", 2, "HOST:PORT"),
                    ("unix:auth.sock", 2, "must begin with /"),
                    ("unix:/nowhere/at/all/s", 1, "No such file"),
                    ("unix:/" + "x" * 120, 1, "longer than 107"),
                    (f"127.0.0.1:{port}", 1, "already in use")):
                p = self.run_agent("--listen", listen)
                self.assertEqual(p.returncode, code, f"{listen}: {p.stderr}")
                said = [line for line in p.stderr.splitlines()
                        if line.startswith("mintmark-agent: ")]
                self.assertEqual(len(said), 1, p.stderr)
                self.assertIn(says, said[0])

    def test_a_socket_for_the_proxies_group(self):
        i = self.issuer()
        path = self.folder / "auth.sock"
        a = self.agent(i, flags=["--listen", f"unix:{path}"])
        self.assertEqual(path.stat().st_mode & 0o777, 0o660)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            s.sendall(b"GET /auth HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 401 ", s.recv(4096))
        a.kill9()  # a socket that was left behind is taken over
        self.assertTrue(path.exists())
        started = a.text().count("agent.start")
        a.start()
        wait_for("the door", lambda: a.text().count("agent.start") > started)
        a.stop()
        self.assertFalse(path.exists())


if __name__ == "__main__":
    main(at_once=3)
