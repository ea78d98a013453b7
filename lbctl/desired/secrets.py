"""Secrets: references in the file, values only when used. No text, repr or digest here ever holds a value."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lbctl.desired.tree import Findings
from lbctl.document import MASK, encode
from lbctl.errors import Place

MOST_BYTES = 1024 * 1024
AUTH_PASS = 8

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Ref:
    """Where a secret is (`kind`: env or file), and where the cluster file says so.

    `as_is` = its value is put in as it is: neither escaped for its daemon, nor refused for how that reads it.
    """

    kind: str
    where: str
    place: Place
    as_is: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.where}"


@dataclass
class Secrets:
    """The secrets of one cluster file. Without `resolve` every value is the mask, and nothing is read but,
    with `login`, what logging in needs."""

    named: Mapping[str, Ref]
    base: Path
    findings: Findings
    resolve: bool
    login: bool
    known: dict[Ref, bytes | None] = field(default_factory=dict, repr=False)

    def word(self, ref: Ref) -> str | None:
        """The value as one word, a file's last newline taken off. None (said once): it cannot be had."""
        return self._word(ref) if self.resolve else MASK

    def password(self, ref: Ref) -> str:
        """The same of one that logging in needs; "" where it may not or cannot be had (then it was said)."""
        return (self._word(ref) or "") if self.resolve or self.login else ""

    def _word(self, ref: Ref) -> str | None:
        data = self._bytes(ref)
        if data is None:
            return None
        try:
            text = data.decode("utf-8", "surrogateescape" if ref.as_is else "strict")
            return text.removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            self.findings.error(f"the secret ({ref}) is not UTF-8", ref.place, "a word is text")
            return None

    def whole(self, ref: Ref) -> bytes:
        """The value to the byte; the mask where it may not or cannot be had (then it was said)."""
        data = self._bytes(ref) if self.resolve else None
        return (MASK + "\n").encode() if data is None else data

    def _bytes(self, ref: Ref) -> bytes | None:
        if ref not in self.known:
            self.known[ref] = self._environment(ref) if ref.kind == "env" else self._file(ref)
        return self.known[ref]

    def _environment(self, ref: Ref) -> bytes | None:
        value = os.environb.get(ref.where.encode())
        if value is None:
            text = f"the environment variable {ref.where} is not set"
            self.findings.error(text, ref.place, f"export {ref.where}, or --no-secrets where that will do")
        elif not value:
            self.findings.error(f"the environment variable {ref.where} is empty", ref.place, "set it")
            return None
        return value

    def _file(self, ref: Ref) -> bytes | None:
        try:
            path = self.base / Path(ref.where).expanduser()
            if path.exists() and not path.is_file():
                raise OSError(0, "not a regular file")
            with path.open("rb") as source:
                data = source.read(MOST_BYTES + 1)
        except (OSError, RuntimeError) as error:
            # RuntimeError: ~NAME of nobody
            reason = error.strerror if isinstance(error, OSError) else error
            text = f"the secret's file {ref.where} cannot be read: {reason}"
            self.findings.error(text, ref.place, "the path is relative to the cluster file")
            return None
        if not data or len(data) > MOST_BYTES:
            said = "is empty" if not data else f"is larger than {MOST_BYTES // 1024} KiB"
            self.findings.error(f"the secret's file {ref.where} {said}", ref.place, "is it the right one?")
            return None
        return data


def is_word(value: str, *, as_is: bool = False) -> bool:
    """One line, and nothing in it that a terminal would obey; as it is it may hold a tab, within quotes."""
    return not _CONTROL.search(value.replace("\t", "") if as_is else value)


def word_fault(value: str, language: str, keyword: str) -> str:
    """What makes a secret unusable as a word of the daemon's language, without telling it; "" = nothing.

    keepalived cuts a word at `#` and `!`, and auth_pass after eight characters, without an error.
    """
    if not is_word(value):
        return "holds a newline or a control character"
    if '"' in value:
        return 'holds a double quote (")'
    if language == "keepalived":
        if re.search(r"[#!]", value):
            return "holds # or !, where keepalived begins a comment"
        if keyword == "auth_pass" and len(encode(value)) > AUTH_PASS:
            return f"is longer than {AUTH_PASS} characters: keepalived would use only the first {AUTH_PASS}"
    return ""
