"""Several nodes' texts of one file as one text, with a reference exactly where they differ.

Nothing is guessed at: filled with a node's values, the text is that node's to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lbctl.keepalived.views import Instance
from lbctl.model.reference import NODE_NAMES
from lbctl.model.spelling import NAME

Texts = tuple[str, ...]
"""One for each node, in the cluster's order."""

_TOKEN = re.compile(r"[ \t\r\v\f]+|[^ \t\r\v\f]+")
_PRIORITY = re.compile(r"[1-9]\d?|1\d\d|2[0-4]\d|25[0-5]")
_KEYWORD = re.compile(r"[A-Za-z_][A-Za-z_-]*")
_STATE = re.compile(r"MASTER|BACKUP")
# a value that YAML and one line can hold
_PLAIN = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")
_HEAD = re.compile(r".*[/:,=@(\[\"']")
_TAIL = re.compile(r"[/:,=@)\]\"'].*")
_NO_NAME = re.compile(r"[^A-Za-z0-9_]+")
# what is behind the words of a line: blanks, and a comment
_REMARK = re.compile(r"(.*?)([ \t]*(?:[#!].*)?)", re.DOTALL)
_MOST_REMARKS = 5
_PEERS = "${node.peers}"


@dataclass(frozen=True)
class Subjects:
    """The nodes, in the cluster's order: what their texts may name."""

    names: Texts
    addresses: Texts

    @property
    def peers(self) -> tuple[Texts, ...]:
        return tuple(tuple(a for a in self.addresses if a != own) for own in self.addresses)

    @property
    def peers_of_two(self) -> Texts:
        """Each node's one peer, where there are two."""
        return self.addresses[::-1]


@dataclass(frozen=True)
class Template:
    """`values` by the name of the reference without its `node.`: what it is on each node."""

    text: str
    values: Mapping[str, Texts]


def template(
    texts: Texts, nodes: Subjects, taken: Mapping[str, Texts], instances: Sequence[Instance] = ()
) -> Template | None:
    """One text for all; None where more than words differ. `taken` are the values that there are already.

    `instances` are those of the first text, where that is keepalived's.
    """
    split = [text.split("\n") for text in texts]
    if len({len(lines) for lines in split}) > 1:
        return None
    weaver = _Weaver(nodes, instances, dict(taken))
    rows = list(zip(*split, strict=True))
    found: list[str] = []
    while rows:
        number = len(split[0]) - len(rows) + 1
        peers = weaver.peer_lines(rows)
        woven = peers if peers is not None else weaver.line(rows[0], number)
        if woven is None:
            return None
        found.append(woven)
        del rows[: len(nodes.names) - 1 if peers is not None else 1]
    return _alike(_alike(Template("\n".join(found), weaver.values), "priority"), "state")


def _alike(made: Template, key: str) -> Template:
    """One value of a node's for all its instances, where they have the same."""
    own = [name for name in made.values if name.startswith(f"{key}.")]
    if len(own) < 2 or len({made.values[name] for name in own}) > 1:
        return made
    names = "|".join(map(re.escape, own))
    text = re.sub(rf"(?<!\$)\$\{{node\.(?:{names})\}}", f"${{node.{key}}}", made.text)
    values = {(key if name in own else name): value for name, value in made.values.items()}
    return Template(text, values)


@dataclass
class _Weaver:
    nodes: Subjects
    instances: Sequence[Instance]
    values: dict[str, Texts] = field(default_factory=dict)
    remarks: int = 0

    def peer_lines(self, rows: Sequence[Texts]) -> str | None:
        """The one line for all peers, where each node's next lines are exactly these; None otherwise."""
        count = len(self.nodes.names) - 1
        if count < 2 or len(rows) <= count or len(set(rows[0])) < 2:
            return None
        indent = rows[0][0][: len(rows[0][0]) - len(rows[0][0].lstrip(" \t"))]
        for number, peers in enumerate(self.nodes.peers):
            if [row[number] for row in rows[:count]] != [indent + peer for peer in peers]:
                return None
        return indent + _PEERS

    def line(self, texts: Texts, number: int) -> str | None:
        if len(set(texts)) == 1:
            return texts[0]
        before = dict(self.values)
        woven = self._words(texts, number)
        if woven is None:
            self.values = before
            return self._remarked(texts, number)
        return woven

    def _remarked(self, texts: Texts, number: int) -> str | None:
        """Lines of the same words with other remarks or blanks behind them: a few of them are borne."""
        parts = [_REMARK.fullmatch(text) for text in texts]
        heads, tails = (tuple(part[group] for part in parts if part) for group in (1, 2))
        head = heads[0] if len(set(heads)) == 1 else self._words(heads, number)
        good = all("${" not in tail and _PLAIN.fullmatch(tail.replace("\t", " ")) for tail in tails)
        self.remarks += 1
        if not head or not good or self.remarks > _MOST_REMARKS:
            return None
        return head + self._variable(tails, "remark")

    def _words(self, texts: Texts, number: int) -> str | None:
        pieces = [_TOKEN.findall(text) for text in texts]
        if len({len(one) for one in pieces}) > 1:
            return None
        woven: list[str] = []
        for words in zip(*pieces, strict=True):
            one = words[0] if len(set(words)) == 1 else self._word(words, woven, number)
            if one is None:
                return None
            woven.append(one)
        text = "".join(woven)
        if text.strip() == _PEERS and text != text.rstrip():
            # alone on its line it stands for lines, and what is behind it would be lost
            return text.replace(_PEERS, self._variable(self.nodes.peers_of_two, "peer"))
        return text

    def _word(self, words: Texts, before: Sequence[str], number: int) -> str | None:
        if any("${" in word or word.isspace() or not _PLAIN.fullmatch(word) for word in words):
            return None
        keywords = [word for word in before if not word.isspace()]
        known = self._by_meaning(words, keywords, number) if len(keywords) == 1 else None
        if known := known or self._by_node(words):
            return known
        if not keywords and any(map(_KEYWORD.fullmatch, words)):
            return None  # another keyword is another line
        return self._own(words, keywords)

    def _by_meaning(self, words: Texts, keywords: Sequence[str], number: int) -> str | None:
        """What a vrrp_instance has a name for."""
        instance = next((one for one in self.instances if one.line <= number <= one.last), None)
        pattern = {"priority": _PRIORITY, "state": _STATE, "interface": NAME}.get(keywords[0])
        if instance is None or pattern is None or not all(map(pattern.fullmatch, words)):
            return None
        name = keywords[0]
        if name != "interface" and len(self.instances) > 1:
            if not NAME.fullmatch(instance.name):
                return None
            name = f"{name}.{instance.name}"
        if self.values.setdefault(name, words) != words:
            return None
        return f"${{node.{name}}}"

    def _by_node(self, words: Texts) -> str | None:
        """What the node's own name and address, or its one peer's, explain."""
        for name, values, edge in self._explanations():
            reference = f"${{node.{name}}}"
            words = tuple(
                re.sub(f"(?<![{edge}]){re.escape(value)}(?![{edge}])", reference, word)
                for word, value in zip(words, values, strict=True)
            )
            if len(set(words)) == 1:
                return words[0]
        return None

    def _explanations(self) -> Iterator[tuple[str, Texts, str]]:
        edge = r"\w.:" if ":" in self.nodes.addresses[0] else r"\w."
        yield "address", self.nodes.addresses, edge
        if len(self.nodes.names) == 2:
            yield "peers", self.nodes.peers_of_two, edge
        if "interface" in self.values:
            yield "interface", self.values["interface"], r"\w.-"
        if not {"node", *NODE_NAMES}.intersection(self.nodes.names):
            yield "name", self.nodes.names, r"\w"

    def _own(self, words: Texts, keywords: Sequence[str]) -> str:
        """A variable of the node's, for what differs within the word."""
        head, tail = _common(words, _HEAD, 1), _common(words, _TAIL, -1)
        if any(len(word) < len(head) + len(tail) for word in words):
            tail = ""
        cores = tuple(word[len(head) : len(word) - len(tail)] for word in words)
        keyword = _NO_NAME.sub("_", keywords[0]).strip("_") if keywords else "line"
        return head + self._variable(cores, keyword if keyword[:1].isalpha() else "comment") + tail

    def _variable(self, values: Texts, wish: str) -> str:
        """The reference to a variable: the one that has these values, or a new one."""
        own = {name: value for name, value in self.values.items() if name.partition(".")[0] not in NODE_NAMES}
        name = next((name for name, value in own.items() if value == values), "")
        number, base = 1, f"{wish}_word" if wish in NODE_NAMES else wish
        while not name:
            candidate = base if number == 1 else f"{base}_{number}"
            name, number = "" if candidate in own else candidate, number + 1
        self.values[name] = values
        return f"${{node.{name}}}"


def _common(words: Texts, edge: re.Pattern[str], step: int) -> str:
    """What all words begin with (step 1) or end with (-1), up to a mark that separates."""
    length = 0
    while length < min(map(len, words)):
        at = length if step == 1 else -1 - length
        if len({word[at] for word in words}) > 1:
            break
        length += 1
    shared = words[0][:length] if step == 1 else words[0][len(words[0]) - length :]
    match = edge.search(shared)
    return match[0] if match else ""
