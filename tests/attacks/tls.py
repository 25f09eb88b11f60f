#!/usr/bin/env python3
"""Clients that do not get through our own TLS: those of old protocols, and what
the log says of who does not."""
import contextlib
import json
import pathlib
import socket
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from certificate import certificate
from flow import Flow, main, wait_for


def client(lowest, highest):
    """One that takes any certificate, and whatever is left of old days."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.set_ciphers("ALL:@SECLEVEL=0")
    c.minimum_version, c.maximum_version = lowest, highest
    return c


class Tls(Flow):
    def setUp(self):
        super().setUp()
        cert, key = certificate(self.folder, -1, 2)
        self.i = self.issuer(start=False, flags=("--tls-cert", cert, "--tls-key", key))
        self.i.start(wait=False)
        wait_for("it to listen", lambda: "issuer.start" in self.i.text())

    def talk(self, context):
        """The protocol that was agreed on; None: none was."""
        with socket.create_connection(("127.0.0.1", self.i.port)) as s:
            try:
                with context.wrap_socket(s) as t:
                    t.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertIn(b" 200 ", t.recv(1000))
                    return t.version()
            except (ssl.SSLError, ConnectionError):
                return None

    def test_A39_old_protocols(self):
        v = ssl.TLSVersion
        for lowest, highest, agreed in (
                (v.TLSv1, v.TLSv1, None), (v.TLSv1_1, v.TLSv1_1, None),
                (v.TLSv1, v.TLSv1_1, None), (v.TLSv1, v.TLSv1_2, "TLSv1.2"),
                (v.TLSv1, v.TLSv1_3, "TLSv1.3")):
            self.assertEqual(self.talk(client(lowest, highest)), agreed, (lowest, highest))

    def test_what_the_log_says_of_who_does_not_get_through(self):
        """Once a minute, for each of the two that poll, and what to look for."""
        untrusting = ssl.create_default_context()
        untrusting.check_hostname = False
        for _ in range(20):
            self.assertIsNone(self.talk(untrusting))
            with socket.create_connection(("127.0.0.1", self.i.port)) as s:
                s.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
                s.settimeout(10)
                with contextlib.suppress(ConnectionError):
                    self.assertNotIn(b"HTTP", s.recv(1000))
            socket.create_connection(("127.0.0.1", self.i.port)).close()
        lines = [json.loads(l) for l in self.i.text().splitlines() if '"http.' in l]
        self.assertEqual({l["event"] for l in lines}, {"http.tls"}, lines)
        self.assertLess(len(lines), 3)
        for said in "CA of our certificate", "TLS 1.2", "http:// for https://", "curl -v":
            self.assertIn(said, lines[0]["detail"])
        self.assertEqual(lines[0]["failed"], "1")


if __name__ == "__main__":
    main()
