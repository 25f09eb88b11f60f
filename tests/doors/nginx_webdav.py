#!/usr/bin/env python3
"""nginx_webdav.py - WebDAV by nginx: deploy/nginx/webdav.conf."""
from dav import Dav
from doors import Life, main, need_programs
from nginx import start_nginx
from web import Web


class NginxWebdav(Dav, Life, Web):
    def start_door(self, issuer, agent, **kw):
        start_nginx(self, "webdav.conf", lambda port: {
            "127.0.0.1:8080": f"127.0.0.1:{port}",
            "/srv/files": self.files,
            "/srv/.uploads": self.folder / "nginx/uploads"}, **kw)


if __name__ == "__main__":
    need_programs("nginx", "curl", "rclone", "cadaver")
    main()
