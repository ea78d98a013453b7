"""The secrets of the daemons' files, taken out of their text and kept by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lbctl.document import Document, Line, decode, hidden
from lbctl.model.reference import escaped

AUTH_PASS = 8

# read the same by both daemons, within quotes and without
_TAME = re.compile(r"[^\s#!'\"\\${}]+")
# the daemon's environment has the secret, and the file has none
_ENVIRONMENT = re.compile(rb'"?\$(?:\w+|\{\w+\})"?')
_DEFINITION = re.compile(rb"\$\w+=")
_NO_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Secret:
    """A word that nobody may see. `as_is`: its daemon reads it otherwise than it is written."""

    text: str = field(repr=False)
    as_is: bool


@dataclass
class Safe:
    """The secrets that were found so far, by name; the same one has one name wherever it stands."""

    names: dict[Secret, str] = field(default_factory=dict, repr=False)

    def name(self, secret: Secret, wish: str) -> str:
        if secret not in self.names:
            base, taken = wish or "secret", set(self.names.values())
            numbered = (f"{base}_{number}" for number in range(2, len(taken) + 3))
            self.names[secret] = base if base not in taken else next(n for n in numbered if n not in taken)
        return self.names[secret]


def without_secrets(document: Document, safe: Safe) -> str:
    """The file's text with a reference for every secret, also for those that are commented out.

    What only looks like a reference is escaped.
    """
    return "".join(_line(document, line, safe) for line in document.lines)


def _line(document: Document, line: Line, safe: Safe) -> str:
    raw, done, pieces = line.raw, 0, []
    for start, end in hidden(document.language, line):
        found = _found(document, raw, start, end)
        if found is None:
            continue
        start, end, secret = found
        pieces += [escaped(decode(raw[done:start])), f"${{secret.{safe.name(secret, _wish(raw, start))}}}"]
        done = end
    return "".join([*pieces, escaped(decode(raw[done:]))])


def _found(document: Document, raw: bytes, start: int, end: int) -> tuple[int, int, Secret] | None:
    """The secret within a range of a line, and where it stands exactly; None where there is none."""
    word = raw[start:end]
    if _ENVIRONMENT.fullmatch(word):
        return None
    vrrp = document.language.name == "keepalived"
    if definition := _DEFINITION.match(word):
        start += definition.end()
    if end - start > 2 and raw[start : start + 1] == raw[end - 1 : end] == b'"':
        start, end = start + 1, end - 1
    text = decode(raw[start:end])
    if not text.strip():
        return None
    long = vrrp and raw[:start].split()[-1:] == [b"auth_pass"] and end - start > AUTH_PASS
    tame = _TAME.fullmatch(text) and text.isprintable()
    return start, end, Secret(text, long or not tame)


def _wish(raw: bytes, start: int) -> str:
    """A name after the words before it: auth_pass, stats_auth."""
    words = decode(raw[:start].lstrip(b"#! \t").rstrip(b'"')).split()
    named = dict.fromkeys([*words[:1], *words[-1:]])
    return _NO_NAME.sub("_", "_".join(named)).strip("_").lower()
