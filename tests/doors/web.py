"""web.py - what the tests of web servers share: the files of deploy/, a
client, a service to stand behind them, and a look for tokens in the logs.
"""
import base64
import contextlib
import datetime
import email.utils
import json
import os
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from doors import Door, Process, cli, wait_for


def place(source, target, yours):
    """Copy a file of deploy/, changing what it says is yours to change.

    Only lines that end in "yours" are touched, or those of Apache's Define,
    and each of them must be, so what users read is what is tested.
    """
    unused = dict(yours)
    lines = []
    for line in source.read_text().splitlines():
        if line.endswith(("# yours", "-- yours")) or line[:7] == "Define ":
            old = [o for o in yours if o in line]
            assert len(old) == 1, f"{source.name}: {line}"
            line = line.replace(old[0], str(yours[old[0]]))
            unused.pop(old[0], None)
        lines.append(line)
    assert not unused, f"{source.name}: nothing is {list(unused)}"
    target.write_text("\n".join(lines) + "\n")
    return target


def basic(user, token):
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


class Reply:
    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = [tuple(h.split(": ", 1)) for h in lines[1:]
                        if ": " in h]

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def __repr__(self):
        return repr(self.raw[:2000])


def curl(method, url, user=None, token=None, headers=(), data=None, flags=()):
    """curl itself.  What is secret goes through its standard input."""
    config = [f'url = "{url}"', "path-as-is"]
    if method == "HEAD":
        config += ["head"]
    else:
        config += [f'request = "{method}"', "include"]
    if user is not None:
        secret = f"{user}:{token}".replace("\\", "\\\\").replace('"', '\\"')
        config += [f'user = "{secret}"']
    elif token is not None:
        config += [f'header = "Authorization: Bearer {token}"']
    config += ['header = "%s"' % h.replace("\\", "\\\\").replace('"', '\\"')
               for h in headers]
    if data is not None:
        config += ['header = "Expect:"']
        flags = (*flags, "--data-binary", "@/dev/fd/3")
    # the body through a pipe of its own, for stdin is taken
    r, w = os.pipe()
    writer = threading.Thread(target=feed_pipe, args=(w, data or b""))
    writer.start()
    try:
        p = subprocess.run(
            ["bash", "-c", f'exec curl "$@" 3<&{r}', "-", "-q", "-sS",
             "--noproxy", "*", "--max-time", "30", *flags, "-K", "-"],
            input="\n".join(config).encode(), pass_fds=[r],
            capture_output=True)
    finally:
        os.close(r)
        writer.join()
    assert p.returncode == 0, f"curl {method} {url}: {p.stderr!r}"
    return Reply(p.stdout)


def feed_pipe(fd, data):
    with contextlib.suppress(BrokenPipeError), os.fdopen(fd, "wb") as f:
        f.write(data)


def raw(port, text, seconds=20):
    """Just these bytes over TCP: the first reply, or None if there is none."""
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        s.sendall(text.encode("latin-1"))
        got = b""
        with contextlib.suppress(OSError):
            while chunk := s.recv(65536):
                got += chunk
    return Reply(got) if got.startswith(b"HTTP/") else None


def read_body(handler):
    """What a BaseHTTPRequestHandler has been sent."""
    if "chunked" not in handler.headers.get("Transfer-Encoding", ""):
        return handler.rfile.read(int(handler.headers.get("Content-Length")
                                      or 0))
    body = b""
    while n := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(n)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


class AnyMethod(BaseHTTPRequestHandler):
    """To be filled in: answer(), for every method."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self):
        raise NotImplementedError

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)


class Serving:
    """A server in threads of this process, on a free port."""

    def __init__(self, handler):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Service(Serving):
    """Stands behind a proxy, answers with what it was sent, and remembers."""

    def __init__(self):
        self.seen = []
        seen = self.seen

        class Handler(AnyMethod):
            def answer(self):
                sent = {"method": self.command, "path": self.path,
                        "headers": self.headers.items(), "body": len(read_body(self))}
                seen.append(sent)
                body = json.dumps(sent).encode()
                status = 500 if self.path.startswith("/fails") else 200
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        super().__init__(Handler)


class Web(Door):
    """A door that speaks HTTP, at self.url."""

    #: what the door says when it cannot ask the agent
    AWAY = (503,)

    def setUp(self):
        super().setUp()
        self.tokens = []

    def listen(self):
        """Where this door asks the agent."""
        return f"unix:{self.folder}/auth.sock"

    def open(self, flags=(), edit=None, **kw):
        """edit(folder) gets at the placed files before the server does."""
        i, a = self.both(
            agent_flags=("--listen", self.listen(), *flags), **kw)
        mint = i.mint

        def remember(user="alice", **grant):
            reply = mint(user, **grant)
            self.tokens.append((user, reply["token"]))
            return reply
        i.mint = remember
        self.start_door(i, a, **({"edit": edit} if edit else {}))
        return i, a

    def tearDown(self):
        try:
            self.no_token_in_any_file()
        finally:
            super().tearDown()

    def no_token_in_any_file(self):
        """Neither a token nor its Basic form is in a log, or left lying."""
        for path in self.folder.rglob("*"):
            if not path.is_file() or path.is_relative_to(
                    self.folder / "private"):
                continue
            text = path.read_bytes()
            for user, token in self.tokens:
                for secret in (token, basic(user, token)[6:]):
                    self.assertNotIn(secret[-60:].encode(), text, path)

    def get(self, path, user=None, token=None, **kw):
        return curl("GET", self.url + path, user, token, **kw)

    def passed(self, reply):
        """True when it was let through, False when refused."""
        if reply.status in (401, 403):
            return False
        self.assertIn(reply.status, (200, 201, 204, 207), reply)
        return True


class Guarded:
    """Mixed into a Web: what must be refused at any of them, and how.

    PATH can be read with READ, and CHANGE (method, path) needs WRITE.
    WRONG (file, old, new) makes it ask for what the agent does not know.
    """

    #: headers by which a client learns that its token is near its end
    TELLS = ("Sunset", "X-Mintmark-Expires")

    def untouched(self, reply):
        """Whatever is behind the door gave nothing away and is as it was."""
        raise NotImplementedError

    def forget(self):
        """From here on."""

    def refused(self, reply, *statuses):
        self.assertIn(reply.status, statuses, reply)
        self.untouched(reply)

    def change(self, **kw):
        method, path = self.CHANGE
        return curl(method, self.url + path, data=b"{}", **kw)

    def test_A30_a_token_elsewhere_opens_nothing(self):
        i, _ = self.open()
        t = i.mint("alice")["token"]
        for how in ({"path": self.PATH + f"?access_token={t}"},
                    {"path": self.PATH + f"?token={t}&scope=photos:read"},
                    {"headers": [f"Cookie: access_token={t}"]},
                    {"headers": [f"Proxy-Authorization: Bearer {t}"]},
                    {"headers": [f"X-Authorization: Bearer {t}"]},
                    {"headers": [f"Authorization: Token {t}"]},
                    {"headers": [f"Authorization: {t}"]}):
            self.refused(
                self.get(how.get("path", self.PATH),
                         headers=how.get("headers", [])), 401)
        self.refused(
            curl("POST", self.url + self.CHANGE[1],
                 data=f"access_token={t}".encode()), 401)

    def test_near_its_end(self):
        i, _ = self.open()
        near = i.mint("alice", auto_refresh=86400, expires_in=10 * 86400)
        far = i.mint("alice", auto_refresh=86400, expires_in=30 * 86400)
        end = datetime.datetime.fromisoformat(near["expires_at"])
        said = {"Sunset": email.utils.format_datetime(
                    end.astimezone(datetime.timezone.utc), usegmt=True),
                "X-Mintmark-Expires": near["dies_at"]}
        for kw in ({"token": near["token"]},
                   {"user": "alice", "token": near["token"]}):
            r = self.get(self.PATH, **kw)
            self.assertEqual(r.status, 200, r)
            for moved in r.all("X-Mintmark-Expires"):  # by this very use
                self.assertLessEqual(near["dies_at"], moved)
                self.assertLessEqual(moved, time.strftime(
                    "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400)))
                said["X-Mintmark-Expires"] = moved
            self.assertEqual({n: r.all(n) for n in said},
                             {n: [v] if n in self.TELLS else []
                              for n, v in said.items()})
        self.assertTrue(self.passed(self.change(token=near["token"])))
        for r in (self.get(self.PATH, token=far["token"]),
                  self.get(self.PATH, token=far["token"],
                           headers=["Sunset: tomorrow"]),
                  self.get(self.PATH, token="nonsense")):
            self.assertEqual([r.all(n) for n in said], [[], []], r)

    def test_A30_two_authorizations(self):
        i, _ = self.open()
        alice = i.mint("alice")["token"]
        bob = i.mint("bob")["token"]
        good = f"Authorization: Bearer {alice}"
        for other in (good, f"Authorization: Bearer {bob}",
                      f"authorization: {basic('alice', alice)}",
                      f"Authorization: {basic('bob', alice)}",
                      "Authorization: Bearer nonsense"):
            for pair in ([good, other], [other, good]):
                self.refused(
                    self.get(self.PATH, headers=pair), 400, 401)
        self.refused(self.get(self.PATH, headers=[
            f"Authorization: Bearer {alice}, Bearer {alice}"]), 400, 401)

    def test_A31_source_addresses(self):
        """From where says the proxy, whatever its client says."""
        i, a = self.open()
        here = i.mint("alice", cidr=["127.0.0.1", "2001:db8::/32"])["token"]
        there = i.mint("alice", cidr=["127.0.0.2", "192.0.2.0/24"])["token"]
        lies = [[], ["X-Forwarded-For: 192.0.2.7"],
                ["x-forwarded-for: 10.0.0.1, 192.0.2.7"],
                ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 127.0.0.2"],
                ["Forwarded: for=192.0.2.7"], ["X-Real-IP: 192.0.2.7"]]
        for lie in lies:
            r = self.get(self.PATH, token=here, headers=lie)
            self.assertEqual(r.status, 200, r)
        r = self.get(self.PATH, token=there, flags=("--interface", "127.0.0.2"))
        self.assertEqual(r.status, 200, r)
        self.forget()
        self.refused(self.get(self.PATH, token=here,
                              flags=("--interface", "127.0.0.2")), 401)
        for lie in lies:
            self.refused(self.get(self.PATH, token=there, headers=lie), 401)
        self.assertIn('"reason":"wrong_address"', a.text())

    def test_challenges(self):
        i, _ = self.open()
        only = i.mint("alice", scopes=self.READ)["token"]
        gone = i.mint("alice")
        i.revoke(gone["id"])
        replies = [self.get(self.PATH),
                   self.get(self.PATH, token="nonsense"),
                   self.get(self.PATH, token=gone["token"])]
        for r in replies:
            self.refused(r, 401)
            got = r.all("WWW-Authenticate")
            self.assertEqual(len(got), 2, r)
            self.assertTrue(any(c.startswith("Bearer realm=") for c in got))
            self.assertTrue(any(c.startswith("Basic realm=") for c in got))
        # what is wrong with a token is for the log
        self.assertEqual(self.words(replies[1]), self.words(replies[2]))
        r = self.change(token=only)
        self.refused(r, 403)
        self.assertEqual(len(r.all("WWW-Authenticate")), 1, r)
        self.assertIn('error="insufficient_scope"',
                      r.all("WWW-Authenticate")[0])
        self.assertIn(f'scope="{self.LACKS}"', r.all("WWW-Authenticate")[0])
        for r in replies + [r]:
            self.assertEqual(r.all("X-Mintmark-Reason"), [])

    @staticmethod
    def words(reply):
        """A reply without what differs from one request to the next."""
        return (reply.status, len(reply.body),
                sorted((k, v) for k, v in reply.headers
                       if k.lower() not in ("date", "x-request-id")))

    def test_misconfigured(self):
        """Nobody gets in, and the agent's log says what is wrong."""
        def spoil(folder):
            name, old, new = self.WRONG
            text = (folder / name).read_text()
            self.assertEqual(text.count(old), 1, self.WRONG)
            (folder / name).write_text(text.replace(old, new))
        i, a = self.open(edit=spoil)
        t = i.mint("alice")["token"]
        for kw in ({"token": t}, {"user": "alice", "token": t}, {}):
            self.refused(self.get(self.PATH, **kw), 500, 503)
        said = [line for line in a.text().splitlines()
                if "auth.misconfigured" in line]
        self.assertEqual(len(said), 3, a.text())
        self.assertIn(self.WRONG[2].strip("&=").partition("=")[0], said[0])

    def test_agent_away(self):
        i, a = self.open()
        t = i.mint("alice")["token"]
        self.assertTrue(self.read("alice", t))
        self.forget()
        a.kill9()
        for kw in ({"token": t}, {"user": "alice", "token": t}, {}):
            self.refused(self.get(self.PATH, **kw), *self.AWAY)
        a.start()
        wait_for("the door to open again",
                 lambda: self.get(self.PATH, token=t).status == 200)

    def test_agent_hangs(self):
        i, a = self.open()
        t = i.mint("alice")["token"]
        self.assertTrue(self.read("alice", t))
        self.forget()
        a.freeze()
        try:
            self.refused(self.get(self.PATH, token=t), *self.AWAY)
        finally:
            a.proc.send_signal(signal.SIGCONT)
        wait_for("the door to open again",
                 lambda: self.get(self.PATH, token=t).status == 200)

    def test_stale(self):
        i, _ = self.open(flags=("--max-staleness", "6s"))
        t = i.mint("alice")["token"]
        self.assertTrue(self.read("alice", t))
        i.kill9()
        wait_for("the state to be stale",
                 lambda: self.get(self.PATH, token=t).status == 503, 30)
        self.forget()
        r = self.get(self.PATH, token=t)
        self.refused(r, 503)
        self.assertTrue(r.all("Retry-After"))


#: Who, in as many spellings as a server may take for the same.
FORGED = ["X-Mintmark-User: root", "x-mintmark-user: root",
          "X-MINTMARK-ID: 9.9", "X-Mintmark-Scopes: photos:write",
          "X-Mintmark-Expires: 1", "X-Mintmark-Need: scope=nothing",
          "X-Mintmark-Reason: root", "X-Mintmark-Else: root",
          "X_Mintmark_User: root", "X-Mintmark_User: root",
          "x_mintmark-user: root", "X.Mintmark.User: root",
          "X~Mintmark!Id: 9.9", "X-Mintmark.Scopes: *"]


class Rest(Guarded):
    """Mixed into a Web whose door is a proxy: a REST service behind it, that
    is to be read with photos:read and changed with photos:write."""

    READ = ["photos:read"]
    WRITE = ["photos:read", "photos:write"]
    PATH = "/photos/1"
    CHANGE = ("POST", "/photos")
    LACKS = "photos:write"
    #: to who says who he is: refused by the agent, or not heard
    FORGED_GETS = (400, 200)

    def setUp(self):
        super().setUp()
        self.service = Service()
        self.addCleanup(self.service.stop)

    def read(self, user, token):
        """Basic and Bearer must agree, but about whose token it is."""
        got = self.passed(self.get("/photos/1", user, token))
        if user == "alice" and token:
            self.assertEqual(got, self.passed(self.get("/photos/1",
                                                       token=token)))
        return got

    def write(self, user, token):
        return self.passed(self.change(user=user, token=token))

    def arrived(self, reply):
        """The headers that the service saw, by lower-case name."""
        self.assertEqual(reply.status, 200, reply)
        return {k.lower(): v for k, v in json.loads(reply.body)["headers"]}

    def untouched(self, reply):
        self.assertEqual(self.service.seen, [], reply)

    def forget(self):
        self.service.seen.clear()

    def test_the_doctor_finds_nothing_open(self):
        self.open()
        p = cli("doctor", "--url", self.url + self.PATH, check=0)
        for check in ("anonymous", "garbage", "identity"):
            self.assertRegex(p.stdout, rf"(?m)^ok +proxy\.{check} .* 4\d\d ")
        self.assertNotIn("proxy.reason", p.stdout)
        self.untouched(p.stdout)

    def test_the_service_sees_who_and_no_token(self):
        i, _ = self.open()
        some = i.mint("alice", scopes=self.WRITE)
        login = i.mint("alice")
        for t, scopes in ((some, " ".join(self.WRITE)), (login, "*")):
            for kw in ({"token": t["token"]},
                       {"user": "alice", "token": t["token"]}):
                saw = self.arrived(self.get("/photos/1?size=2", **kw))
                self.assertEqual(saw["x-mintmark-user"], "alice")
                self.assertEqual(saw["x-mintmark-id"], t["id"])
                self.assertEqual(saw["x-mintmark-scopes"], scopes)
                self.assertEqual(saw["x-mintmark-expires"], t["dies_at"])
                self.assertNotIn("authorization", saw)
                self.assertNotIn("x-mintmark-need", saw)
        self.assertEqual(self.service.seen[-1]["path"], "/photos/1?size=2")

    def test_A31_nobody_says_who_he_is(self):
        i, _ = self.open()
        login = i.mint("alice")
        for forged in FORGED:
            self.service.seen.clear()
            r = self.get("/photos/1", token=login["token"], headers=[forged])
            self.assertIn(r.status, self.FORGED_GETS, forged)
            for saw in self.service.seen:
                ours = {k.lower(): v for k, v in saw["headers"]
                        if "mintmark" in k.lower()}
                self.assertEqual(len(ours), sum(
                    "mintmark" in k.lower() for k, _ in saw["headers"]))
                ours.pop("x-mintmark-expires")
                self.assertEqual(ours, {"x-mintmark-user": "alice",
                                        "x-mintmark-id": login["id"],
                                        "x-mintmark-scopes": "*"}, forged)
            self.service.seen.clear()
            self.refused(
                self.get("/photos/1", headers=[forged]), 400, 401)

    def test_A31_nobody_says_what_he_needs(self):
        """Neither less than is needed here, nor where he is."""
        i, _ = self.open()
        only = i.mint("alice", scopes=self.READ)["token"]
        there = i.mint("alice", cidr=["192.0.2.0/24"])["token"]
        mail = i.mint("alice", audience=["mail"])["token"]
        for name in ("X-Mintmark-Need", "x-mintmark-need", "X_Mintmark_Need"):
            for need in ("audience=mail", "from=192.0.2.7",
                         f"scope={self.READ[0]}", "audience=photos"):
                own = [f"{name}: {need}"]
                self.forget()
                for refused in (
                        self.change(token=only, headers=own),
                        self.get(self.PATH, token=there, headers=own),
                        self.get(self.PATH, token=mail, headers=own)):
                    self.refused(refused, 400, 401, 403)

    def test_A31_connection_takes_nothing_away(self):
        """Proxies drop what Connection names (RFC 9110 section 7.6.1): a
        client could have the service told less than the agent said."""
        i, _ = self.open()
        some = i.mint("alice", scopes=self.WRITE)["token"]
        for name in ("X-Mintmark-User", "X-Mintmark-Scopes", "x-mintmark-id",
                     "Authorization", "X-Forwarded-Method"):
            for more in ("close", "keep-alive", "upgrade"):
                self.forget()
                r = self.get("/photos/1", token=some, headers=[
                    f"Connection: {more}, {name}"])
                if r.status in (400, 401):
                    self.refused(r, 400, 401)
                    continue
                saw = self.arrived(r)
                self.assertEqual(saw.get("x-mintmark-user"), "alice", name)
                self.assertEqual(saw.get("x-mintmark-scopes"),
                                 " ".join(self.WRITE), name)
                self.assertIn("x-mintmark-id", saw)
        only = i.mint("alice", scopes=self.READ)["token"]
        self.forget()
        self.refused(self.change(token=only, headers=[
            "Connection: X-Forwarded-Method, X-Mintmark-Need"]), 400, 403)

    def test_audience(self):
        i, _ = self.open()
        here = i.mint("alice", audience=["photos"])["token"]
        there = i.mint("alice", audience=["files"])["token"]
        self.assertTrue(self.read("alice", here))
        self.assertFalse(self.read("alice", there))

    def test_what_is_sent_arrives(self):
        """Also when the agent is asked in between, who gets none of it."""
        i, _ = self.open()
        t = i.mint("alice")["token"]
        data = os.urandom(900 << 10)
        for flags in ([], ["--http1.1", "-H", "Transfer-Encoding: chunked"],
                      ["-H", "Expect: 100-continue"]):
            r = curl("PUT", self.url + "/photos/1", token=t, data=data,
                     flags=flags)
            self.assertEqual(r.status, 200, r)
            self.assertEqual(json.loads(r.body)["body"], len(data))
            self.assertEqual(json.loads(r.body)["method"], "PUT")
        self.service.seen.clear()
        r = curl("PUT", self.url + "/photos/1", data=data[:100000])
        self.refused(r, 401)

    def test_A31_every_method_is_asked_about(self):
        i, _ = self.open()
        only = i.mint("alice", scopes=self.READ)["token"]
        for method in ("GET", "HEAD", "OPTIONS"):
            self.assertEqual(curl(method, self.url + "/x").status, 401)
            self.assertEqual(curl(method, self.url + "/x",
                                  token=only).status, 200)
        for method in ("POST", "PUT", "PATCH", "DELETE", "get", "REPORT"):
            self.service.seen.clear()
            self.refused(
                curl(method, self.url + "/x"), 401, 400, 405)
            self.refused(
                curl(method, self.url + "/x", token=only,
                     headers=["X-Forwarded-Method: GET",
                              "X-Original-Method: GET",
                              "X-HTTP-Method-Override: GET"]), 403, 400, 405)

    def test_large_headers(self):
        i, _ = self.open()
        t = i.mint("alice")["token"]
        cookie = "session=" + "x" * 7900
        saw = self.arrived(self.get("/photos/1", token=t,
                                    headers=[f"Cookie: {cookie}"]))
        self.assertEqual(saw["cookie"], cookie)
        self.arrived(self.get("/photos/1", token=t,
                              headers=["Referer: http://x/" + "y" * 6000]))
        # too much for the agent is a refusal, not a way around it
        many = [f"X-Long-{n}: " + "z" * 7000 for n in range(4)]
        self.service.seen.clear()
        r = self.get("/photos/1", headers=many)
        self.assertGreaterEqual(r.status, 400, r)
        self.assertEqual(self.service.seen, [])

    def test_paths_that_mean_something_else(self):
        self.open()
        for path in ("/_mintmark", "/auth", "//photos", "/photos/../auth",
                     "/%2e%2e/auth", "/photos%00", "/photos;x", "/*"):
            r = self.get(path)
            self.assertGreaterEqual(r.status, 400, path)
            self.assertEqual(self.service.seen, [])

    def test_errors_of_the_service_stay_its_own(self):
        i, _ = self.open()
        t = i.mint("alice")["token"]
        r = self.get("/fails", token=t)
        self.assertEqual(r.status, 500)
        self.assertEqual(json.loads(r.body)["path"], "/fails")


class Server(Process):
    """A web server: ready when something listens at its port."""

    def __init__(self, log, port):
        super().__init__(log)
        self.port = port

    def start(self, *argv, env=None):
        self.spawn(*argv, env=env)
        wait_for(f"{self.log.stem} to listen", self.listening, 20)
        return self

    def listening(self):
        assert self.alive(), f"{self.log.stem} ended:\n{self.text()}"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False
