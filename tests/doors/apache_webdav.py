#!/usr/bin/env python3
"""apache_webdav.py - WebDAV by Apache: deploy/apache/webdav.conf."""
import os
import pwd
import subprocess

from dav import Dav
from doors import DEPLOY, PATH, Life, free_port, main, need_programs
from web import Server, Web, curl, place

#: What Debian has on before a2enmod, and what webdav.conf asks for.
MODULES = ["mpm_event", "authz_core", "authz_host", "authn_core", "alias",
           "dir", "autoindex", "env", "mime", "negotiation", "setenvif",
           "reqtimeout", "dav", "dav_fs", "headers", "lua"]
MAIN = """\
ServerRoot {home}
PidFile {home}/pid
DefaultRuntimeDir {home}
ServerName localhost
ErrorLog {log}
LogLevel info
StartServers 1
{user}
{modules}
TypesConfig /etc/mime.types
<Directory />
	Require all denied
	AllowOverride None
</Directory>
Include {home}/webdav.conf
"""


class ApacheWebdav(Dav, Life, Web):
    WRONG = ("mintmark.lua", "type=node", "typ=node")

    def setUp(self):
        # Apache serves nothing as root, so it is Debian's user then
        self.server_user = "www-data" if os.getuid() == 0 else None
        super().setUp()
        self.folder.chmod(0o711)

    def grow(self):
        super().grow()
        self.give(self.files)

    def give(self, path):
        if self.server_user:
            subprocess.run(["chown", "-R", f"{self.server_user}:", path],
                           check=True)

    def listen(self):
        if not hasattr(self, "agent_port"):
            self.agent_port = free_port()
        return f"127.0.0.1:{self.agent_port}"

    def start_door(self, issuer, agent, edit=None):
        port = free_port()
        home = self.folder / "apache"
        (home / "locks").mkdir(parents=True)
        self.give(home / "locks")
        lua = place(DEPLOY / "apache/mintmark.lua", home / "mintmark.lua", {
            "/run/mintmark/auth.sock": self.listen().removeprefix("unix:"),
            "/etc/apache2/mintmark/nodes.map": home / "nodes.map"})
        place(DEPLOY / "nginx/nodes.map", home / "nodes.map", {})
        place(DEPLOY / "apache/webdav.conf", home / "webdav.conf", {
            "127.0.0.1:8080": f"127.0.0.1:{port}",
            "/srv/files": self.files,
            "${APACHE_LOCK_DIR}": home / "locks",
            "/etc/apache2/mintmark/mintmark.lua": lua,
            "${APACHE_LOG_DIR}": home})
        if edit:
            edit(home)
        user = ""
        if self.server_user:
            group = pwd.getpwnam(self.server_user).pw_gid
            user = f"User {self.server_user}\nGroup #{group}"
        (home / "apache2.conf").write_text(MAIN.format(
            home=home, user=user, log=self.folder / "apache-error.log",
            modules="\n".join(
                f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so"
                for m in MODULES)))
        server = Server(self.folder / "apache.log", port)
        self.processes.append(server)
        server.start("apache2", "-D", "FOREGROUND", "-f",
                     home / "apache2.conf", env={"PATH": PATH})
        self.url = f"http://127.0.0.1:{port}"
        self.port = port


if __name__ == "__main__":
    need_programs("apache2", "curl", "rclone", "cadaver")
    main()
