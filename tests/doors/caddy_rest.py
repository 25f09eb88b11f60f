#!/usr/bin/env python3
"""caddy_rest.py - a REST service behind Caddy: deploy/caddy/Caddyfile."""
import socket

from doors import DEPLOY, PATH, Life, free_port, main, need_programs
from strangers import Strangers
from web import Rest, Server, Web, place


class CaddyRest(Strangers, Rest, Life, Web):
    WRONG = ("Caddyfile", "&scope=", "&scopes=")
    FORGED_GETS = (200,)
    AWAY = (502, 504)  # Caddy's own words for it

    def start_door(self, issuer, agent, edit=None):
        port = free_port()
        server = Server(self.folder / "caddy.log", port)
        self.processes.append(server)
        home = self.folder / "caddy"
        home.mkdir()
        place(DEPLOY / "caddy/Caddyfile", home / "Caddyfile", {})
        if edit:
            edit(home)
        self.url = f"http://127.0.0.1:{port}"
        server.start("caddy", "run", "--adapter", "caddyfile", "--config",
                     home / "Caddyfile", env={
                         "PATH": PATH, "HOME": str(home),
                         "CADDY_ADMIN": "off",
                         "PHOTOS_LISTEN": self.url,
                         "PHOTOS_LOG": f"{self.folder}/caddy-access.log",
                         "PHOTOS_SERVICE": f"127.0.0.1:{self.service.port}",
                         "MINTMARK_AGENT": self.listen().replace(":", "/")})
        self.port = port

    def test_it_stays_on_this_address(self):
        """A site's name is not the address that Caddy listens on."""
        self.open()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", self.port), 2).close()


if __name__ == "__main__":
    need_programs("caddy", "curl")
    main(at_once=3)
