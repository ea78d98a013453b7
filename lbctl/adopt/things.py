"""What import says of what it found: taken, different, left, other hands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lbctl.adopt.daemons import Daemons
from lbctl.adopt.live import DAEMONS, PACKAGES, SYSCTLS
from lbctl.adopt.nodes import Subject
from lbctl.adopt.secrets import Safe
from lbctl.adopt.values import sysctls
from lbctl.model.adoption import Thing
from lbctl.model.cluster import MAIN_FILES


def taken(nodes: Sequence[Subject], safe: Safe) -> Iterator[Thing]:
    """Packages, sysctls, services and secrets."""
    for name in PACKAGES:
        if here := tuple(node.name for node in nodes if name in node.live.packages):
            yield Thing(f"package {name}", here, "at any version")
    for key in SYSCTLS:
        for value in sorted({str(sysctls(node)[key]) for node in nodes if key in sysctls(node)}):
            here = tuple(node.name for node in nodes if str(sysctls(node).get(key)) == value)
            yield Thing(f"sysctl {key}", here, f"= {value}")
    for unit in DAEMONS:
        for state in sorted({node.live.services.get(unit, (False, False)) for node in nodes}, reverse=True):
            here = tuple(n.name for n in nodes if n.live.services.get(unit, (False, False)) == state)
            here = tuple(n.name for n in nodes if n.name in here and MAIN_FILES[unit] in n.live.files)
            text = f"{'enabled' if state[0] else 'disabled'}, {'active' if state[1] else 'stopped'}"
            if here:
                yield Thing(f"service {unit}", here, text)
    for secret, name in safe.names.items():
        how = ", put in as it is: its daemon reads it otherwise" if secret.as_is else ""
        yield Thing(f"secret {name}", (), f"secrets/{name}{how}")


def differences(made: Daemons) -> Iterator[Thing]:
    """Each reference, and what it is on each node."""
    names = tuple(node.name for node in made.nodes)
    for name, values in made.values.items():
        said = (f"{node}: {_visible(value)}" for node, value in zip(names, values, strict=True))
        yield Thing(f"${{node.{name}}}", names, ", ".join(said))


def _visible(value: str) -> str:
    """Where it begins and ends is seen."""
    return value if value and value == value.strip() and "," not in value else f'"{value}"'


def left(nodes: Sequence[Subject]) -> Iterator[Thing]:
    """Sysctls that a plan would have to change, and packages of another tool than apt."""
    if other := tuple(node.name for node in nodes if not node.live.packages):
        yield Thing("packages", other, "only apt is known, and it has none of them")
    for key in SYSCTLS:
        for node in nodes:
            live, boot = node.live.sysctls.get(key, (None, None))
            if live != boot and (boot is not None or live not in (None, "0")):
                said = "sets nothing" if boot is None else f"sets {boot}"
                yield Thing(f"sysctl {key}", (node.name,), f"it is {live}, and the next boot {said}")


def hands(nodes: Sequence[Subject]) -> Iterator[Thing]:
    """Other tools, alike on several nodes once."""
    found: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for node in nodes:
        for hand in node.live.hands:
            found.setdefault((hand.tool, hand.evidence, hand.advice), []).append(node.name)
    for (tool, evidence, advice), names in found.items():
        yield Thing(tool, tuple(names), f"{', '.join(evidence)}: {advice}")
