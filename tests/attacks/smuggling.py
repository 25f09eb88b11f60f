#!/usr/bin/env python3
"""Requests that two readers could read differently (RFC 9112 s11), as raw
bytes at every door that speaks HTTP.

Each attack has a whole request hidden where it must not be read as one: in a
body, or behind what has no legal end.  Whether it was read is seen in the
program's own count of that request, not in what comes back."""
import json
import pathlib
import ssl
import subprocess
import sys
import threading

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "flow"), str(TESTS / "doors")]
from flow import SLOW, Flow, free_port, main, wait_for  # noqa: E402
from raw import Raw, parse, request, watch  # noqa: E402

HOST = b"Host: x\r\n"


class Place:
    """Where to attack: the socket, what takes a body, what is hidden."""

    def __init__(self, where, carrier, target, count, more=b"", head=5800):
        self.where, self.carrier, self.target = where, carrier, target
        self.more = more  # headers of what carries
        self.count = count  # how often the target has been asked for
        self.hidden = request(target)
        self.head = head  # bytes of a line and headers that are taken


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def lengths(n):
    """Content-Length, in all the ways that are not one number."""
    n = str(n).encode()
    for name, value in (
            ("plus", b"+" + n), ("minus", b"-" + n), ("hex", b"0x10"),
            ("exponent", b"1e2"), ("two in one", b"0, " + n),
            ("the same in one", n + b", " + n), ("inner space", b"1 1"),
            ("semicolon", n + b";"), ("real", n + b".0"), ("empty", b""),
            ("2^64 + n", str(2**64 + int(n)).encode()),
            ("40 digits", b"9" * 40), ("2^63", b"9223372036854775808"),
            ("vertical tab", b"\x0b" + n), ("quoted", b'"' + n + b'"'),
            ("other digits", "٥".encode()), ("underscore", b"1_0"),
            ("letters", b"abc"), ("NUL behind", n + b"\0")):
        yield "length: " + name, b"Content-Length: " + value + b"\r\n"
    for name, first, second in (("0 and n", b"0", n), ("n and 0", n, b"0"),
                                ("n twice", n, n)):
        yield "length: " + name, (b"Content-Length: %s\r\nX: y\r\n"
                                  b"content-length: %s\r\n" % (first, second))
    yield "length: space before the colon", b"Content-Length : %s\r\n" % n
    yield "length: tab before the colon", b"Content-Length\t: %s\r\n" % n
    yield "length: folded", b"X: y\r\n Content-Length: %s\r\n" % n
    yield "length: folded value", b"Content-Length:\r\n %s\r\n" % n
    yield "length: behind a CR", b"X: y\rContent-Length: %s\r\n" % n
    yield "length: behind a NUL", b"X: y\0\r\nContent-Length: %s\r\n" % n
    yield "length: no colon", b"Content-Length %s\r\n" % n
    yield "length: no name", b": y\r\nContent-Length: 0\r\n"


def encodings():
    for name, value in (
            ("xchunked", b"xchunked"), ("gzip before", b"gzip, chunked"),
            ("identity behind", b"chunked, identity"), ("identity",
                                                        b"identity"),
            ("twice in one", b"chunked, chunked"), ("quoted", b'"chunked"'),
            ("vertical tab", b"\x0bchunked"), ("parameter", b"chunked;q=1"),
            ("a comma", b"chunked,"), ("empty", b""), ("NUL", b"chunked\0"),
            ("form feed behind", b"chunked\x0c")):
        yield "encoding: " + name, b"Transfer-Encoding: " + value + b"\r\n"
    for a, b in ((b"chunked", b"identity"), (b"identity", b"chunked"),
                 (b"chunked", b"chunked")):
        yield (f"encoding: {a.decode()} and {b.decode()}",
               b"Transfer-Encoding: %s\r\nTransfer-encoding: %s\r\n" % (a, b))
    yield "encoding: space before the colon", b"Transfer-Encoding : chunked\r\n"
    yield "encoding: folded", b"Transfer-Encoding:\r\n chunked\r\n"
    yield "encoding: folded in another", (b"X: y\r\n Transfer-Encoding: "
                                          b"chunked\r\n")


def chunks(hidden):
    """Bodies of Transfer-Encoding: chunked that are none."""
    for name, size in (("minus", b"-1"), ("plus", b"+5"), ("0x", b"0x5"),
                       ("no number", b"g"), ("empty", b""),
                       ("a space before", b" 5"), ("17 digits", b"1" * 17),
                       ("2^64", b"10000000000000000"), ("NUL", b"5\0"),
                       ("underscore", b"1_0"), ("real", b"5.0"),
                       ("no number, with extension", b";a=b"),
                       ("comma", b"5,5")):
        yield "chunk size: " + name, size + b"\r\nabcde\r\n0\r\n\r\n" + hidden
    yield "chunk: longer than it says", b"1\r\nabc\r\n0\r\n\r\n" + hidden
    yield "chunk: no line end", b"1\r\na0\r\n\r\n" + hidden
    yield "chunk: size ends in CR", b"5\rabcde\r\n0\r\n\r\n" + hidden
    yield "chunk: a bare LF behind the size", b"5\nabcde\n0\n\n" + hidden
    yield "chunk: a bare CR at the end", b"5\r\nabcde\r\n0\r\n\r" + hidden
    yield "chunk: a bare LF at the end", b"5\r\nabcde\r\n0\r\n\n" + hidden
    yield "chunk: a length in the trailer", (
        b"5\r\nabcde\r\n0\r\nContent-Length: 9\r\n\r\n" + hidden)
    yield "chunk: a bare CR in the trailer", (
        b"5\r\nabcde\r\n0\r\nX: y\r\r" + hidden)
    yield "chunk: a NUL in the extension", (b"5;a\0b\r\nabcde\r\n0\r\n\r\n"
                                            + hidden)


def attacks(place):
    """(name, bytes): of each the first request is not to be taken."""
    hidden, post = place.hidden, b"POST %s HTTP/1.1\r\n" % place.carrier
    H = HOST + place.more
    for name, lines in lengths(len(hidden)):
        yield name, post + H + lines + b"\r\n" + hidden
    for name, lines in encodings():
        yield name, post + H + lines + b"\r\n0\r\n\r\n" + hidden
        yield name + ", length", (post + H + b"Content-Length: 5\r\n" + lines
                                  + b"\r\n0\r\n\r\n" + hidden)
    for name, body in chunks(hidden):
        yield name, (post + H + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    both = [b"Content-Length: %d\r\n" % (5 + len(hidden)),
            b"Transfer-Encoding: chunked\r\n"]
    for lines in (both, both[::-1]):
        yield "length and encoding", (post + H + b"".join(lines)
                                      + b"\r\n0\r\n\r\n" + hidden)
    get = request(place.target).split(b"\r\n")[0].split()[1]
    for name, line in (
            ("absolute", b"GET http://x%s HTTP/1.1" % get),
            ("another's absolute", b"GET http://y%s HTTP/1.1" % get),
            ("asterisk", b"OPTIONS * HTTP/1.1"),
            ("authority", b"CONNECT x:80 HTTP/1.1"),
            ("no slash", b"GET %s HTTP/1.1" % get[1:]),
            ("two slashes", b"GET /%s HTTP/1.1" % get),
            ("dots", b"GET /a/..%s HTTP/1.1" % get),
            ("NUL", b"GET %s%%00 HTTP/1.1" % get),
            ("HTTP/2", b"PRI * HTTP/2.0"),
            ("no version", b"GET %s" % get),
            ("a word too many", b"GET %s x HTTP/1.1" % get),
            ("two spaces", b"GET  %s HTTP/1.1" % get),
            ("two spaces behind", b"GET %s  HTTP/1.1" % get),
            ("a NUL behind", b"GET %s\0 HTTP/1.1" % get),
            ("a NUL behind the method", b"GET\0 %s HTTP/1.1" % get),
            ("a NUL behind the version", b"GET %s HTTP/1.1\0" % get),
            ("a NUL, and more", b"GET %s HTTP/1.1\0\r\nX: y" % get),
            ("ended by a CR", b"GET %s HTTP/1.1\rX: y" % get),
            ("ended by an LF", b"GET %s HTTP/1.1\nX: y" % get),
            ("no space", b"GET%s" % get),
            ("tabs", b"GET\t%s\tHTTP/1.1" % get),
            ("a space before", b" GET %s HTTP/1.1" % get),
            ("binary", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            ("another protocol", b"SSH-2.0-OpenSSH_9.2")):
        yield "target: " + name, line + b"\r\n" + H + b"\r\n" + hidden
    for name, lines in (("two hosts", H + H), ("no host", b""),
                        ("a host behind a NUL", b"Ho\0st: x\r\n"),
                        ("space in a name", H + b"X Y: z\r\n"),
                        ("space first", b" X: y\r\n" + H),
                        ("NUL in a name", H + b"X\0Y: z\r\n"),
                        ("NUL in a value", H + b"X: y\0z\r\n"),
                        ("NUL at the end", H + b"X: y\0\r\n"),
                        ("NUL in the first value", b"Host: x\0\r\n"),
                        ("ended by an LF", H + b"X: y\n"),
                        ("ended by a CR", H + b"X: y\r"),
                        ("all ended by LFs", H + b"\n"),
                        ("folded", H + b"X: y\r\n z\r\n"),
                        ("folded by a tab", H + b"X: y\r\n\tz\r\n"),
                        ("control in a value", H + b"X: \x01\r\n"),
                        ("not ASCII in a name", H + b"\xc3\xa9: z\r\n"),
                        ("10,000 headers", H + b"X: y\r\n" * 10000),
                        ("10,000 names", H + b"".join(
                            b"X-%d: y\r\n" % n for n in range(10000))),
                        ("a huge header", H + b"X: " + b"y" * 10**6
                         + b"\r\n")):
        yield ("head: " + name,
               b"GET %s HTTP/1.1\r\n" % get + lines + b"\r\n" + hidden)
    yield "head: a huge target", (b"GET /%s HTTP/1.1\r\n" % (b"a" * 10**6)
                                  + H + b"\r\n" + hidden)
    yield "head: a huge method", b"G" * 10**6 + b" / HTTP/1.1\r\n"


def unreadable(place):
    """(name, bytes, status, who answers): requests with which the library is
    done before a handler sees them.  "page" where it cannot be kept from
    answering by itself; None where it closes, and tells us of it too late to
    answer."""
    post = b"POST %s HTTP/1.1\r\n" % place.carrier
    H = post + HOST + place.more
    for name, value, status in (
            ("plus", b"+5", 400), ("no number", b"x", 400),
            ("empty", b"", 400), ("2^64", str(2**64).encode(), 413),
            ("40 digits", b"9" * 40, 413)):
        yield ("length: " + name, H + b"Content-Length: %s\r\n\r\n" % value,
               status, "problem")
    yield ("length: of a HEAD", b"HEAD / HTTP/1.1\r\n" + HOST
           + b"Content-Length: +5\r\n\r\n", 400, "problem")
    for name, cookies in (("800 cookies", b"a;" * 800),
                          ("a long cookie", b"a" * (place.head * 2 // 3))):
        yield name, H + b"Cookie: %s\r\n\r\n" % cookies, 431, "problem"
    yield ("cookies, and a length", H + b"Cookie: %s\r\nContent-Length: x\r\n"
           b"\r\n" % (b"a;" * 800), 431, "problem")
    for name, lines in (("no host", b""), ("no host, but a length",
                                           b"Content-Length: 0\r\n"),
                        ("a space behind Host", b"Host : x\r\n")):
        yield name, post + lines + b"\r\n", 400, "problem"
    yield ("a space in the target", b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
           400, "problem")
    yield "no colon", H + b"X\r\n\r\n", 400, "page"
    yield ("a huge header", H + b"X: " + b"y" * (2 * place.head), 431, "page")
    yield "a huge target", b"GET /" + b"a" * (2 * place.head), 414, "page"
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\n", 505, "page"
    yield "no version", b"GET /\r\n\r\n", 400, "page"
    for name, line in (("no space", b"FOO"), ("tabs", b"GET\t/\tHTTP/1.1"),
                       ("a space before", b" GET / HTTP/1.1"),
                       ("another protocol", b"SSH-2.0-OpenSSH_9.2")):
        yield name, line + b"\r\n" + HOST + b"\r\n", None, None
    chunked = H + b"Transfer-Encoding: chunked\r\n\r\n"
    yield "chunk: no number", chunked + b"g\r\n", 400, "page"
    yield "chunk: 17 digits", chunked + b"1" * 17 + b"\r\n", 413, "page"
    yield "trailer: no colon", chunked + b"0\r\nX\r\n\r\n", 400, "page"


def answered(port, path):
    """How often a program answered GET path, by its own count."""
    c = Raw(port, request("/metrics", "Connection: close"))
    page = c.to_end()[0].body.decode()
    c.close()
    return sum(int(line.rsplit(" ", 1)[1]) for line in page.splitlines()
               if "_http_requests_total{" in line
               and f'route="{path}"' in line and 'method="GET"' in line)


class Secure(Raw):
    """Inside TLS."""

    def send(self, data):
        if not isinstance(self.sock, ssl.SSLSocket):
            any_one = ssl.create_default_context()
            any_one.check_hostname = False
            any_one.verify_mode = ssl.CERT_NONE
            self.sock = any_one.wrap_socket(self.sock,
                                            suppress_ragged_eofs=True)
        return super().send(data)


def all_at_once(cases, seconds=10):
    """Send them, so that a slow one keeps no other waiting.  (name, its
    connection, whether it was left open)"""
    conns = [Raw(where) for _, where, _ in cases]
    senders = [threading.Thread(target=c.send, args=(data,))
               for c, (_, _, data) in zip(conns, cases)]
    for t in senders:
        t.start()
    left = watch(conns, seconds * SLOW)
    for c in conns:
        c.close()
    for t in senders:
        t.join()
    return [(name, c, c in left) for c, (name, _, _) in zip(conns, cases)]


class Smuggling(Flow):
    def places(self):
        mint, agent = free_port(), free_port()
        i = self.issuer(flags=("--metrics", f"127.0.0.1:{mint}"))
        door = free_port()
        a = self.agent(i, flags=("--listen", f"127.0.0.1:{door}",
                                 "--metrics", f"127.0.0.1:{agent}"))
        wait_for("the agent's door", lambda: "agent.start" in a.text())
        local = self.folder / "auth.sock"
        b = self.agent(i, name="local", flags=("--listen", f"unix:{local}"))
        wait_for("the other's", lambda: "agent.start" in b.text())
        return {
            "mint": Place(i.port, b"/v1/tokens", "/version",
                          lambda: answered(mint, "/version")),
            "admin.sock": Place(i.socket, b"/v1/tokens", "/version",
                                lambda: answered(mint, "/version")),
            "door": Place(door, b"/auth/x", "/health/live",
                          lambda: answered(agent, "/health/live"),
                          more=b"X-Mintmark-Need: scope=a\r\n",
                          head=24 * 1024),
        }

    def refused(self, name, replies):
        """Nothing, or one answer, with which all ends."""
        self.assertLessEqual(len(replies), 1, f"{name}: {replies}")
        for r in replies:
            self.assertIn(r.status, (400, 401, 405, 413, 414, 431, 505), name)
            self.assertTrue(r.closes(), f"{name}: {r} {r.headers}")
            self.assertTrue(r.problem() or r.page(), f"{name}: {r}")

    def one_answer(self, name, replies, status, who):
        if status is None:
            self.assertEqual(replies, [], name)
            return
        self.assertEqual([r.status for r in replies], [status], name)
        self.assertTrue(replies[0].closes(), name)
        self.assertTrue(getattr(replies[0], who)(), f"{name}: {replies}")

    def attack(self, place):
        for name, c, is_open in all_at_once([
                (name, place.where, data) for name, data in attacks(place)]):
            self.assertFalse(is_open, f"{name}: left open, {c.got}")
            self.refused(name, c.replies())

    def test_A32_nothing_is_smuggled(self):
        for name, place in self.places().items():
            with self.subTest(place=name):
                before = place.count()
                self.attack(place)
                self.assertEqual(place.count(), before)
                c = Raw(place.where, place.hidden)
                self.assertEqual(c.reply().status, 200)
                c.close()
                self.assertEqual(place.count(), before + 1)

    def test_A32_one_answer_to_what_cannot_be_read(self):
        for name, place in self.places().items():
            rows = list(unreadable(place))
            with self.subTest(place=name):
                for (_, _, status, who), (row, c, is_open) in zip(
                        rows, all_at_once([(r[0], place.where, r[1])
                                           for r in rows])):
                    self.assertFalse(is_open, row)
                    self.one_answer(row, c.replies(), status, who)

    def test_A32_it_is_who_asked_that_gets_it(self):
        """Those that are half-way at that moment get their own."""
        for name, place in self.places().items():
            with self.subTest(place=name):
                ask = request(place.target, "Connection: close")
                halves = [(ask[:n], ask[n:]) for n in
                          (0, 1, 20, len(ask) - 2, len(ask) - 1)]
                waiting = [(Raw(place.where, a), b) for a, b in halves]
                for row, data, status, who in unreadable(place):
                    c = Raw(place.where, ask.replace(b"close", b"x") + data)
                    first, *rest = c.to_end()
                    self.assertEqual(first.status, 200, row)
                    self.one_answer(row, rest, status, who)
                    c.close()
                for c, rest in waiting:
                    c.send(rest)
                    self.assertEqual([r.status for r in c.to_end()], [200])
                    c.close()

    def test_A32_inside_TLS_it_is_closed(self):
        """Where only the library can write: no answer, rather than none that
        can be read."""
        key, cert = self.folder / "tls.key", self.folder / "tls.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
             cert, "-subj", "/CN=x"], check=True, capture_output=True)
        key.chmod(0o600)
        i = self.issuer(start=False,
                        flags=("--tls-cert", cert, "--tls-key", key))
        i.start(wait=False)
        wait_for("it to listen", lambda: "issuer.start" in i.text())
        place = Place(i.port, b"/v1/tokens", "/version", None)
        for row, data, status, who in unreadable(place):
            c = Secure(i.port, data)
            if row.startswith(("length", "800", "a long", "cookies")):
                self.assertEqual(c.to_end(), [], row)
            else:
                self.one_answer(row, c.to_end(), status, who)
            c.close()

    def test_A32_the_log_says_what_was_refused(self):
        i = self.issuer()
        place = Place(i.port, b"/v1/tokens", "/version", None)
        for _, data, _, _ in unreadable(place):
            c = Raw(i.port, data)
            c.to_end()
            c.close()
        lines = [json.loads(line) for line in i.text().splitlines()
                 if '"http.library"' in line]
        self.assertLess({"400", "413", "414", "431", "505"},
                        {line.get("status", "") for line in lines} | {""})
        for line in lines:
            self.assertNotRegex(line["text"], "%|<html")

    def test_A32_pipelines(self):
        """Each has its answer, in order, up to one that is refused."""
        for name, place in self.places().items():
            with self.subTest(place=name):
                good, bad = place.hidden, b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n"
                last = request(place.target, "Connection: close")
                before = place.count()
                c = Raw(place.where, good * 99 + last + good)
                self.assertEqual([r.status for r in c.to_end()], 100 * [200])
                c.close()
                c = Raw(place.where, good + good + bad + good)
                self.assertEqual([r.status for r in c.to_end()],
                                 [200, 200, 400])
                c.close()
                self.assertEqual(place.count(), before + 102)

    def test_A32_plain_requests_are_taken_however_they_come(self):
        """With blanks where they may be, in pieces of any size, and half of
        one is none."""
        for name, place in self.places().items():
            with self.subTest(place=name):
                head = request(place.target, "A:", "B: ", "C:c", "D: \t d \t",
                               "E: e e", *[f"F-{n}: {'f' * n}" for n in
                                           range(45)], "Connection: close")
                before = place.count()
                for size in (1, 2, 7, 100, len(head)):
                    c = Raw(place.where)
                    for at in range(0, len(head), size):
                        c.send(head[at:at + size])
                    self.assertEqual([r.status for r in c.to_end()], [200])
                    c.close()
                for end in (1, 20, len(head) - 2, len(head) - 1):
                    Raw(place.where, head[:end]).close()
                self.assertEqual(place.count(), before + 5)

    def test_A32_the_listener_of_metrics(self):
        port = free_port()
        self.issuer(flags=("--metrics", f"127.0.0.1:{port}"))
        asked = 'route="/metrics",status="2xx"'
        self.attack(Place(port, b"/metrics", "/metrics", None))
        c = Raw(port, request("/metrics", "Connection: close"))
        self.assertNotIn(asked, c.to_end()[0].body.decode())
        c.close()


if __name__ == "__main__":
    main()
