"""apache.py - Apache with the files of deploy/apache/."""
import os
import pwd
import subprocess

from doors import DEPLOY, PATH, free_port
from web import Server, Web, place

#: What Debian has on before a2enmod, and what the files ask for.
MODULES = ["mpm_event", "authz_core", "authz_host", "authn_core", "alias",
           "dir", "autoindex", "env", "mime", "negotiation", "setenvif",
           "reqtimeout", "headers", "lua", "dav", "dav_fs", "proxy",
           "proxy_http"]
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
TypesConfig /dev/null
<Directory />
	Require all denied
	AllowOverride None
</Directory>
Include {home}/{site}
"""


class Apache(Web):
    """As the current user, or as Debian's: Apache serves nothing as root."""

    def setUp(self):
        self.server_user = "www-data" if os.getuid() == 0 else None
        self.agent_port = free_port()
        super().setUp()
        self.folder.chmod(0o711)

    def give(self, path):
        if self.server_user:
            subprocess.run(["chown", "-R", f"{self.server_user}:", path],
                           check=True)

    def listen(self):
        return f"127.0.0.1:{self.agent_port}"

    def start_apache(self, site, yours, edit=None):
        port = free_port()
        home = self.folder / "apache"
        (home / "locks").mkdir(parents=True)
        self.give(home / "locks")
        place(DEPLOY / "apache/mintmark.lua", home / "mintmark.lua", {
            "/run/mintmark/auth.sock": self.listen().removeprefix("unix:"),
            "/etc/apache2/mintmark/nodes.map": home / "nodes.map"})
        place(DEPLOY / "nginx/nodes.map", home / "nodes.map", {})
        place(DEPLOY / "apache" / site, home / site, {
            "/etc/apache2/mintmark/mintmark.lua": home / "mintmark.lua",
            "${APACHE_LOG_DIR}": self.folder, **yours(port, home)})
        if edit:
            edit(home)
        user = ""
        if self.server_user:
            group = pwd.getpwnam(self.server_user).pw_gid
            user = f"User {self.server_user}\nGroup #{group}"
        (home / "apache2.conf").write_text(MAIN.format(
            home=home, user=user, site=site,
            log=self.folder / "apache-error.log", modules="\n".join(
                f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so"
                for m in MODULES)))
        server = Server(self.folder / "apache.log", port)
        self.processes.append(server)
        server.start("apache2", "-D", "FOREGROUND", "-f",
                     home / "apache2.conf", env={"PATH": PATH})
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
