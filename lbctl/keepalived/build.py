"""A keepalived.conf from words: blocks with 4 blanks of indentation a level.

A blank line between the outermost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lbctl.document import Document, encode
from lbctl.keepalived.parse import parse
from lbctl.keepalived.words import quote

INDENT = "    "


@dataclass(frozen=True)
class Node:
    """One statement, or with `children` (also none of them: an empty block) a block.

    Words are quoted where they must be; `text` instead of words is one line that is taken as it is.
    """

    words: tuple[str, ...] = field(default=(), repr=False)
    children: tuple[Node, ...] | None = None
    text: str = field(default="", repr=False)


def build(nodes: Sequence[Node], file: str = "keepalived.conf") -> Document:
    """The document of these nodes, in order. Raises InputError for a word that keepalived cannot hold."""
    parts = []
    for number, node in enumerate(nodes):
        blank = number and (node.children is not None or nodes[number - 1].children is not None)
        parts.append("\n" * bool(blank) + "".join(f"{line}\n" for line in _lines(node, "")))
    return parse(encode("".join(parts)), file)


def statement(words: Sequence[str]) -> str:
    """One line's text of words, each quoted where it must be."""
    return " ".join([quote(word) for word in words[:1]] + [quote(word, words[0]) for word in words[1:]])


def _lines(node: Node, lead: str) -> list[str]:
    head = node.text or statement(node.words)
    if node.children is None:
        return [lead + head if head.strip() else ""]
    inner = [line for child in node.children for line in _lines(child, lead + INDENT)]
    return [f"{lead}{head} {{", *inner, f"{lead}}}"]
