#!/usr/bin/env python3
"""The ctypes layouts and numbers are what a C compiler makes of the header."""
import ctypes
import json
import re
import subprocess
import unittest

from binding import CC, HEADER, INCLUDE, Folder, main
from mintmark import Permission, _lib, _verifier

STRUCTS = {"mm_options": _lib.Options, "mm_token": _lib.CToken,
           "mm_client": _lib.Client, "mm_state": _lib.CState}
FIELD = re.compile(r"(\w+)(?:\[\d+\])?\s*[,;]|\(\*(\w+)\)\(")


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def members(struct):
    """The names of a struct's members, in the header's order."""
    body = re.search(r"^struct %s {\n(.*?)^};" % struct,
                     without_comments(HEADER.read_text()), re.S | re.M)[1]
    return [a or b for a, b in FIELD.findall(body)]


def reasons():
    body = re.search(r"^enum mm_err {\n(.*?)^};",
                     without_comments(HEADER.read_text()), re.S | re.M)[1]
    return re.findall(r"\bMM_\w+", body)


@unittest.skipIf(CC is None, "no C compiler")
class Header(Folder):
    def ask(self, expressions):
        """What the compiler says each of them is, with the header."""
        lines = "".join(f'\tprintf(" %lld", (long long)({e}));\n'
                        for e in expressions)
        source = self.folder / "ask.c"
        source.write_text("#include <mintmark/verify.h>\n#include <stdio.h>\n"
                          f"int main(void)\n{{\n{lines}}}\n")
        ask = self.folder / "ask"
        subprocess.run([CC, "-std=c11", f"-I{INCLUDE}", "-o", ask, source],
                       check=True)
        said = subprocess.run([ask], check=True, capture_output=True)
        return [int(n) for n in said.stdout.split()]

    def test_structs(self):
        for name, ours in STRUCTS.items():
            names = members(name)
            self.assertEqual([f[0] for f in ours._fields_], names)
            want = self.ask(
                [f"sizeof(struct {name})", f"_Alignof(struct {name})"] +
                [f"offsetof(struct {name}, {m})" for m in names] +
                [f"sizeof(((struct {name} *)0)->{m})" for m in names])
            fields = [getattr(ours, m) for m in names]
            self.assertEqual(
                [ctypes.sizeof(ours), ctypes.alignment(ours)] +
                [f.offset for f in fields] + [f.size for f in fields],
                want, json.dumps([name, names]))

    def test_reasons(self):
        ours = ["MM_OK"] + [f"MM_ERR_{r.name}" for r in _verifier._REASONS]
        self.assertEqual(reasons(), ours)
        self.assertEqual(self.ask(ours), list(range(len(ours))))

    def test_constants(self):
        self.assertEqual(
            self.ask(["MM_READ", "MM_WRITE", "MM_NO_USE", "MM_NO_CACHE"]),
            [Permission.READ, Permission.WRITE, _lib.NO_USE, _lib.NO_CACHE])

    def test_functions(self):
        declared = set(re.findall(r"\b(mm_\w+)\(", "".join(re.findall(
            r"^MM_API.*?;", HEADER.read_text(), re.S | re.M))))
        self.assertEqual(set(_lib._FUNCTIONS), declared)


class Library(unittest.TestCase):
    def test_words(self):
        lib = _lib.load()
        for i, reason in enumerate(_verifier._REASONS, 1):
            self.assertEqual(lib.mm_reason(i).decode(), reason.value)

    def test_a_later_library_may_say_more(self):
        for err in (len(_verifier._REASONS) + 1, -1):
            self.assertIs(_verifier._refused(err).reason,
                          _verifier.Reason.OTHER)


if __name__ == "__main__":
    main()
