"""Bytes of a file, beside what of them may be shown."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field


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


def _hidden(content: Content) -> set[str]:
    if not content.secret:
        return set()
    words = {word.strip(b"\"'") for word in content.data.split()} - set(content.shown.split())
    return {word.decode("utf-8", "replace") for word in words if len(word) > 2}
