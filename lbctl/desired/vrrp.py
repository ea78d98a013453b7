"""The `keepalived:` mapping as lines of keepalived.conf.

Names are the daemon's own: a mapping is a block, a list the keyword repeated or the lines of its block,
`true` the bare keyword.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lbctl.desired.fill import Filling, Line, lines
from lbctl.desired.secrets import Ref
from lbctl.desired.tree import Entry, Findings, Map, Scalar, Tree
from lbctl.desired.tree import Sequence as Items
from lbctl.document.nearest import nearest
from lbctl.errors import InputError, Place
from lbctl.keepalived import quote
from lbctl.keepalived.keywords import FLAGS, KNOWN, LISTS, NAMED, SEVERAL_WORDS
from lbctl.model.ip import is_interface

INDENT = "    "
SECRET_WORDS = frozenset({"auth_pass", "password"})

_BLOCK_NAME = re.compile(r"[A-Za-z0-9._:/$@{}~-]+( [A-Za-z0-9._:/-]+)*")
_NOT_IN_LINES = re.compile(r"[#!{}\"\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Vrrp:
    """What one node brings to its instances; a mapping goes by the instance's name."""

    name: str
    priority: int | Mapping[str, int] | None
    state: str | Mapping[str, str] | None
    interface: str | None
    vips: Mapping[str, Sequence[str]]
    place: Place
    priority_is_wrong: bool = False


def configuration(part: Map, node: Vrrp, filling: Filling) -> list[Line]:
    """The file's lines. What is wrong is in the filling's findings."""
    writer = _Writer(node, filling)
    for keyword, value in part.items():
        if keyword == "config" and isinstance(value, Scalar):
            writer.apart()
            writer.out += lines(value, filling)
        else:
            writer.root(keyword, part.entries[keyword])
    return writer.out


@dataclass
class _Writer:
    node: Vrrp
    filling: Filling
    out: list[Line] = field(default_factory=list)

    @property
    def findings(self) -> Findings:
        return self.filling.findings

    def put(self, depth: int, text: str, place: Place) -> None:
        self.out.append(Line(INDENT * depth + text, place))

    def apart(self) -> None:
        """An empty line between two blocks."""
        if self.out:
            self.out.append(Line("", self.out[-1].place))

    def root(self, keyword: str, entry: Entry) -> None:
        """One keyword of the top level; a named one has a block for each of its names."""
        self._known(ROOT, keyword, entry.place)
        if keyword not in NAMED:
            self.apart()
            self._statement(keyword, entry, 0)
            return
        if not isinstance(entry.value, Map):
            self.findings.error(f"keepalived.{keyword}: not a mapping from names", entry.place, _NAMES)
            return
        for name, block in entry.value.entries.items():
            self.apart()
            self._named(keyword, name, block, 0)

    def _named(self, keyword: str, name: str, block: Entry, depth: int) -> None:
        path = f"keepalived.{keyword}.{name}"
        if not _BLOCK_NAME.fullmatch(name):
            self.findings.error(f"{path}: not a name", block.place, "A-Z a-z 0-9 . _ : / -")
            return
        if not isinstance(block.value, Map):
            self.findings.error(f"{path}: not a mapping", block.place, f"{name}: {{keyword: value, …}}")
            return
        body = self._instance(name, block) if keyword == "vrrp_instance" else block.value
        self._block(f"{keyword} {name}", keyword, body, block.place, depth)

    def _block(self, header: str, keyword: str, body: Map, place: Place, depth: int) -> None:
        self.put(depth, header + " {", place)
        for word, entry in body.entries.items():
            self._known(keyword, word, entry.place)
            if word in NAMED and word not in LISTS and isinstance(entry.value, Map):
                for name, block in entry.value.entries.items():
                    self._named(word, name, block, depth + 1)
            else:
                self._statement(word, entry, depth + 1)
        self.put(depth, "}", place)

    def _statement(self, keyword: str, entry: Entry, depth: int) -> None:
        """One keyword with its value, in whatever form the value has."""
        value = entry.value
        if not re.fullmatch(r"[A-Za-z_$@~][\w.]*", keyword):
            self.findings.error(f"{keyword!r} is not a keyword", entry.place, "one word of letters and _")
        elif keyword in LISTS and not (isinstance(value, Scalar) and isinstance(value.value, bool | None)):
            self._listing(keyword, value, entry.place, depth)
        elif isinstance(value, Items):
            for item in value.items:
                self._statement(keyword, Entry(entry.place, item), depth)
        elif isinstance(value, Scalar):
            self._scalar(keyword, value, entry.place, depth)
        elif ref := self._reference(value):
            word = self.filling.secret(ref, value.place, keyword)
            self.put(depth, f"{keyword} {self._quoted(word, value.place)}", value.place)
        else:
            self._block(keyword, keyword, value, entry.place, depth)

    def _scalar(self, keyword: str, value: Scalar, place: Place, depth: int) -> None:
        if value.value is None:
            mend = "write true for the bare keyword, or a value"
            self.findings.error(f"keepalived: {keyword} has no value", place, mend)
        elif isinstance(value.value, bool):
            if value.value:
                self.put(depth, keyword, place)
        elif value.lines and (keyword in KNOWN or not self._is_known(keyword)):
            self.put(depth, keyword + " {", place)
            self.out += lines(value, self.filling, INDENT * (depth + 1))
            self.put(depth, "}", place)
        else:
            self.put(depth, f"{keyword} {self._value(keyword, value)}", value.place)

    def _value(self, keyword: str, value: Scalar) -> str:
        """A value as the daemon reads it back; anything wrong with it is said."""
        if keyword in SECRET_WORDS and not isinstance(value.value, str):
            text = f"keepalived: {keyword} is a number to YAML, and may lose its zeros"
            self.findings.error(text, value.place, f'quote it: {keyword}: "…", or better {{env: NAME}}')
        if keyword in FLAGS and value.text in ("yes", "no", "on", "off"):
            text = f"keepalived: {keyword} {value.text}: a word here, not true or false"
            self.findings.warn(text, value.place, f"write {keyword}: true", "yes-no")
        text = value.text.removesuffix("\n") if value.lines else value.text
        filled = self.filling.word(text, value.place, keyword)
        if keyword in SEVERAL_WORDS and "\n" not in filled:
            return " ".join(self._quoted(word, value.place) for word in filled.split())
        return self._quoted(filled, value.place)

    def _quoted(self, word: str, place: Place) -> str:
        try:
            return quote(word)
        except InputError as error:
            mend = "one word or one line means that; a block of lines is written with |"
            self.findings.error(f"keepalived: {error.problems[0].text}", place, mend)
            return '""'

    def _listing(self, keyword: str, value: Tree, place: Place, depth: int) -> None:
        """The lines of a list's block; virtual_ipaddress takes the names of VIPs too."""
        inner = INDENT * (depth + 1)
        if isinstance(value, Scalar) and value.lines:
            found = [Line(line.text.strip(), line.place) for line in lines(value, self.filling)]
        else:
            found = list(self._items(keyword, value))
        other: list[Line] = []
        if keyword.startswith("virtual_ipaddress"):
            found, other = self._addresses(found)
        self.put(depth, keyword + " {", place)
        self.out += [Line(inner + line.text, line.place) for line in found]
        self.put(depth, "}", place)
        if other:
            self.put(depth, "virtual_ipaddress_excluded {", place)
            self.out += [Line(inner + line.text, line.place) for line in other]
            self.put(depth, "}", place)

    def _items(self, keyword: str, value: Tree) -> Iterator[Line]:
        items = value.items if isinstance(value, Items) else (value,)
        for item in items:
            if not isinstance(item, Scalar) or item.value is None or isinstance(item.value, bool):
                mend = "one line of text each; lines with # : { or [ stand in a | block"
                self.findings.error(f"keepalived.{keyword}: an item is not a line", item.place, mend)
                continue
            if _NOT_IN_LINES.search(re.sub(r"\$\{[^}]*\}", "", item.text)):
                mend = "write the lines in a | block"
                self.findings.error(
                    f"keepalived.{keyword}: a line with # ! {{ }} or a quote", item.place, mend
                )
                continue
            yield from (Line(text, item.place) for text in self.filling.line(item.text, item.place))

    def _addresses(self, found: list[Line]) -> tuple[list[Line], list[Line]]:
        """Names of VIPs replaced by their addresses. An instance has one family: the other one is excluded
        from its adverts, as keepalived wants it."""
        written: list[Line] = []
        for line in found:
            name, _, rest = line.text.strip().partition(" ")
            for address in self.node.vips.get(name, (name,)):
                text = f"{address} {rest}".strip()
                written.append(Line(text, line.place))
                if name and not _may_be_address(address):
                    known = ", ".join(self.node.vips)
                    mend = f"an address, or one of the names under vips: {known}" if known else ""
                    self.findings.error(f"{name} is neither a VIP nor an address", line.place, mend)
        families = [":" in line.text.partition(" ")[0] for line in written]
        same = [line for line, family in zip(written, families, strict=True) if family == families[0]]
        return same, [line for line, family in zip(written, families, strict=True) if family != families[0]]

    def _instance(self, name: str, block: Entry) -> Map:
        """The instance with what is the node's: `state`, `priority` after it, `interface`."""
        body = block.value
        assert isinstance(body, Map)
        entries = dict(body.entries)
        path = f"keepalived.vrrp_instance.{name}"
        state, priority = _own(self.node.state, name), _own(self.node.priority, name)
        if state is not None:
            entries["state"] = self._entry(state)
            entries = {"state": entries.pop("state")} | entries if "state" not in body.entries else entries
        if "priority" not in entries:
            if priority is None and not self.node.priority_is_wrong:
                mend = f"nodes: {self.node.name}: {{priority: 100}}"
                self.findings.error(
                    f"node {self.node.name} has no priority for {name}", self.node.place, mend
                )
            elif priority is not None:
                entries = _after(entries, "state", "priority", self._entry(priority))
        elif priority is not None and not _asks(entries["priority"].value):
            mend = "leave it to the nodes"
            self.findings.error(f"{path}.priority is the nodes' too", entries["priority"].place, mend)
        if self.node.interface is not None:
            entry = self._entry(self.node.interface)
            given = "interface" in entries
            entries = (
                entries | {"interface": entry} if given else _after(entries, "priority", "interface", entry)
            )
        if "interface" not in entries:
            self.findings.error(f"{path} has no interface", block.place, "interface: eth0")
        return Map(entries, body.place)

    def _entry(self, value: object) -> Entry:
        return Entry(self.node.place, Scalar(str(value), str(value), self.node.place))

    def _reference(self, value: Map) -> Ref | None:
        """`{env: NAME}` or `{file: PATH}` in the place of a value."""
        if len(value.entries) != 1:
            return None
        kind, where = next(value.items())
        if kind in ("env", "file") and isinstance(where, Scalar) and isinstance(where.value, str):
            return Ref(kind, where.text, value.place)
        return None

    def _is_known(self, keyword: str) -> bool:
        return any(keyword in words for words in KNOWN.values())

    def _known(self, block: str, keyword: str, place: Place) -> None:
        words = KNOWN.get(block)
        if words is None or keyword in words or keyword[:1] in "$@~":
            return
        close = nearest(keyword, sorted(words))
        mend = f"did you mean {close}? " if close else ""
        inside = f"in {block}" if block != ROOT else "at the top level"
        text = f"keepalived: {keyword} is unknown {inside}, and passed on as it is"
        self.findings.warn(text, place, f"{mend}The daemon's own check decides.", "unknown-keyword")


ROOT = ""
_NAMES = "NAME: {keyword: value, …}"


def _own(value: object, instance: str) -> object:
    """A node's value for an instance: its own, or the one for all."""
    return value.get(instance) if isinstance(value, Mapping) else value


def _asks(value: Tree) -> bool:
    """The value is ${node.priority}: it only says where the node's own shall stand."""
    return isinstance(value, Scalar) and "${node.priority" in value.text


def _after(entries: dict[str, Entry], before: str, key: str, entry: Entry) -> dict[str, Entry]:
    """The entries with a new one after `before`, or in front when that is not there."""
    if before not in entries:
        return {key: entry} | entries
    found: dict[str, Entry] = {}
    for name, value in entries.items():
        found[name] = value
        if name == before:
            found[key] = entry
    return found


def _may_be_address(text: str) -> bool:
    """One, or the daemon's own definition or condition, which may become one."""
    return is_interface(text) or "$" in text or "@" in text
