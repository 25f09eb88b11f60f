#!/usr/bin/env python3
"""An agent and its mint over https, and what goes wrong between them: a name
that is not found, certificates that are none of the mint's, redirections, and a
port that speaks no TLS any more.

The agent keeps its last good state, says what is wrong, and shows its token to
nobody but the mint.  (It believes the certificates of the system: it gets a
/etc of its own, with the test's.)"""
import datetime
import shutil
import ssl
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bad_days import Front
from flow import Agent, Flow, main, skip, wait_for

HOST = "mint.example.org"


def own_etc():
    """Why the agent cannot have an /etc of its own, or None."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    p = subprocess.run(["unshare", "-rm", "mount", "--bind", "/dev/null", "/etc/hosts"],
                       capture_output=True, text=True)
    return None if p.returncode == 0 else p.stderr.strip()


# ---- certificates ----

class Authority:
    def __init__(self, folder, name):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.pem = folder / f"{name}.pem"
        self.pem.write_bytes(self.sign(self.name, self.key, 1, True).public_bytes(
            serialization.Encoding.PEM))

    def sign(self, subject, key, days, is_ca, host=None):
        now = datetime.datetime.utcnow()
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
             .public_key(key.public_key()).serial_number(x509.random_serial_number())
             .not_valid_before(now - datetime.timedelta(days=9))
             .not_valid_after(now + datetime.timedelta(days=days))
             .add_extension(x509.BasicConstraints(is_ca, None), True))
        if host:
            b = b.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        return b.sign(self.key, hashes.SHA256())

    def context(self, host, days=1):
        """What a server of that name shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        pem = self.folder / "server.pem"
        pem.write_bytes(
            self.sign(subject, key, days, False, host).public_bytes(
                serialization.Encoding.PEM) +
            key.private_bytes(serialization.Encoding.PEM,
                              serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context


# ---- the agent ----

class Inside(Agent):
    """An agent with an /etc of its own: {path: file}."""

    def __init__(self, *args, etc, **kw):
        super().__init__(*args, **kw)
        self.etc = etc

    def spawn(self, *argv, env=None):
        mounts = " && ".join(f"mount --bind '{file}' {path}"
                             for path, file in self.etc.items())
        super().spawn("unshare", "-rm", "sh", "-c", f'{mounts} && exec "$@"', "sh",
                      *argv, env=env)


class Https(Flow):
    def setUp(self):
        super().setUp()
        self.ca = Authority(self.folder, "ours")
        self.good = self.ca.context(HOST)
        self.i = self.issuer(start=False)
        self.front = self.server(self.good, self.i)
        self.i.name = f"https://{HOST}:{self.front.port}"
        self.i.start()
        self.hosts = self.folder / "hosts"
        self.found = f"127.0.0.1 {HOST} other.example.org\n"
        self.hosts.write_text(self.found)
        resolv = self.folder / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.a = Inside(self.folder, self.i, urls=[self.i.name], etc={
            "/etc/ssl/certs/ca-certificates.crt": self.ca.pem,
            "/etc/hosts": self.hosts, "/etc/resolv.conf": resolv})
        self.processes.append(self.a)
        self.a.start()
        self.token = self.a.token_file.read_text().strip().encode()
        self.live, self.bad = self.i.mint(), self.i.mint()
        self.i.revoke(self.bad["id"])
        self.a.wait_reason(self.bad["token"], "revoked")

    def server(self, *args):
        s = Front(*args)
        self.addCleanup(s.close)
        return s

    def trouble(self, says, calls=True):
        """The agent is in trouble, says so, and goes on with what it has."""
        before, log = self.front.calls, len(self.a.text()) if calls else 0
        self.i.revoke(self.i.mint()["id"])  # ends the poll that waits

        def told():
            self.a.proc.send_signal(1)
            return says in self.a.text()[log:] and (
                not calls or self.front.calls > before + 1)
        try:
            wait_for(f"the agent to say {says!r}", told, 40)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.a.text()[log:]}") from None
        self.assertTrue(self.a.alive())
        self.assertIsNone(self.a.reason(self.live["token"]))
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")

    def call_again(self):
        before = self.front.calls

        def called():
            self.a.proc.send_signal(1)
            return self.front.calls > before + 1
        wait_for("the agent to call again", called, 40)

    def well_again(self):
        """And hears at once what it has missed."""
        self.front.context, self.front.answer = self.good, None
        t = self.i.mint()
        self.i.revoke(t["id"])

        def heard():
            self.a.proc.send_signal(1)
            return self.a.reason(t["token"], "--no-use") == "revoked"
        wait_for("the agent to be well again", heard, 40)

    def test_F24_certificates_that_are_not_the_mints(self):
        others = Authority(self.folder, "others")
        for context, says in (
                (self.ca.context(HOST, days=-1), "certificate has expired"),
                (others.context(HOST), "unable to get local issuer certificate"),
                (self.ca.context("other.example.org"), "no alternative certificate")):
            self.front.context = context
            self.trouble(says)
            heard = self.front.heard  # what was under way has come
            self.call_again()
            self.assertEqual(self.front.heard, heard)  # not one request
            self.well_again()

    def test_F24_a_name_that_is_not_found(self):
        """Also by an agent that is started then."""
        self.a.stop()
        self.hosts.write_text("")
        self.a.start()
        wait_for("it to start", lambda: self.a.text().count('"agent.start"') == 2)
        self.trouble("Could not resolve host", calls=False)
        self.hosts.write_text(self.found)
        self.well_again()

    def test_F24_redirections(self):
        """Followed nowhere: not in the clear, not to somebody else, with or
        without the token."""
        spy, other = self.server(), self.server(self.ca.context("other.example.org"))
        for status in (301, 302, 307):
            for to in (f"http://{HOST}:{spy.port}/v1/feed",
                       f"https://other.example.org:{other.port}/v1/feed"):
                self.front.answer = (f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\n"
                                     "Content-Length: 0\r\nConnection: close\r\n\r\n"
                                     ).encode()
                self.trouble(f"answers {status}")
                self.well_again()
        self.assertEqual((spy.calls, other.calls), (0, 0))
        self.assertIn(self.token, self.front.heard)

    def test_F24_a_port_without_tls(self):
        """Whoever took the address speaks http, and is told nothing."""
        self.front.heard, self.front.context, self.front.mint = b"", None, None
        self.front.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self.trouble("SSL")
        self.assertNotIn(b"HTTP/", self.front.heard)
        self.assertNotIn(self.token.split(b".")[2], self.front.heard)
        self.front.mint = self.i
        self.well_again()


if __name__ == "__main__":
    why = own_etc()
    if why:
        skip(f"no files of its own here: {why}")
    main(at_once=2)
