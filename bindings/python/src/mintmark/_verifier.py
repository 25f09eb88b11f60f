"""The package's classes, on top of the C functions of _lib.

No rule of Mintmark is written here a second time: tokens and scopes are
judged by the library alone.  What this file adds is what C cannot know of
Python: text that is no UTF-8, NULs inside strings, closing while in use.
"""
import ctypes
import enum
import os
import weakref
from dataclasses import dataclass, field
from types import TracebackType
from typing import Optional, Sequence, Type, Union

from . import _lib as abi


class Permission(enum.IntFlag):
    """What to do with a resource; READ | WRITE is both."""

    READ = 1
    WRITE = 2


READ = Permission.READ
WRITE = Permission.WRITE


class Reason(str, enum.Enum):
    """Why a token was refused: the same words everywhere in Mintmark.

    For the log and for who owns the service; a stranger who presents a
    token should get one answer for all of them.  A Reason is its word:
    Reason.REVOKED == "revoked".
    """

    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_KEY = "unknown_key"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_USER = "wrong_user"
    WRONG_ADDRESS = "wrong_address"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    IDLE = "idle"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    STALE = "stale"
    UNAVAILABLE = "unavailable"
    OTHER = "other"  # of a library that is newer than this package

    def __str__(self) -> str:
        return self.value


# In the header's order, after MM_OK: enum mm_err is an index into it.
_REASONS = [r for r in Reason if r is not Reason.OTHER]


class Error(Exception):
    """Either of the two below."""


class Refused(Error):
    """The token is not good here, or not for this; .reason says why.

    Raise it yourself for a named scope that is missing:
    Refused(Reason.INSUFFICIENT_SCOPE).
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.reason)


class Unavailable(Error):
    """No state to verify from, or no library; .why is one line for people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _refused(err: int) -> Refused:
    known = 0 < err <= len(_REASONS)
    return Refused(_REASONS[err - 1] if known else Reason.OTHER)


def _utf8(text: Union[str, bytes]) -> bytes:
    """Never fails: what is no text is for the library to refuse."""
    if isinstance(text, bytes):
        return text
    return text.encode("utf-8", "surrogatepass")


def _word(text: str) -> Optional[bytes]:
    """For `const char *`, or None: C would stop reading at a NUL, and take
    "alice\\0x" for alice."""
    data = _utf8(text)
    return None if b"\0" in data else data


@dataclass(frozen=True)
class Token:
    """A verified token.  Times are seconds since 1970, by the UTC clock."""

    id: str  # "3.4711": public, safe to log
    user: str
    scopes: Optional[Sequence[str]]  # None: all the user's rights
    issued_at: int
    expires_at: int  # the hard limit, never passed
    dies_at: int  # now >= dies_at: dead.  Slides with use
    auto_refresh: int  # window in seconds; 0: fixed expiry
    _lib: ctypes.CDLL = field(repr=False, compare=False)
    _token: abi.CToken = field(repr=False, compare=False)

    def allow(self, type: str, ids: Sequence[str], perm: int) -> None:
        """Refused (insufficient_scope) unless it may do `perm` (READ, WRITE
        or both) on this resource.

        ids[0] is the resource, the others its ancestors, nearest first: a
        folder's scope covers what is inside it.
        """
        if isinstance(ids, (str, bytes)):
            raise TypeError("ids is a list of ids, not one of them")
        words = [_word(i) for i in (type, *ids)]
        if None in words:
            raise Refused(Reason.INSUFFICIENT_SCOPE)
        chain = (ctypes.c_char_p * len(ids))(*words[1:])
        err = self._lib.mm_allow(self._token, words[0], chain, len(ids),
                                 int(perm))
        if err:
            raise _refused(err)

    def has_scope(self, name: str) -> bool:
        """Does it hold the named scope?  True too when it has no scopes at
        all: then it may do what its user may."""
        word = _word(name)
        return word is not None and bool(
            self._lib.mm_has_scope(self._token, word))


@dataclass(frozen=True)
class State:
    """What a verifier goes by; times are seconds since 1970."""

    issuer: str
    sequence: int  # of the newest event that it knows
    heard_at: int  # when the issuer signed its newest news
    max_staleness: int  # seconds; older than that is refused
    stale: bool  # each token is refused for want of news


def _token(lib: ctypes.CDLL, c: abi.CToken) -> Token:
    scopes = c.scope.decode().split(" ") if c.has_scope else None
    return Token(c.id.decode(), c.user.decode(),
                 None if scopes is None else tuple(scopes),
                 c.issued_at, c.expires_at, c.dies_at, c.auto_refresh, lib, c)


class _Handle:
    """Owns one struct mm_verifier.

    Each check holds a reference of its own, so that mm_close() comes after
    the last of them, whoever closed the Verifier meanwhile.
    """

    def __init__(self, lib: ctypes.CDLL, pointer: ctypes.c_void_p) -> None:
        self.lib = lib
        self.pointer = pointer
        self.pid = os.getpid()
        end = weakref.finalize(self, _close, lib, pointer, self.pid)
        # At exit daemon threads may be inside still; the process's end
        # frees it all.
        end.atexit = False


def _close(lib: ctypes.CDLL, pointer: ctypes.c_void_p, pid: int) -> None:
    """Not in a forked child: threads and folder are its parent's."""
    if os.getpid() == pid:
        lib.mm_close(pointer)


class Verifier:
    """An open state, to verify tokens from; see the package for threads and
    processes.  Close it with close(), or use it in a `with`."""

    def __init__(self, state: Union[str, "os.PathLike[str]"], *,
                 audience: Optional[str] = None,
                 token_file: Union[str, "os.PathLike[str]", None] = None,
                 jwks_file: Union[str, "os.PathLike[str]", None] = None,
                 max_staleness: int = 0,
                 report_uses: bool = True,
                 cache_size: Optional[int] = None,
                 door: Optional[str] = None) -> None:
        """Open `state`: the path of the file that mintmark-agent keeps, or
        the issuer's URL; then this process follows the feed itself, with
        the token in `token_file` (and keys pinned in `jwks_file`), and
        waits for it at most some 10 seconds.

        audience: tokens for others are refused; None: do not ask.
        max_staleness: seconds after which a state without news is refused;
            0: as the agent was told.  May only be stricter.
        report_uses: False for looking without using: it keeps no token
            alive.
        cache_size: bytes, at most, for tokens seen before; None: the
            standard (some 9,000 tokens); 0: remember none.
        door: what people call this service, where they see where a token
            was used last; None: the audience.

        Unavailable when there is no usable state.  A stale one opens, and
        refuses each token until news arrives.

        .warning is then one line for people if uses cannot be reported (the
        agent's socket is not ours to write to), else "".
        """
        try:
            lib = abi.load()
        except (OSError, AttributeError) as e:
            raise Unavailable(f"{abi.SONAME} cannot be used: {e}") from e
        why = ctypes.create_string_buffer(256)
        options = abi.Options(
            state=_argument(state), audience=_argument(audience),
            token_file=_argument(token_file), jwks_file=_argument(jwks_file),
            max_staleness=max_staleness,
            flags=(0 if report_uses else abi.NO_USE) |
                  (abi.NO_CACHE if cache_size == 0 else 0),
            cache_size=cache_size or 0,
            why=ctypes.cast(why, ctypes.c_char_p), why_size=len(why),
            door=_argument(door))
        pointer = ctypes.c_void_p()
        if lib.mm_open(ctypes.byref(options), ctypes.byref(pointer)):
            raise Unavailable(why.value.decode(errors="replace"))
        self.warning: str = why.value.decode(errors="replace")
        self._handle: Optional[_Handle] = _Handle(lib, pointer)

    def verify(self, token: Union[str, bytes], *,
               address: Optional[str] = None) -> Token:
        """The token, verified: signature, form, issuer, audience, times,
        status.  Its scopes are yet to be asked.  Refused if it is not good.

        address: the other end of the connection; behind a proxy, what that
            proxy says of it.  A token that is limited to addresses (cidr) is
            refused as wrong_address from any other, and without one.
        """
        return self._verify(abi.Client(address=_word(address or "")), token)

    def verify_user(self, user: str, token: Union[str, bytes], *,
                    address: Optional[str] = None) -> Token:
        """The same for Basic, WebDAV, SFTP: the token must also be the
        user's own, byte for byte, or it is refused as wrong_user."""
        name = _word(user)
        if name is None:
            raise Refused(Reason.WRONG_USER)
        return self._verify(
            abi.Client(user=name, address=_word(address or "")), token)

    def _verify(self, client: abi.Client, token: Union[str, bytes]) -> Token:
        data = _utf8(token)
        handle, c = self._open_handle(), abi.CToken()
        err = handle.lib.mm_verify_client(
            handle.pointer, ctypes.byref(client), data, len(data), c)
        if err:
            raise _refused(err)
        return _token(handle.lib, c)

    def state(self) -> State:
        """For health checks, and for people."""
        handle, c = self._open_handle(), abi.CState()
        err = handle.lib.mm_state(handle.pointer, ctypes.byref(c))
        return State(c.issuer.decode(), c.sequence, c.heard_at,
                     c.max_staleness, err != 0)

    def _open_handle(self) -> _Handle:
        handle = self._handle
        if handle is None:
            raise ValueError("the verifier is closed")
        if handle.pid != os.getpid():
            raise RuntimeError("a verifier cannot be used after fork(): open "
                               "one in each process")
        return handle

    def close(self) -> None:
        """Twice is no fault.  Checks that are under way finish first."""
        self._handle = None

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 value: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()


def _argument(value: Union[str, "os.PathLike[str]", None]) -> Optional[bytes]:
    if value is None:
        return None
    data = os.fsencode(value)
    if b"\0" in data:
        raise ValueError("a NUL in a path, URL or name")
    return data
