#!/usr/bin/env python3
"""apache_rest.py - a REST service behind Apache: deploy/apache/rest.conf."""
from apache import Apache
from doors import Life, main, need_programs
from strangers import Strangers
from web import Rest


class ApacheRest(Strangers, Rest, Life, Apache):
    WRONG = ("mintmark.lua", "&scope=", "&scopes=")
    FORGED_GETS = (200,)

    def start_door(self, issuer, agent, **kw):
        self.start_apache("rest.conf", lambda port, home: {
            "127.0.0.1:8081": f"127.0.0.1:{port}",
            "127.0.0.1:3000": f"127.0.0.1:{self.service.port}"}, **kw)


if __name__ == "__main__":
    need_programs("apache2", "curl")
    main(at_once=3)
