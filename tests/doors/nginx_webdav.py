#!/usr/bin/env python3
"""nginx_webdav.py - WebDAV by nginx: deploy/nginx/webdav.conf."""
from dav import Dav
from doors import Life, main, need_programs
from nginx import start_nginx
from web import Web


class NginxWebdav(Dav, Life, Web):
    WRONG = ("webdav.conf", "type=node", "typ=node")

    def start_door(self, issuer, agent, **kw):
        start_nginx(self, "webdav.conf", lambda port: {
            "127.0.0.1:8084": f"127.0.0.1:{port}",
            "/srv/files": self.files,
            "/srv/.uploads": self.folder / "nginx/uploads"}, **kw)


    def test_a_redirect_inside_is_asked_about(self):
        """The path that nginx ends at counts, not the one it came from."""
        def edit(folder):
            site = folder / "webdav.conf"
            text = site.read_text()
            old = "dav_access user:rw group:rw;"
            self.assertEqual(text.count(old), 1)
            site.write_text(text.replace(
                old, old + " try_files $uri /projects/beta/b.txt;"))
        i, _ = self.open(edit=edit)
        some, both = (i.mint("alice", scopes=s)["token"] for s in (
            ["node:apollo:r"], ["node:apollo:r", "node:projects:r"]))
        for token, status in ((some, 403), (both, 200)):
            r = self.get("/projects/apollo/missing", "alice", token)
            self.assertEqual(r.status, status, r)
            self.assertEqual(b"secret" in r.body, status == 200)


if __name__ == "__main__":
    need_programs("nginx", "curl", "rclone", "cadaver")
    main(at_once=2)
