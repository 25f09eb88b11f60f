"""damage.py - what becomes of a mintmark.db that nobody has open: pages that do
not hold together, and such that do, but not with each other."""
import contextlib
import os
import sqlite3
import struct

INSIDE = 2, 5  # kinds of pages: of an index (or a table without rowid), a table
LEAVES = 10, 13


@contextlib.contextmanager
def opened(path):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        yield db


def root_of(path, name):
    """(size of a page, where the root of that table's tree is, that page)"""
    with opened(path) as db:
        size, = db.execute("PRAGMA page_size").fetchone()
        root, = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?",
                           [name]).fetchone()
    at = (root - 1) * size
    return size, at, path.read_bytes()[at:at + size]


def pages_inside(path, table):
    """(size of a page, those in the middle of a table that is long: it is
    still written at its end)"""
    size, _, page = root_of(path, table)
    assert page[0] in INSIDE, "it is not long enough"
    n, = struct.unpack(">H", page[3:5])
    cells = struct.unpack(f">{n}H", page[12:12 + 2 * n])
    return size, [struct.unpack(">I", page[c:c + 4])[0] for c in cells[1:]]


def spoil(path, table="audit"):
    """Some of its pages are none any more."""
    size, pages = pages_inside(path, table)
    assert pages
    with path.open("r+b") as f:
        for p in pages:
            f.seek((p - 1) * size)
            f.write(os.urandom(size))


def spoil_end(path, table="audit"):
    """The page that is written next."""
    size, _, page = root_of(path, table)
    assert page[0] in INSIDE, "it is not long enough"
    with path.open("r+b") as f:
        while page[0] in INSIDE:
            at = (struct.unpack(">I", page[8:12])[0] - 1) * size
            f.seek(at)
            page = f.read(size)
        f.seek(at)
        f.write(os.urandom(size))


def lose_rows(path, table):
    """All of a table that has one page, which is as sound as it was."""
    size, at, page = root_of(path, table)
    assert page[0] in LEAVES, "there is more than that page"
    with path.open("r+b") as f:
        f.seek(at)
        f.write(struct.pack(">BHHHB", page[0], 0, 0, size % 65536, 0))


def lose_an_entry(path, index, change):
    """Something is changed, and that index does not hear of it."""
    with opened(path) as db:
        row = db.execute("SELECT * FROM sqlite_master WHERE name = ?",
                         [index]).fetchone()
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_master WHERE name = ?", [index])
    with opened(path) as db:
        db.execute(change)
        db.execute("PRAGMA writable_schema = ON")
        db.execute("INSERT INTO sqlite_master VALUES(?, ?, ?, ?, ?)", row)
