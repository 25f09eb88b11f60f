#!/usr/bin/env python3
"""A33: a page of somebody else in a browser that is signed in to the console:
npm/hostile.mjs.  From another site, and from another port of the same host,
where SameSite cookies go along."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from console import Console, main


class Elsewhere(BaseHTTPRequestHandler):
    """An empty page that any script may use, and the log of what came."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>evil</title>")

    do_POST = do_GET

    def log_message(self, *args):
        pass


class Hostile(Console):
    def test_A33_in_a_browser(self):
        i = self.issuer()
        evil = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
        evil.daemon_threads, evil.seen = True, []
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        self.addCleanup(evil.server_close)
        self.addCleanup(evil.shutdown)
        victim = i.mint("alice", label="<img src=x onerror=alert(1)>")
        users = i.admin("GET", "/v1/users")
        self.drive("hostile.mjs", i, port=evil.server_port, victim=victim["id"])
        self.assertEqual(i.admin("GET", f"/v1/tokens/{victim['id']}")["status"],
                         "active")
        now = {u["user"] for u in i.admin("GET", "/v1/users")["users"]}
        self.assertEqual(now, {u["user"] for u in users["users"]} | {"root"})
        self.assertGreater(len(evil.seen), 2)
        for path, headers in evil.seen:  # nothing in a URL, or a Referer
            self.assertNotIn("eyJ", path)
            self.assertNotIn("/console", headers.get("Referer", ""))
            # cookies know no ports (RFC 6265 section 8.5; SECURITY.md)
            if headers["Host"].startswith("localhost"):
                self.assertNotIn("Cookie", headers)


if __name__ == "__main__":
    main()
