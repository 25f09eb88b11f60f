"""nginx.py - nginx with the files of deploy/nginx/, as the current user."""
import getpass
import grp
import os

from doors import DEPLOY, PATH, free_port
from web import Server, place

MODULES = "/usr/lib/nginx/modules"
MAIN = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
{user}
load_module {modules}/ngx_http_dav_ext_module.so;
events {{ }}
http {{
	access_log off;
	client_body_temp_path {folder}/nginx/temp;
	proxy_temp_path {folder}/nginx/temp;
	fastcgi_temp_path {folder}/nginx/temp;
	uwsgi_temp_path {folder}/nginx/temp;
	scgi_temp_path {folder}/nginx/temp;
	include mintmark/mintmark.conf;
	include mintmark/{site};
	{more}
}}
"""


def start_nginx(test, site, yours, more="", edit=None):
    """Place the files, and start nginx on `site` as a user would."""
    port = free_port()
    home = test.folder / "nginx"
    (home / "temp").mkdir(parents=True)
    (home / "mintmark").mkdir()
    listen = test.listen()
    for f in sorted((DEPLOY / "nginx").iterdir()):
        mine = {"mintmark.conf": {"unix:/run/mintmark/auth.sock": listen},
                site: {"/var/log/nginx/mintmark.log":
                       test.folder / "nginx-access.log", **yours(port)}}
        if f.suffix == ".map" or f.name == site or f.name in (
                "mintmark.conf", "auth.conf", "identity.conf"):
            place(f, home / "mintmark" / f.name, mine.get(f.name, {}))
    if edit:
        edit(home / "mintmark")
    user = ""
    if os.getuid() == 0:  # else nginx says that it ignores the line
        group = grp.getgrgid(os.getgid()).gr_name
        user = f"user {getpass.getuser()} {group};"
    (home / "nginx.conf").write_text(MAIN.format(
        folder=test.folder, user=user, modules=MODULES, site=site,
        more=more))
    server = Server(test.folder / "nginx.log", port)
    test.processes.append(server)
    server.start("nginx", "-e", test.folder / "nginx-error.log", "-p", home,
                 "-c", home / "nginx.conf", env={"PATH": PATH})
    test.url = f"http://127.0.0.1:{port}"
    test.port = port
    return server
