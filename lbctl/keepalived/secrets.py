"""Which words of a keepalived line nobody may see."""

from __future__ import annotations

import re

_AFTER = frozenset({"auth_pass", "password"})
_SECRET_NAME = re.compile(r"\$\w*(?:PASS|PWD|SECRET|TOKEN|KEY|AUTH)\w*=", re.IGNORECASE)
# Commands with a password among their arguments.
_WITHIN = re.compile(
    r"(?:pass(?:word|wd)?|pwd|secret|token)\s*[=: ]\s*\S|://[^/@\s]*:[^/@\s]*@|\bmysql\w*\b.*\s-p\S", re.I
)
_OPTION = re.compile(r"--?(?:pass(?:word|wd)?|secret|token)", re.IGNORECASE)
_NEVER = frozenset({"{", "}", "\\"})


def secret(words: tuple[str, ...]) -> frozenset[int]:
    """The indices of the words that hold a secret, wherever on the line their keyword stands."""
    return frozenset(
        index
        for index, word in enumerate(words)
        if index and word not in _NEVER and _hidden(words, index, word)
    ) | (frozenset({0}) if words and _definition(words[0]) else frozenset())


def _hidden(words: tuple[str, ...], index: int, word: str) -> bool:
    before = words[index - 1]
    return (
        before in _AFTER
        or bool(_WITHIN.search(word))
        or bool(_OPTION.fullmatch(before))
        or bool(_SECRET_NAME.fullmatch(words[0]))
    )


def _definition(word: str) -> bool:
    """`$PASSWORD=value` is one word: all of it goes."""
    match = _SECRET_NAME.match(word)
    return bool(match) and match is not None and match.end() < len(word)
