"""The short forms of a cluster file, written out: `keystone: 5000` is `keystone: {port: 5000}`.

Works on the tree, so every value keeps its place; a value of a wrong shape is left for the models to refuse.
"""

from __future__ import annotations

from collections.abc import Callable

from lbctl.desired.tree import Entry, Map, Scalar, Sequence, Tree, merged

Rule = Callable[[Tree], Tree]

OVERRIDES = ("packages", "sysctl", "services", "files", "keepalived", "haproxy")
"""The keys that a node can override."""


def written_out(tree: Map) -> Map:
    """The same in the long form; nothing stands for an empty mapping where one is wanted."""
    return _applied(tree, (*_RULES, *_EMPTIES))


def overridden(base: Map, over: Map) -> Map:
    """The top level's parts with a node's overrides: mappings merge, lists and scalars replace, null removes.

    `base` is written out, `over` is as it stands in the file. Where a list of names is short for a mapping
    (packages, services), a list replaces it and a mapping merges with it.
    """
    long = _applied(over, _RULES)
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        if isinstance(entry.value, Scalar) and entry.value.value is None:
            entries.pop(key, None)
        elif key in entries and not isinstance(entry.value, Sequence):
            value = merged(entries[key].value, long.entries[key].value)
            entries[key] = Entry(entry.place, value)
        else:
            entries[key] = long.entries[key]
    return written_out(Map(entries, base.place))


def _applied(tree: Map, rules: tuple[tuple[tuple[str, ...], Rule], ...]) -> Map:
    long: Tree = tree
    for pattern, rule in rules:
        long = _apply(long, pattern, rule)
    return long if isinstance(long, Map) else tree


def _under(key: str) -> Rule:
    """A bare value stands for the mapping that has it under `key`."""

    def rule(tree: Tree) -> Tree:
        if isinstance(tree, Scalar) and tree.value is not None:
            return Map({key: Entry(tree.place, tree)}, tree.place)
        return tree

    return rule


def _listed(tree: Tree) -> Tree:
    """One value stands for a list of one, nothing for an empty one."""
    if isinstance(tree, Scalar):
        return Sequence(() if tree.value is None else (tree,), tree.place)
    return tree


def _keyed(tree: Tree) -> Tree:
    """A name, or a list of names, stands for a mapping from names to nothing."""
    tree = tree if isinstance(tree, Map) else _listed(tree)
    if not isinstance(tree, Sequence):
        return tree
    names = [item for item in tree.items if isinstance(item, Scalar) and isinstance(item.value, str)]
    if len(names) != len(tree.items):
        return tree
    nothing = {n.text: Entry(n.place, Scalar("", None, n.place)) for n in names}
    return Map(nothing, tree.place)


def _empty(tree: Tree) -> Tree:
    """Nothing stands for a mapping without keys."""
    if isinstance(tree, Scalar) and tree.value is None:
        return Map({}, tree.place)
    return tree


_RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("ssh",), _under("host")),
    (("nodes", "*"), _under("address")),
    (("nodes", "*", "ssh"), _under("host")),
    (("controllers", "*"), _under("address")),
    (("members", "*", "*"), _under("address")),
    (("additions",), _listed),
    (("vips", "*"), _listed),
    (("packages",), _keyed),
    (("services",), _keyed),
    (("files", "*", "after"), _listed),
    (("keepalived",), _under("config")),
    (("haproxy",), _under("config")),
    (("haproxy", "services", "*"), _under("port")),
    (("haproxy", "service_defaults", "bind"), _listed),
    (("haproxy", "services", "*", "bind"), _listed),
)

_EMPTIES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("ssh",), _empty),
    (("nodes", "*", "ssh"), _empty),
    (("packages",), _empty),
    (("sysctl",), _empty),
    (("services", "*"), _empty),
    (("controllers",), _empty),
    (("members",), _empty),
    (("vips",), _empty),
    (("secrets",), _empty),
    (("haproxy", "service_defaults"), _empty),
    (("files",), _empty),
    (("haproxy", "services"), _empty),
)


def _apply(tree: Tree, pattern: tuple[str, ...], rule: Rule) -> Tree:
    if not pattern:
        return rule(tree)
    if not isinstance(tree, Map):
        return tree
    step, rest = pattern[0], pattern[1:]
    if step != "*" and step not in tree.entries:
        return tree
    entries = dict(tree.entries)
    for key in list(entries) if step == "*" else [step]:
        entries[key] = Entry(entries[key].place, _apply(entries[key].value, rest, rule))
    return Map(entries, tree.place)
