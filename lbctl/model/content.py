"""Bytes of a file, beside what of them may be shown."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_MASK = b"***"


@dataclass(frozen=True)
class Content:
    """The bytes of a file and the same with every secret masked.

    `data` never leaves through repr, a plan, a log or a view; `shown` may. Without secrets both are equal.
    `resolved` is False where there are secrets whose values nobody asked for: `data` is then the mask too.
    """

    data: bytes = field(repr=False)
    shown: bytes
    resolved: bool = True

    @property
    def secret(self) -> bool:
        return self.data != self.shown or not self.resolved

    def digest(self, key: str) -> str:
        """A digest to compare by: keyed with the node's own key, or, without one, of what may be shown.

        An unkeyed digest of a secret could be guessed at: outside a node there are keyed ones alone.
        """
        if key:
            return "hmac:" + hmac.new(bytes.fromhex(key), self.data, hashlib.sha256).hexdigest()
        return "shown:" + hashlib.sha256(self.shown).hexdigest()


def plain(data: bytes) -> Content:
    """Content that holds no secret."""
    return Content(data, data)


def unresolved(shown: bytes) -> Content:
    """Content with secrets that were left as references."""
    return Content(shown, shown, resolved=False)


def scrubbed(text: str, contents: Iterable[Content]) -> str:
    """What a daemon said, without the words that these contents hide: daemons quote what they reject."""
    for content in contents:
        for word in sorted(_hidden(content), key=len, reverse=True):
            text = text.replace(word, "***")
    return text


def masked_alike(shown: bytes, wish: Content | None) -> bytes:
    """`shown` without what `wish` hides, and without what stands in the same place of a line like one of its.

    So a secret that was changed since is hidden too, whichever keyword it belongs to.
    """
    if wish is None or not wish.secret:
        return shown
    for word in sorted(_hidden_bytes(wish), key=len, reverse=True):
        shown = shown.replace(word, _MASK)
    pairs = zip(wish.data.splitlines(), wish.shown.splitlines(), strict=False)
    masked = {line.strip() for real, line in pairs if real != line}
    for line in sorted(one for one in masked if one.replace(_MASK, b"").strip()):
        shape = rb"[^\r\n]+".join(map(re.escape, line.split(_MASK)))
        line = line.replace(b"\\", b"\\\\")
        shown = re.sub(rb"(?m)^([ \t]*)" + shape + rb"[ \t]*(?=\r?$)", rb"\g<1>" + line, shown)
    return shown


def _hidden_bytes(content: Content) -> set[bytes]:
    data, shown = ({word.strip(b"\"'") for word in text.split()} for text in (content.data, content.shown))
    return {word for word in data - shown if len(word) > 2}


def _hidden(content: Content) -> set[str]:
    if not content.secret:
        return set()
    found = _hidden_bytes(content)
    found |= {word.partition(b":")[2] for word in found}  # user:password, and the password may be said alone
    return {word.decode("utf-8", "replace") for word in found if len(word) > 2}
