#!/usr/bin/env python3
"""nginx_rest.py - a REST service behind nginx: deploy/nginx/rest.conf."""

from doors import Life, main, need_programs
from nginx import start_nginx
from web import Rest, Web


class NginxRest(Rest, Life, Web):
    def start_door(self, issuer, agent, **kw):
        start_nginx(self, "rest.conf", lambda port: {
            "127.0.0.1:8081": f"127.0.0.1:{port}",
            "127.0.0.1:3000": f"127.0.0.1:{self.service.port}"}, **kw)


if __name__ == "__main__":
    need_programs("nginx", "curl")
    main()
