"""raw.py - connections that send just the bytes they are told to, and what
comes back, for the tests of hostile clients and of crowds of them."""
import json
import pathlib
import selectors
import socket
import time

from flow import SLOW


class Reply:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = body

    def problem(self):
        """Is it what the API says when it refuses (RFC 9457)?"""
        if self.headers.get("content-type") != "application/problem+json":
            return False
        return (len(self.body) == int(self.headers["content-length"])
                and json.loads(self.body)["status"] == self.status)

    def page(self):
        """Is it what the library says by itself?  It is no API's."""
        return (len(self.body) == int(self.headers["content-length"])
                and self.body.startswith(b"<html>")
                and "x-request-id" not in self.headers)

    def closes(self):
        return self.headers.get("connection", "").lower() == "close"

    def __repr__(self):
        return f"{self.status} {self.body[:120]!r}"


def parse(data):
    """The replies that a server has sent; the rest must be nothing."""
    replies = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end and head.startswith(b"HTTP/1.1 "), head[:200]
        r = Reply(head, b"")
        length = int(r.headers.get("content-length", 0))
        r.body, data = data[:length], data[length:]
        replies.append(r)
    return replies


class Raw:
    """To a port of this host, or to a socket that is a path."""

    def __init__(self, where, first=b"", slow_reader=False):
        port = isinstance(where, int)
        self.sock = socket.socket(socket.AF_INET if port else socket.AF_UNIX)
        if slow_reader:  # so that little fits in between
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.settimeout(30 * SLOW)
        self.sock.connect(("127.0.0.1", where) if port else str(where))
        self.got = b""
        self.ended = False
        if first:
            self.send(first)

    def send(self, data):
        """False when the other end does not listen any more."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def read(self):
        """What there is; at the end of all, or a reset, ended is true."""
        try:
            chunk = self.sock.recv(65536)
        except ConnectionResetError:
            chunk = b""
        self.got += chunk
        self.ended = not chunk

    def replies(self):
        """All that there are so far."""
        return parse(self.got)

    def to_end(self):
        while not self.ended:
            self.read()
        return self.replies()

    def reply(self):
        """The next one on a connection that stays."""
        while True:
            head, end, rest = self.got.partition(b"\r\n\r\n")
            if end:
                r = Reply(head, b"")
                length = int(r.headers.get("content-length", 0))
                if len(rest) >= length:
                    r.body, self.got = rest[:length], rest[length:]
                    return r
            assert not self.ended, f"closed, after {self.got!r}"
            self.read()

    def ask(self, target, *headers, **kw):
        assert self.send(request(target, *headers, **kw))
        return self.reply()

    def close(self):
        self.sock.close()


def request(target, *headers, method="GET", body=None):
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def watch(conns, seconds, until=lambda: False):
    """Read from all until they have ended or the time is over; those that
    have not."""
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as sel:
        left = [c for c in conns if not c.ended]
        for c in left:
            sel.register(c.sock, selectors.EVENT_READ, c)
        while left and time.monotonic() < end and not until():
            for key, _ in sel.select(0.1):
                key.data.read()
                if key.data.ended:
                    sel.unregister(key.fileobj)
                    left.remove(key.data)
        return left


def worked(process):
    """Seconds of processor time that it has had."""
    tasks = pathlib.Path(f"/proc/{process.proc.pid}/task")
    return sum(int((t / "schedstat").read_text().split()[0])
               for t in tasks.iterdir()) / 1e9


def open_files(process):
    """Their numbers."""
    return {int(f.name) for f in
            pathlib.Path(f"/proc/{process.proc.pid}/fd").iterdir()}


def resident(process):
    """Bytes of memory that it holds."""
    status = pathlib.Path(f"/proc/{process.proc.pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])
