"""auth.py - who asks?  The part to take into a service of your own.

Takes Bearer (RFC 6750 section 2.1), and Basic (RFC 7617) with the token as
the password, as WebDAV and every old client can do.
"""
import base64
import binascii
from http import HTTPStatus
from typing import List, NamedTuple, Optional, Sequence, Tuple

from mintmark import Reason, Refused, Token, Verifier

REALM = 'realm="notes"'


class Answer(NamedTuple):
    status: HTTPStatus
    body: Optional[bytes] = None  # None: the status in words
    headers: Sequence[Tuple[str, str]] = ()


def verify(v: Verifier, sent: List[str], address: str) -> Token:
    """Verify the token in the Authorization headers that were sent from that
    address.  What it may do is yet to be asked: allow(), has_scope()."""
    # Who sends two may mean either: a proxy in front may have judged the
    # other one, so neither is believed.
    if len(sent) != 1:
        raise Refused(Reason.MALFORMED)
    scheme, _, credentials = sent[0].partition(" ")
    if scheme.lower() == "bearer":
        return v.verify(credentials, address=address)
    if scheme.lower() == "basic":
        user, token = read_basic(credentials)
        # The user is checked, too: whoever names another than the token's
        # is mistaken about whose files these are.
        return v.verify_user(user, token, address=address)
    raise Refused(Reason.MALFORMED)


def read_basic(credentials: str) -> Tuple[str, str]:
    try:
        pair = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused(Reason.MALFORMED) from None
    user, _, token = pair.partition(":")
    return user, token


def challenge(reason: Reason, presented: bool, scope: str) -> Answer:
    """How to refuse.  A stranger gets one answer, whatever was wrong with
    the token: the reason is for the log (RFC 6750 section 3.1)."""
    if reason in (Reason.STALE, Reason.UNAVAILABLE):
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE,  # our trouble
                      headers=[("Retry-After", "10")])
    if reason is Reason.INSUFFICIENT_SCOPE:
        return Answer(HTTPStatus.FORBIDDEN, headers=[(
            "WWW-Authenticate",
            f'Bearer {REALM}, error="insufficient_scope", scope="{scope}"')])
    error = ', error="invalid_token"' if presented else ""
    return Answer(HTTPStatus.UNAUTHORIZED, headers=[
        ("WWW-Authenticate", f"Bearer {REALM}{error}"),
        ("WWW-Authenticate", f'Basic {REALM}, charset="UTF-8"')])
