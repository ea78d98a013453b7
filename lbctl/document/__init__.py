"""The one model of configuration text: lossless lines, words, sections; edits; masks.

Shared by both languages, pure.
"""

from __future__ import annotations

from lbctl.document.mask import MASK, hidden, holds_secret, mask, masked_words
from lbctl.document.text import Document, Language, Line, Scan, Statement, Word, decode, encode

__all__ = [
    "MASK",
    "Document",
    "Language",
    "Line",
    "Scan",
    "Statement",
    "Word",
    "decode",
    "encode",
    "hidden",
    "holds_secret",
    "mask",
    "masked_words",
]
