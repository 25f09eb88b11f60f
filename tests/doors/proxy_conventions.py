#!/usr/bin/env python3
"""proxy_conventions.py - what Envoy and Traefik say to the agent.

Debian has neither.  So a small proxy does what their documentation says of
ext_authz and forwardAuth, with what deploy/envoy/ and deploy/traefik/ ask
for: the need, and the headers that are removed and copied, are read from
these files.
"""
import http.client
import re
import shutil

from doors import DEPLOY, Life, free_port, main, need_programs
from flow import UnixConnection
from web import AnyMethod, Rest, Serving, Web, read_body

HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer",
       "upgrade", "proxy-authorization", "proxy-authenticate",
       "content-length", "expect"}


class Proxy(Serving):
    """Asks rules(request) -> (connection, method, target, headers); lets in
    on 200 with what admit() adds, or passes on what deny() leaves."""

    def __init__(self, rules, service_port):
        class Handler(AnyMethod):
            def reply(self, status, headers, body):
                self.send_response(status)
                for k, v in headers:
                    if k.lower() not in HOP:
                        self.send_header(k, v)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def send(self, c, method, target, headers, body=None):
                c.putrequest(method, target, skip_host=True,
                             skip_accept_encoding=True)
                for k, v in headers:
                    c.putheader(k, v)
                c.endheaders(body)
                r = c.getresponse()
                return r.status, r.getheaders(), r.read()

            def pass_on(self, headers, body):
                gone = HOP | {n.strip().lower() for k, v in headers
                              if k.lower() == "connection"
                              for n in v.split(",")}
                kept = [(k, v) for k, v in headers if k.lower() not in gone]
                c = http.client.HTTPConnection("127.0.0.1", service_port)
                return self.send(c, self.command, self.path,
                                 [*kept, ("Content-Length", len(body))], body)

            def answer(self):
                body = read_body(self)
                headers = rules.forget(self.headers.items())
                if headers is None:
                    return self.reply(400, [], b"")
                try:
                    status, said, text = self.send(*rules.ask(
                        self.command, self.path, headers,
                        self.client_address[0]))
                except (OSError, http.client.HTTPException):
                    return self.reply(rules.away, [], b"")
                if status != 200:
                    return self.reply(status, rules.deny(said), text)
                status, got, body = self.pass_on(rules.admit(headers, said),
                                                 body)
                return self.reply(status, got + rules.tell(said), body)

        super().__init__(Handler)


def without(headers, names):
    return [(k, v) for k, v in headers if k.lower() not in names]


def only(headers, names):
    return [(k, v) for k, v in headers if k.lower() in names]


class Envoy:
    """ext_authz with http_service: the request's method, path_prefix and the
    whole path, Host, Authorization (two of them joined by a comma), length 0,
    allowed_headers, and headers_to_add instead of the client's, with what
    stands for the client's address.  X-Forwarded-For is Envoy's own."""

    away = 503
    CLIENT = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"

    def __init__(self, text, listen):
        self.path = listen.removeprefix("unix:")
        self.prefix = re.search(r"path_prefix: (\S+)", text)[1]
        self.need = re.search(
            r'key: x-mintmark-need, value: "([^"]+)"', text)[1]
        self.allowed = re.search(r'safe_regex: \{ regex: "([^"]+)"', text)[1]
        self.removed = set(re.findall(r"- remove: (\S+)", text))
        up, _, rest = text.partition("allowed_client_headers_on_success:")
        told, _, client = rest.partition("allowed_client_headers:")
        self.told = set(re.findall(r"- exact: (\S+)", told))
        self.copied = set(re.findall(r"- exact: (\S+)", up))
        self.shown = set(re.findall(r"- exact: (\S+)", client))
        assert "failure_mode_allow: false" in text
        assert f"&from={self.CLIENT}" in self.need
        assert "headers_with_underscores_action: REJECT_REQUEST" in text
        assert "request_headers_to_remove: [authorization]" in text

    def forget(self, headers):
        if any("_" in k for k, _ in headers):
            return None
        return without(headers, self.removed)

    def ask(self, method, path, headers, client):
        c = UnixConnection(self.path)
        c.connect()
        c.sock.settimeout(2)
        sent = [("host", "photos"), ("content-length", "0"),
                ("x-mintmark-need", self.need.replace(self.CLIENT, client)),
                ("x-forwarded-for", "192.0.2.1")]
        sent += [(k, v) for k, v in headers
                 if re.fullmatch(self.allowed, k.lower())
                 and k.lower() != "x-mintmark-need"]
        given = [v for k, v in headers if k.lower() == "authorization"]
        if given:
            sent.append(("authorization", ",".join(given)))
        return c, method, self.prefix + path, sent

    def admit(self, headers, said):
        # what Connection names is not dropped by Envoy
        kept = without(headers, self.copied | {"authorization", "connection"})
        return kept + only(said, self.copied)

    def tell(self, said):
        return only(said, self.told)

    def deny(self, said):
        return only(said, self.shown)


class Traefik:
    """forwardAuth: GET of the address, all the client's headers but those of
    the connection, and X-Forwarded-* instead of the client's."""

    away = 500

    def __init__(self, text, listen):
        self.listen = listen
        self.target = re.search(
            r'address: "http://127.0.0.1:9100([^"]+)"', text)[1]
        first, _, rest = text.partition("    mintmark-ask:")
        copied, _, done = rest.partition("    mintmark-done:")
        self.removed = {n.lower() for n in re.findall(
            r'([\w-]+): ""', first.partition("customResponseHeaders")[0])}
        self.hidden = {n.lower() for n in re.findall(
            r'([\w-]+): ""', first.partition("customResponseHeaders")[2])}
        self.copied = {n.lower() for n in re.findall(
            r"- (X-\S+)", copied.partition("authResponseHeaders")[2])}
        self.done = {n.lower() for n in re.findall(r'([\w-]+): ""', done)}
        assert "trustForwardHeader: false" in text

    def forget(self, headers):
        return without(headers, self.removed)

    def ask(self, method, path, headers, client):
        host, port = self.listen.split(":")
        forwarded = {"x-forwarded-method", "x-forwarded-uri",
                     "x-forwarded-host", "x-forwarded-proto",
                     "x-forwarded-for", "host"}
        sent = without(headers, HOP | forwarded) + [
            ("Host", self.listen), ("X-Forwarded-Method", method),
            ("X-Forwarded-Uri", path), ("X-Forwarded-Host", "photos"),
            ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", client)]
        c = http.client.HTTPConnection(host, int(port), timeout=2)
        return c, "GET", self.target, sent

    def admit(self, headers, said):
        return (without(headers, self.copied | self.done)
                + only(said, self.copied))

    def tell(self, said):
        return []  # what it copies is for the service

    def deny(self, said):
        return without(said, self.hidden)


class Convention(Rest, Life, Web):
    READ = ["node:photos:r"]
    WRITE = ["node:photos:rw"]
    LACKS = "node:photos:w"
    FORGED_GETS = (200, 400)

    def start_door(self, issuer, agent, edit=None):
        home = self.folder / "proxy"
        home.mkdir()
        source = DEPLOY / self.FILE
        shutil.copy(source, home)
        if edit:
            edit(home)
        rules = self.RULES((home / source.name).read_text(), self.listen())
        proxy = Proxy(rules, self.service.port)
        self.addCleanup(proxy.stop)
        self.port = proxy.port
        self.url = f"http://127.0.0.1:{proxy.port}"


class EnvoyConvention(Convention):
    FILE = "envoy/envoy.yaml"
    RULES = Envoy
    TELLS = ("Sunset",)
    WRONG = ("envoy.yaml", "&type=node", "&typ=node")


class TraefikConvention(Convention):
    FILE = "traefik/dynamic.yml"
    RULES = Traefik
    TELLS = ()
    WRONG = ("dynamic.yml", "&type=node", "&typ=node")
    AWAY = (500,)

    def setUp(self):
        self.agent_port = free_port()
        super().setUp()

    def listen(self):
        return f"127.0.0.1:{self.agent_port}"


del Convention  # not a test by itself

if __name__ == "__main__":
    need_programs("curl")
    main(at_once=3)
