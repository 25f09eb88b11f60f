#!/usr/bin/env python3
"""Daily work in the console, in a browser (npm/daily.mjs, careful.mjs, rules.mjs); and
its files."""
from console import SOURCE, TESTS, Console, assert_pinned, main

FILES = TESTS.parent / "issuer/console"
TYPES = {".html": "text/html; charset=utf-8", ".svg": "image/svg+xml",
         ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8"}


class Daily(Console):
    def test_packages_are_pinned(self):
        assert_pinned(self, SOURCE, "axe-core", "playwright-core")

    def test_every_file_is_served(self):
        i = self.issuer()
        files = [f for f in FILES.iterdir() if f.suffix in TYPES]
        self.assertGreater(len(files), 20)
        for f in files:
            path = f"/console/{f.name}"
            status, body, headers = i.http("GET", path)
            self.assertEqual((status, body), (200, f.read_bytes()), path)
            self.assertEqual(headers["Content-Type"], TYPES[f.suffix])
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            for rule in ("default-src 'none'", "script-src 'self'",
                         "connect-src 'self'", "frame-ancestors 'none'",
                         "form-action 'none'", "trusted-types 'none'"):
                self.assertIn(rule, headers["Content-Security-Policy"])
            self.assertEqual(i.http("GET", path, headers={
                "If-None-Match": headers["ETag"]})[0], 304)
        index = (FILES / "index.html").read_bytes()
        self.assertEqual(i.http("GET", "/console/")[1], index)
        for path in ("/console/files.h", "/console/session", "/console/x.js"):
            self.assertIn(i.http("GET", path)[0], (404, 405), path)

    def test_in_a_browser(self):
        i = self.issuer(flags=["--max-life", "365d"])
        self.drive("daily.mjs", i, alice=i.mint("alice", label="own")["token"],
                   agent=i.mint("agent", scopes=["mintmark:agent"])["token"])

    def test_carefully(self):
        i = self.issuer()
        self.drive("careful.mjs", i, alice=i.mint("alice", label="own")["token"])

    def test_in_a_house_with_rules(self):
        i = self.issuer(flags=["--max-window", "14d", "--allowed-scopes",
                               "photos:* node:*"])
        admin = i.mint("root", scopes=["mintmark:admin"])["token"]
        i.stop()
        i.flags += ["--allowed-audiences", "files"]
        self.drive("rules.mjs", i.start(), admin=admin)


if __name__ == "__main__":
    main()
