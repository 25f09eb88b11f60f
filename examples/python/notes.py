#!/usr/bin/env python3
"""notes.py - notes over HTTP, opened by personal access tokens.

    notes.py STATE PORT

    GET    /notes              your notes: named scope notes:list
    GET    /notes/travel/rome  one of them: node:ID:r
    PUT    /notes/travel/rome  write it: node:ID:w
    DELETE /notes/travel/rome  the same

ID is the note's own path, /travel/rome, or that of a folder around it,
/travel, or root.  Which notes are yours says the token's user; its scopes
only narrow that.

Serves plain HTTP on 127.0.0.1, one request a connection: put a TLS proxy in
front.
"""
import re
import signal
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import mintmark
from auth import Answer, challenge, verify
from mintmark import Reason, Refused

NOTE_MAX = 4096  # bytes of a note
NOTES_MAX = 64  # notes of all users
BODY_MAX = 1 << 20  # bytes that are read, and thrown away
DEPTH_MAX = 8
PATH_MAX = 127
# Letters, digits and "._-" only, and no name that is empty or begins with a
# dot or dash: nothing here can be misread, in a scope or a header.
PLAIN = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*){1,%d}" % DEPTH_MAX)

# The notes themselves, by user and path: a stand-in for your database.
notes: Dict[Tuple[str, str], bytes] = {}
lock = threading.Lock()


def chain(path: str) -> List[str]:
    """/travel/rome lies in /travel, and that in root.  (Services whose
    folders move use ids that stay: the chain then comes from the database.)
    """
    ids = []
    while path:
        ids.append(path)
        path = path.rpartition("/")[0]
    return ids + ["root"]


# ---- what the routes do, once the token may ----


def list_notes(user: str, path: str, body: bytes) -> Answer:
    with lock:
        paths = [p for owner, p in notes if owner == user]
    return Answer(HTTPStatus.OK, "".join(p + "\n" for p in paths).encode())


def read_note(user: str, path: str, body: bytes) -> Answer:
    with lock:
        text = notes.get((user, path))
    if text is None:
        return Answer(HTTPStatus.NOT_FOUND)
    return Answer(HTTPStatus.OK, text)


def write_note(user: str, path: str, body: bytes) -> Answer:
    with lock:
        new = (user, path) not in notes
        if new and len(notes) >= NOTES_MAX:
            return Answer(HTTPStatus.INSUFFICIENT_STORAGE)
        notes[user, path] = body
    return Answer(HTTPStatus.CREATED if new else HTTPStatus.NO_CONTENT)


def delete_note(user: str, path: str, body: bytes) -> Answer:
    with lock:
        gone = notes.pop((user, path), None)
    return Answer(HTTPStatus.NOT_FOUND if gone is None else
                  HTTPStatus.NO_CONTENT)


class Route(NamedTuple):
    act: Callable[[str, str, bytes], Answer]
    scope: Optional[str] = None  # the named scope that opens it, or:
    perm: int = 0  # what is needed on the note


LIST = {"GET": Route(list_notes, scope="notes:list"),
        "HEAD": Route(list_notes, scope="notes:list")}
NOTE = {"GET": Route(read_note, perm=mintmark.READ),
        "HEAD": Route(read_note, perm=mintmark.READ),
        "PUT": Route(write_note, perm=mintmark.WRITE),
        "DELETE": Route(delete_note, perm=mintmark.WRITE)}


def routes_of(path: str) -> Dict[str, Route]:
    if path == "/notes":
        return LIST
    return NOTE if path.startswith("/notes/") else {}


# ---- may they? ----


def check_scope(t: mintmark.Token, route: Route, path: str) -> None:
    if route.scope is None:
        t.allow("node", chain(path), route.perm)
    elif not t.has_scope(route.scope):
        raise Refused(Reason.INSUFFICIENT_SCOPE)


def needed(route: Route, path: str) -> str:
    """The scope that was missing, for a 403."""
    return route.scope or "node:%s:%s" % (
        path, "r" if route.perm == mintmark.READ else "w")


class Handler(BaseHTTPRequestHandler):
    verifier: mintmark.Verifier
    timeout = 30  # seconds without news from the client
    protocol_version = "HTTP/1.1"  # curl asks before it sends a body

    def handle_any(self) -> None:
        # Read in any case: a connection that is closed on unread bytes may
        # be reset before the client has its answer.
        sent = self.read_body()
        answer = self.answer(sent) if self.is_clear() else \
            Answer(HTTPStatus.BAD_REQUEST)
        self.send_response(answer.status)
        body = answer.body
        if body is None and answer.status != HTTPStatus.NO_CONTENT:
            body = (answer.status.phrase + "\n").encode()
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        if body is not None:  # RFC 9110 section 8.6: none of it in a 204
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body is not None and self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = do_PATCH = handle_any

    def is_clear(self) -> bool:
        """No head that a proxy in front may have read in another way.  The
        parser stops at a line that it does not understand, such as
        "Authorization : x": what follows would go unseen."""
        return not self.headers.defects and \
            len(self.headers.get_all("Content-Length", [])) <= 1

    def answer(self, sent: Optional[bytes]) -> Answer:
        full = self.path.partition("?")[0]
        routes = routes_of(full)
        if not routes:
            return Answer(HTTPStatus.NOT_FOUND)
        if self.command not in routes:
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED,
                          headers=[("Allow", ", ".join(routes))])
        return self.guarded(routes[self.command], full[len("/notes"):], sent)

    def guarded(self, route: Route, path: str,
                sent: Optional[bytes]) -> Answer:
        credentials: List[str] = self.headers.get_all("Authorization", [])
        token = None
        try:
            # Behind a proxy this is the proxy's; its client's is the last
            # one in X-Forwarded-For, if that proxy writes it.
            token = verify(self.verifier, credentials,
                           self.client_address[0])
            if route.scope is None and (len(path) > PATH_MAX or
                                        not PLAIN.fullmatch(path)):
                return Answer(HTTPStatus.BAD_REQUEST)
            check_scope(token, route, path)
        except Refused as e:
            self.log(route, token, str(e.reason) if credentials else
                     "no_token")
            return challenge(e.reason, bool(credentials), needed(route, path))
        self.log(route, token, "ok")
        if sent is None:
            return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return route.act(token.user, path, sent)

    def read_body(self) -> Optional[bytes]:
        """None: it is too large, or cut short, or of no known length."""
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch("[0-9]{1,9}", length) or \
                "Transfer-Encoding" in self.headers:
            return None
        body = self.rfile.read(min(int(length), BODY_MAX))
        return body if len(body) == int(length) <= NOTE_MAX else None

    def log(self, route: Route, token: Optional[mintmark.Token],
            said: str) -> None:
        """The token's id may be logged; the token, and the client's own
        text, not."""
        print(self.command, "/notes" if route.scope else "/notes/",
              f"id={token.id if token else '-'}", said, file=sys.stderr,
              flush=True)

    def log_message(self, format: str, *args: object) -> None:
        pass  # the request line is the client's text


class Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for answers under way

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # it left
            super().handle_error(request, client_address)


def main() -> int:
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        print("usage: notes.py STATE PORT", file=sys.stderr)
        return 2
    # Blocked before the first thread starts, so that none of them is hit.
    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    try:
        verifier = mintmark.Verifier(sys.argv[1], audience="notes")
    except mintmark.Unavailable as e:
        print(f"notes: {e.why}", file=sys.stderr)
        return 1
    if verifier.warning:
        print(f"notes: warning: {verifier.warning}", file=sys.stderr)
    with verifier, Server(("127.0.0.1", int(sys.argv[2])), Handler) as server:
        Handler.verifier = verifier
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        print(f"notes: http://127.0.0.1:{sys.argv[2]}/notes",
              file=sys.stderr, flush=True)
        signal.sigwait(stop)
        server.shutdown()
        serving.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
