"""example.py - what the services of examples/ have in common.

All three are the same service: notes in folders, a named scope for the list
and resource scopes for the notes.  A class of Example says how to start its
own; Answers are the tests of what it says to whom, Life (of doors.py) those
of a token's life.
"""
import base64
import contextlib
import http.client
import socket
import subprocess
import time

from doors import Door, Process, free_port, wait_for

NOTE = "/notes/travel/rome"
BEARER = 'Bearer realm="notes"'
BASIC = 'Basic realm="notes", charset="UTF-8"'


def bearer(token):
    return f"Bearer {token}"


def basic(user, token):
    pair = f"{user}:{token}".encode()
    return "Basic " + base64.b64encode(pair).decode()


class Example(Door):
    def serve(self, issuer, agent, port):
        """(argv, environment) of the service."""
        raise NotImplementedError

    def start_door(self, issuer, agent):
        self.port = free_port()
        self.door = Process(self.folder / "door.log")
        self.processes.append(self.door)
        argv, env = self.serve(issuer, agent, self.port)
        self.door.spawn(*argv, env=env)
        wait_for("the service to answer", self.answers, 20)
        self.seed = issuer.mint("alice")
        self.assertEqual(self.ask("PUT", NOTE, bearer(self.seed["token"]),
                                  b"Trastevere\n")[0], 201)

    def answers(self):
        assert self.door.alive(), self.door.text()
        try:
            return self.ask("GET", "/")[0] == 404
        except OSError:
            return False

    def ask(self, method, path, *authorization, body=None):
        """(status, body, headers); one Authorization header for each."""
        if authorization and isinstance(authorization[-1], bytes):
            *authorization, body = authorization
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            c.putrequest(method, path)
            for value in authorization:
                c.putheader("Authorization", value)
            if body is not None:
                c.putheader("Content-Length", str(len(body)))
            c.endheaders(body)
            r = c.getresponse()
            return r.status, r.read(), r.headers
        finally:
            c.close()

    def in_parts(self, method, path, authorization, parts):
        """The status, when the body comes bit by bit."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            c.putrequest(method, path)
            c.putheader("Authorization", authorization)
            c.putheader("Content-Length", str(sum(map(len, parts))))
            c.endheaders()
            for part in parts:
                time.sleep(0.1)
                c.send(part)
            return c.getresponse().status
        finally:
            c.close()

    def curl(self, *argv, config):
        """The status; what is secret does not go into an argument."""
        said = subprocess.run(
            ["curl", "-sS", "-o", self.folder / "body", "-w", "%{http_code}",
             "-K", "-", *argv, f"http://127.0.0.1:{self.port}{NOTE}"],
            input=config, capture_output=True, text=True, timeout=60)
        self.assertEqual(said.returncode, 0, said.stderr)
        return int(said.stdout)

    def passes(self, user, token, *argv):
        """Both ways in, which must agree."""
        status = self.curl(*argv, config=f'user = "{user}:{token}"\n')
        self.assertIn(status, (200, 204, 401, 403))
        if user == "alice":
            self.assertEqual(status, self.curl(
                *argv, config=f'header = "Authorization: {bearer(token)}"\n'))
        return status < 300

    def read(self, user, token):
        passed = self.passes(user, token)
        body = (self.folder / "body").read_bytes()
        self.assertEqual(b"Trastevere\n" in body, passed)
        return passed

    def write(self, user, token):
        self.note = self.folder / "note"
        self.note.write_text("Trastevere\n")
        return self.passes(user, token, "-T", self.note)


class Answers:
    """Mixed into an Example."""

    def status(self, *request):
        return self.ask(*request)[0]

    def challenges(self, *request):
        status, _, headers = self.ask(*request)
        return status, headers.get_all("WWW-Authenticate", [])

    def token(self, issuer, *scopes, user="alice", **grant):
        return issuer.mint(user, scopes=list(scopes), **grant)["token"]

    def test_challenges(self):
        i, _ = self.open()
        none = (401, [BEARER, BASIC])
        wrong = (401, [BEARER + ', error="invalid_token"', BASIC])
        good = i.mint("alice")["token"]
        other = i.mint("alice", audience=["mail"])["token"]
        for path in ("/notes", NOTE):
            self.assertEqual(self.challenges("GET", path), none)
            for bad in (bearer("x"), bearer(good[:-4]), "Bearer", "Digest x",
                        bearer(good + "x"), bearer(other), good, "",
                        basic("bob", good), basic("", good), "Basic x",
                        basic("alice", good + "x"), "Basic " + good,
                        basic("alice\0", good), basic("alice", good + "\n"),
                        basic("alice", good).replace("Basic ", "Basic !")):
                self.assertEqual(self.challenges("GET", path, bad), wrong,
                                 bad)
            self.assertEqual(
                self.challenges("GET", path, bearer(good), bearer(good)),
                wrong)
            for ok in (bearer(good), basic("alice", good), "bearer " + good):
                self.assertEqual(self.challenges("GET", path, ok), (200, []))

    def test_a_named_scope(self):
        i, _ = self.open()
        token = self.token(i, "notes:list")
        status, body, _ = self.ask("GET", "/notes", bearer(token))
        self.assertEqual((status, body), (200, b"/travel/rome\n"))
        other = self.token(i, "notes", "notes:list:r", "node:root:rw")
        self.assertEqual(
            self.challenges("GET", "/notes", bearer(other)),
            (403, [BEARER + ', error="insufficient_scope", '
                   'scope="notes:list"']))

    def test_scopes_of_folders(self):
        i, _ = self.open()
        for scope, read, write in (
                ("node:/travel/rome:r", 200, 403),
                ("node:/travel:r", 200, 403), ("node:root:r", 200, 403),
                ("node:/travel:w", 403, 204), ("node:root:rw", 200, 204),
                ("node:/trave:rw", 403, 403), ("node:/rome:rw", 403, 403),
                ("node:/travel/rome/x:rw", 403, 403),
                ("nodes:root:rw", 403, 403), ("node:root", 403, 403),
                # named scopes, whatever they look like
                ("node:root:read", 403, 403), ("node:root:rw:x", 403, 403)):
            token = bearer(self.token(i, scope))
            self.assertEqual(self.status("GET", NOTE, token), read, scope)
            self.assertEqual(self.status("PUT", NOTE, token, b"Rome"), write,
                             scope)
        for method, need in (("GET", "r"), ("PUT", "w"), ("DELETE", "w")):
            self.assertEqual(
                self.challenges(method, NOTE, bearer(self.token(i, "x:y"))),
                (403, [BEARER + ', error="insufficient_scope", '
                       f'scope="node:/travel/rome:{need}"']))

    def test_source_addresses(self):
        i, _ = self.open()
        for net, status in (("127.0.0.0/8", 200), ("192.0.2.0/24", 401)):
            token = i.mint("alice", cidr=["2001:db8::/32", net])["token"]
            for shown in (bearer(token), basic("alice", token)):
                self.assertEqual(self.status("GET", NOTE, shown), status, net)
        self.assertIn("wrong_address", self.door.text())

    def test_to_each_his_own(self):
        """Scopes narrow what the user may; they give nobody another's."""
        i, _ = self.open()
        bob = bearer(self.token(i, "node:root:rw", "notes:list", user="bob"))
        self.assertEqual(self.status("GET", NOTE, bob), 404)
        self.assertEqual(self.status("DELETE", NOTE, bob), 404)
        self.assertEqual(self.status("PUT", NOTE, bob, b"mine"), 201)
        self.assertEqual(self.ask("GET", "/notes", bob)[1], b"/travel/rome\n")
        alice = bearer(self.seed["token"])
        self.assertEqual(self.ask("GET", NOTE, alice)[1], b"Trastevere\n")

    def test_notes(self):
        self.open()
        me = bearer(self.seed["token"])
        new = "/notes/a/b/c/d/e/f/g/h"
        self.assertEqual(self.status("GET", new, me), 404)
        self.assertEqual(self.status("PUT", new, me, b""), 201)
        self.assertEqual(self.status("PUT", new, me, b"x" * 4096), 204)
        self.assertEqual(self.status("PUT", new, me, b"x" * 4097), 413)
        self.assertEqual(self.status("PUT", new, me, b"x" * 100000), 413)
        self.assertEqual(self.in_parts("PUT", new, me, [b"x" * 4000] * 3), 413)
        self.assertEqual(self.in_parts("PUT", new, me, [b"x" * 2048] * 2), 204)
        status, body, headers = self.ask("GET", new, me)
        self.assertEqual((status, body), (200, b"x" * 4096))
        self.assertEqual(headers["Cache-Control"], "no-store")
        status, body, headers = self.ask("HEAD", new, me)
        self.assertEqual((status, body, headers["Content-Length"]),
                         (200, b"", "4096"))
        self.assertEqual(self.status("DELETE", new, me), 204)
        self.assertEqual(self.status("DELETE", new, me), 404)
        for n in range(63):
            self.assertEqual(self.status("PUT", f"/notes/{n}", me, b""), 201)
        self.assertEqual(self.status("PUT", "/notes/x", me, b""), 507)
        self.assertEqual(self.status("PUT", "/notes/0", me, b"x"), 204)

    def test_paths(self):
        self.open()
        me = bearer(self.seed["token"])
        for path in ("/notes/", "/notes//x", "/notes/x/", "/notes/..",
                     "/notes/x/../y", "/notes/%2e%2e", "/notes/x%7f",
                     "/notes/x%0ay", "/notes/x:y", "/notes/x%22",
                     "/notes/a/b/c/d/e/f/g/h/i", "/notes/" + "x" * 127):
            self.assertEqual(self.status("GET", path, me), 400, path)
            self.assertEqual(self.status("GET", path), 401, path)
        for path in ("/", "/note", "/notesx", "/Notes"):
            self.assertEqual(self.status("GET", path, me), 404, path)
        for path, allow in (("/notes", {"GET", "HEAD"}),
                            (NOTE, {"GET", "HEAD", "PUT", "DELETE"})):
            status, _, headers = self.ask("PATCH", path, me)
            self.assertEqual(status, 405)
            self.assertEqual(set(headers["Allow"].split(", ")), allow)

    def test_log(self):
        i, _ = self.open()
        minted = i.mint("alice", scopes=["node:root:r"])
        token = minted["token"]
        self.ask("GET", NOTE, bearer(token))
        self.ask("GET", NOTE, basic("alice", token))
        self.ask("PUT", NOTE, bearer(token), b"x")
        i.revoke(minted["id"])
        time.sleep(1)
        self.ask("GET", NOTE)
        self.ask("GET", NOTE, bearer("x"))
        self.door.stop()
        text = self.door.text()
        for line in (f"GET /notes/ id={minted['id']} ok",
                     f"PUT /notes/ id={minted['id']} insufficient_scope",
                     "GET /notes/ id=- malformed", "GET /notes/ id=- no_token"):
            self.assertIn(line, text.splitlines())
        for part in token.split(".") + self.seed["token"].split("."):
            self.assertNotIn(part, text)
        self.assertNotIn(base64.b64encode(token.encode()).decode()[8:40], text)


class Heads:
    """Mixed into an Example: heads that can be read in two ways."""

    def send(self, *lines, body=b"", method="GET"):
        """All that comes back, until the service closes."""
        head = [f"{method} {NOTE} HTTP/1.1", "Host: x", *lines, "", ""]
        got = b""
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall("\r\n".join(head).encode("latin-1") + body)
            s.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while chunk := s.recv(65536):
                    got += chunk
        return got

    def test_heads(self):
        i, _ = self.open()
        good = f"Authorization: {bearer(self.seed['token'])}"
        other = bearer(i.mint("bob")["token"])
        self.assertIn(b" 200 ", self.send(
            good, "Connection: close").split(b"\r\n")[0])
        for lines in ([good, f"Authorization : {other}"],
                      [f"Authorization : {other}", good],
                      [f"Authorization\t: {other}", good],
                      [good, "X y: z"], [good, "nonsense"]):
            got = self.send(*lines)
            self.assertRegex(got, rb"\A(HTTP/1.1 400 |\Z)", lines[1:])
            self.assertNotIn(b"Trastevere", got)
        smuggled = (f"GET {NOTE} HTTP/1.1\r\nHost: x\r\n{good}\r\n\r\n")
        for lines in (["Content-Length: 0", "Content-Length: 5"],
                      ["Content-Length: 5", "Content-Length: 0"],
                      ["Content-Length: 5", "content-length: 5"]):
            got = self.send(good, *lines, body=smuggled.encode())
            self.assertRegex(got, rb"\A(HTTP/1.1 400 |\Z)", lines)
            self.assertEqual(got.count(b"HTTP/1.1 "), bool(got), got)
        for lines in (["Content-Length: 5", "Transfer-Encoding: chunked"],
                      ["Transfer-Encoding: chunked", "Content-Length: 5"]):
            got = self.send(good, *lines, method="PUT",
                            body=b"0\r\n\r\n" + smuggled.encode())
            self.assertRegex(got, rb"\A(HTTP/1.1 4\d\d |\Z)", lines)
            self.assertEqual(got.count(b"HTTP/1.1 "), bool(got), got)
        self.assertEqual(self.status("GET", NOTE, bearer(
            self.seed["token"])), 200)


class Stale:
    """Mixed into an Example on an agent's state."""

    def test_cut_off(self):
        i = self.issuer()
        a = self.agent(i, flags=["--max-staleness", "4s"])
        wait_for("the agent to follow", lambda: "feed.connected" in a.text())
        self.start_door(i, a)
        token = bearer(self.seed["token"])
        i.stop()
        wait_for("it to be refused",
                 lambda: self.ask("GET", NOTE, token)[0] != 200)
        status, _, headers = self.ask("GET", NOTE, token)
        self.assertEqual((status, headers["Retry-After"]), (503, "10"))
        self.assertNotIn("WWW-Authenticate", headers)
        i.start()
        wait_for("it to be accepted again",
                 lambda: self.ask("GET", NOTE, token)[0] == 200, 30)

    def test_no_state(self):
        argv, env = self.serve(None, None, free_port())
        said = subprocess.run([str(a) for a in argv], env=env, timeout=30,
                              capture_output=True, text=True)
        self.assertEqual(said.returncode, 1)
        self.assertIn("nothing-here", said.stderr)
        self.assertEqual(len(said.stderr.splitlines()), 1)
