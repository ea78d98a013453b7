"""Which words of a HAProxy line nobody may see."""

from __future__ import annotations

import re

# The word after one of these, in a line that begins with the other; '' = in any line.
_AFTER = (
    ("stats", "auth"),
    ("user", "password"),
    ("user", "insecure-password"),
    ("", "dynamic-cookie-key"),
)
_HEADERS = frozenset({"authorization", "proxy-authorization", "x-auth-token"})
# `setenv NAME VALUE`, where the name says what the value is
_ENVIRONMENT = frozenset({"setenv", "presetenv"})
_SECRET_NAME = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CRED|AUTH", re.IGNORECASE)
# Words that hold a secret within: credentials in a URL, a header in a health check, a Redis login, key
# material of a converter.
_WITHIN = re.compile(
    r"://[^/@\s]*:[^/@\s]*@|authorization:|\bAUTH\s+\S|\b(?:hmac|aes_gcm_enc|aes_gcm_dec|aes_cbc_enc|aes_cbc_dec|jwt_verify)\(",
    re.IGNORECASE,
)
# One search decides for nearly every line that it holds none.
_ANY = re.compile(
    r"password|auth|token|dynamic-cookie-key|://|setenv|hmac\(|aes_|jwt_verify\(",
    re.IGNORECASE,
)


def secret(words: tuple[str, ...]) -> frozenset[int]:
    """The indices of the words that hold a secret. `no` before the keyword changes nothing."""
    text = " ".join(words)
    if not _ANY.search(text):
        return frozenset()
    return frozenset(index for index, word in enumerate(words) if _hidden(words, index, word))


def _hidden(words: tuple[str, ...], index: int, word: str) -> bool:
    if _WITHIN.search(word):
        return True
    if index == 0:
        return False
    before = words[index - 1]
    if any(before == after and first in ("", words[0]) for first, after in _AFTER):
        return True
    if before.lower() in _HEADERS:
        return True
    return index == 2 and words[0] in _ENVIRONMENT and bool(_SECRET_NAME.search(before))
