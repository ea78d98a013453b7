"""`${node.…}`, `${vip.…}` and `${secret.…}`, replaced in text and in values.

Anything else in `${…}` is the daemons' own (HAProxy's environment, keepalived's definitions) and stays;
`$${node.…}` is read as `${node.…}`, which stays too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lbctl.desired.secrets import Ref, Secrets, is_word, word_fault
from lbctl.desired.tree import Findings, Scalar
from lbctl.document import MASK
from lbctl.document.nearest import nearest
from lbctl.errors import Place
from lbctl.model.reference import REFERENCE

PEERS = "node.peers"

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

# a comment takes what is known, and keeps the rest: it may show how a reference is written
_COMMENTS = {"haproxy": ("#",), "keepalived": ("#", "!")}
_SPECIAL = re.compile(r"([\s#'\\])")


@dataclass(frozen=True)
class Line:
    """A line of a configuration to be, and where in the user's files it comes from.

    `end` is "" where the last line of a file has no newline.
    """

    text: str
    place: Place
    end: str = "\n"


@dataclass(frozen=True)
class Filling:
    """What the references stand for on one node. `reveal` = secrets as they are, else masked.

    `used` collects the secrets that were asked for: their files get the mode of a secret.
    """

    language: str
    values: Mapping[str, str]
    peers: tuple[str, ...]
    secrets: Secrets
    findings: Findings
    reveal: bool
    used: set[Ref] = field(default_factory=set)

    def word(self, text: str, place: Place, keyword: str = "") -> str:
        """A value with its references replaced, not yet quoted."""
        if "${" not in text:
            return text
        return REFERENCE.sub(lambda m: m[0][1:] if m[1] else self._value(m[2], place, keyword), text)

    def line(self, text: str, place: Place) -> list[str]:
        """A line of text with its references replaced; ${node.peers} alone on a line is a line a peer."""
        if "${" not in text:
            return [text]
        if text.strip() == f"${{{PEERS}}}":
            indent = text[: len(text) - len(text.lstrip())]
            return [indent + peer for peer in self.peers]
        keyword = text.split()[0]
        comment = self.language in _COMMENTS and keyword.startswith(_COMMENTS[self.language])

        def replace(match: re.Match[str]) -> str:
            name = match[2]
            if match[1]:
                return match[0][1:]
            if comment and not self._knows(name):
                return match[0]
            value = self._value(name, place, keyword)
            ref = self._secret(name)
            escape = ref is not None and not ref.as_is
            return self._in_text(value, text[: match.start()], place) if escape else value

        return [REFERENCE.sub(replace, text)]

    def secret(self, ref: Ref, place: Place, keyword: str) -> str:
        """A secret's value, checked; the mask where it is masked or cannot be had."""
        self.used.add(ref)
        value = self.secrets.word(ref) if self.reveal else MASK
        if value is None or not self.secrets.resolve:
            return MASK
        if fault := word_fault(value, self.language, keyword):
            text = f"the secret ({ref}) {fault}"
            if not (ref.as_is and is_word(value, as_is=True)):
                self.findings.error(text, place, "choose another value")
                return MASK
            self.findings.warn(text, place, "it is put in as it is; choose another value", "secret-word")
        return value

    def _secret(self, name: str) -> Ref | None:
        kind, _, rest = name.partition(".")
        return self.secrets.named.get(rest) if kind == "secret" else None

    def _knows(self, name: str) -> bool:
        return name in self.values or self._secret(name) is not None

    def _value(self, name: str, place: Place, keyword: str) -> str:
        ref = self._secret(name)
        if ref is not None:
            return self.secret(ref, place, keyword)
        if name in self.values:
            return self.values[name]
        mend = _mend(name, self.values, self.secrets.named)
        self.findings.error(f"${{{name}}} stands for nothing", place, mend)
        return MASK

    def _in_text(self, value: str, before: str, place: Place) -> str:
        """A secret as it must stand in a line of text, so that the daemon reads it as it is."""
        quote = _open_quote(before)
        if self.language == "haproxy":
            if quote == '"':
                return re.sub(r"([\\$])", r"\\\1", value)
            if not quote:
                return _SPECIAL.sub(r"\\\1", value)
        if self.language != "keepalived":
            return value
        if (quote == "'" and "'" in value) or (not quote and _SPECIAL.search(value)):
            mend = "put the reference within double quotes" if quote != "'" else "use double quotes"
            self.findings.error("the secret holds a blank, a quote or a backslash", place, mend)
        return value


def lines(scalar: Scalar, filling: Filling, indent: str = "") -> list[Line]:
    """The lines of a text value, filled and indented; blank ones stay blank."""
    start = scalar.place.line + (1 if scalar.lines else 0)
    column = 0 if scalar.lines else scalar.place.column
    if CONTROL.search(scalar.text):
        mend = "remove it"
        filling.findings.error("text with a control character that is no newline or tab", scalar.place, mend)
        return []
    found: list[Line] = []
    for number, text in enumerate(scalar.text.removesuffix("\n").split("\n")):
        at = start + number if scalar.lines else start
        place = Place(scalar.place.file, at, column)
        found += [Line(indent + one if one.strip() else "", place) for one in filling.line(text, place)]
    return found


def _open_quote(before: str) -> str:
    """The quote that is open after `before`, "" = none."""
    quote, skip = "", False
    for char in before:
        if skip:
            skip = False
        elif char == "\\" and quote != "'":
            skip = True
        elif char in "\"'" and quote in ("", char):
            quote = "" if quote else char
    return quote


def _mend(name: str, values: Iterable[str], secrets: Iterable[str]) -> str:
    kind, _, rest = name.partition(".")
    if kind == "secret":
        close = nearest(rest, secrets)
        return f"did you mean ${{secret.{close}}}?" if close else f"secrets: {{{rest}: {{env: NAME}}}}"
    known = list(values)
    if close := nearest(name, known):
        return f"did you mean ${{{close}}}?"
    return "known: " + ", ".join(f"${{{one}}}" for one in known[:12])
