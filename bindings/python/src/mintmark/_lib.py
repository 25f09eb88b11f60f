"""libmintmark.so.0 as <mintmark/verify.h> declares it, and nothing more.

The layouts here are copies of the header's.  tests/test_layout.py asks a C
compiler what the header says and compares.
"""
import ctypes
import os
from ctypes import POINTER, c_bool, c_char, c_char_p, c_int, c_int64
from ctypes import c_size_t, c_uint, c_uint32, c_uint64, c_void_p

SONAME = "libmintmark.so.0"  # the ABI that this file describes

NO_USE = 1  # flags of struct mm_options
NO_CACHE = 2


class Options(ctypes.Structure):
    """struct mm_options; the caller keeps the strings while opening."""

    _fields_ = [
        ("state", c_char_p),
        ("token_file", c_char_p),
        ("jwks_file", c_char_p),
        ("audience", c_char_p),
        ("max_staleness", c_int64),
        ("flags", c_uint),
        ("cache_size", c_size_t),
        ("now", c_void_p),
        ("now_ctx", c_void_p),
        ("why", c_char_p),
        ("why_size", c_size_t),
        ("door", c_char_p),
    ]


class CToken(ctypes.Structure):
    """struct mm_token; filled by value, needs no freeing."""

    _fields_ = [
        ("id", c_char * 24),
        ("user", c_char * 256),
        ("scope", c_char * 2048),
        ("has_scope", c_bool),
        ("issued_at", c_int64),
        ("expires_at", c_int64),
        ("dies_at", c_int64),
        ("auto_refresh", c_int64),
        ("list", c_uint32),
        ("index", c_uint32),
        ("access_token", c_bool),
    ]
    id: bytes
    user: bytes
    scope: bytes
    has_scope: bool
    issued_at: int
    expires_at: int
    dies_at: int
    auto_refresh: int
    access_token: bool


class CState(ctypes.Structure):
    """struct mm_state; filled by value."""

    _fields_ = [
        ("issuer", c_char * 256),
        ("sequence", c_uint64),
        ("heard_at", c_int64),
        ("max_staleness", c_int64),
        ("superseded", c_bool),
    ]
    issuer: bytes
    sequence: int
    heard_at: int
    max_staleness: int


class Client(ctypes.Structure):
    """struct mm_client; the caller keeps the strings while asking."""

    _fields_ = [("user", c_char_p), ("address", c_char_p)]


# name: (result, arguments)
_FUNCTIONS = {
    "mm_open": (c_int, [POINTER(Options), POINTER(c_void_p)]),
    "mm_verify": (c_int, [c_void_p, c_char_p, c_size_t, POINTER(CToken)]),
    "mm_verify_user": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t,
                               POINTER(CToken)]),
    "mm_verify_client": (c_int, [c_void_p, POINTER(Client), c_char_p,
                                 c_size_t, POINTER(CToken)]),
    "mm_allow": (c_int, [POINTER(CToken), c_char_p, POINTER(c_char_p),
                         c_size_t, c_uint]),
    "mm_has_scope": (c_bool, [POINTER(CToken), c_char_p]),
    "mm_state": (c_int, [c_void_p, POINTER(CState)]),
    "mm_reason": (c_char_p, [c_int]),
    "mm_close": (None, [c_void_p]),
}


def load() -> ctypes.CDLL:
    """The library: $MINTMARK_LIB, or wherever the system finds the soname.

    OSError, with the linker's words, when it is nowhere.
    """
    # CDLL, not PyDLL: a first check of a token is some 60 us of arithmetic,
    # in which other threads can run.
    lib = ctypes.CDLL(os.environ.get("MINTMARK_LIB") or SONAME)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib
