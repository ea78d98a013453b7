"""What the cluster file says, key by key."""

from __future__ import annotations

from collections.abc import Mapping

from lbctl.adopt.clusterfile import Value
from lbctl.adopt.daemons import Daemons, shared
from lbctl.adopt.files import Others
from lbctl.adopt.live import DAEMONS, PACKAGES
from lbctl.adopt.nodes import Subject
from lbctl.adopt.secrets import Safe
from lbctl.adopt.template import Texts
from lbctl.model.cluster import MAIN_FILES

COMMENTS = {
    "cluster": "Taken over from the live nodes by lbctl import: the plan right after it is empty.",
    "additions": "What lbctl adds of its own, one by one: stats-socket, drain, server-state, idle-close",
}
_PARTS = ("packages", "sysctl", "services")
_BUILT_IN = ("priority", "state", "interface")


def values(head: Mapping[str, Value], made: Daemons, rest: Others) -> dict[str, Value]:
    """The whole file. `head` is what the command line said; what says nothing is left out."""
    each = {node.name: _parts(node) for node in made.nodes}
    common = {key: shared([one[key] for one in each.values()]) for key in _PARTS}
    nodes = {
        node.name: _node(node, number, made)
        | {key: own for key in _PARTS if (own := _apart(key, each[node.name][key], common[key]))}
        | made.own.get(node.name, {})
        | ({"files": own} if (own := rest.own.get(node.name)) else {})
        for number, node in enumerate(made.nodes)
    }
    found: dict[str, Value] = {
        **head,
        "additions": [],
        "nodes": nodes,
        **{key: _listed(value) for key, value in common.items()},
        **made.common,
        "files": rest.common,
        "secrets": _secrets(made.safe),
    }
    return {key: value for key, value in found.items() if value or key in ("additions", "services")}


def sysctls(node: Subject) -> dict[str, Value]:
    """Those that are as the next boot would set them."""
    found = node.live.sysctls.items()
    return {key: int(live) for key, (live, boot) in found if live in ("0", "1") and live == boot}


def _parts(node: Subject) -> dict[str, dict[str, Value]]:
    """What is on a node, in the long form of the cluster file's own keys."""
    units = [unit for unit in DAEMONS if MAIN_FILES[unit] in node.live.files]
    return {
        "packages": {name: None for name in PACKAGES if name in node.live.packages},
        "sysctl": sysctls(node),
        "services": {unit: _unit(*node.live.services.get(unit, (False, False))) for unit in units},
    }


def _unit(enabled: bool, active: bool) -> Value:
    """Enabled and active is what needs no word."""
    return None if enabled and active else {"enabled": enabled, "active": active}


def _apart(key: str, own: Mapping[str, Value], common: Mapping[str, Value]) -> Value:
    """What the node says of it: a mapping merges with the common one (null would remove), a list replaces."""
    more = {name: {} if value is None else value for name, value in own.items() if name not in common}
    return list(own) if more and key == "packages" else more


def _listed(value: Value) -> Value:
    """A mapping from names to nothing is a list of the names."""
    names_alone = isinstance(value, Mapping) and value and not any(one is not None for one in value.values())
    return list(value) if names_alone and isinstance(value, Mapping) else value


def _node(node: Subject, number: int, made: Daemons) -> dict[str, Value]:
    """What a node has of its own, but for its parts."""
    said: dict[str, Value] = {"address": node.address}
    for key in _BUILT_IN:
        if value := _instance_value(key, number, made.values):
            said[key] = value
    own = {n: v[number] for n, v in made.values.items() if n.partition(".")[0] not in _BUILT_IN}
    said |= {"vars": own} if own else {}
    return said | ({"ssh": {"host": node.live.host}} if node.live.host != node.name else {})


def _instance_value(key: str, number: int, values: Mapping[str, Texts]) -> Value:
    """One value for all instances, or each instance's."""

    def typed(value: str) -> Value:
        return int(value) if key == "priority" else value

    if key in values:
        return typed(values[key][number])
    return {n.partition(".")[2]: typed(v[number]) for n, v in values.items() if n.startswith(f"{key}.")}


def _secrets(safe: Safe) -> dict[str, Value]:
    return {
        name: {"file": f"secrets/{name}", **({"as_is": True} if secret.as_is else {})}
        for secret, name in safe.names.items()
    }
