"""An upgrade as changes like any other: a daemon that begins anew, and before that its package.

It is as little mixed with a change of configuration as a restart is. The nodes differ for a while: each is
proved to serve with the new version before the next one gets it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from lbctl.errors import Problem
from lbctl.model.change import Action, Change, Difference, Standing
from lbctl.model.cluster import Cluster
from lbctl.model.effect import Effect, Impact
from lbctl.model.facts import Facts
from lbctl.model.resource import Address, resource
from lbctl.model.restart import Restart
from lbctl.model.upgrade import Offer, Upgrade
from lbctl.planning.restart import refusals, restarts

_MENDS = {
    "unknown": "packages are upgraded by apt alone; elsewhere: upgrade by hand, then lbctl restart",
    "not-installed": "name the package that is there; what the cluster file wants lbctl apply installs",
    "no-candidate": "look at apt's sources on the node",
    "pinned": "let version: in the cluster file match, or have apt choose one that does (apt_preferences)",
    "held": "if the upgrade is meant, on the node: apt-mark unhold",
    "one-way": "the undo would leave the new version; if that is meant: --allow one-way",
}


def begun_anew(
    wish: Restart, cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> tuple[list[Change], tuple[Problem, ...]]:
    """The changes of a restart or an upgrade, and what stands in its way.

    `changes` are what the cluster file would change.
    """
    if isinstance(wish, Upgrade):
        return upgrades(wish, cluster, gathered, changes)
    return restarts(wish, gathered, changes)


def upgrades(
    wish: Upgrade, cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> tuple[list[Change], tuple[Problem, ...]]:
    """A change for each package that is not at its candidate. A node that has none of those is no matter."""
    nodes = wish.among(gathered)
    due = {name: [one for one in wish.offers.get(name, ()) if one.due] for name in nodes}
    refused, problems = refusals(
        {name: [one.package for one in found] for name, found in due.items() if found}, gathered, changes
    )
    wrong: dict[tuple[str, str], list[str]] = {}
    for name in nodes:
        for one in _wrong(wish, cluster, name):
            wrong.setdefault(one, []).append(name)
    found = [
        _upgrade(name, one) for name in nodes if name not in refused for one in due[name] if one.candidate
    ]
    problems += tuple(
        Problem(
            f"{', '.join(names)}: {text}",
            level="unsafe" if code == "one-way" else "error",
            code=code,
            mend=_MENDS[code],
        )
        for (code, text), names in wrong.items()
    )
    return found, (*problems, *wish.warnings)


def _wrong(wish: Upgrade, cluster: Cluster, name: str) -> Iterator[tuple[str, str]]:
    """Code and text of what is wrong with a node's offers."""
    if name not in wish.offers:
        yield "unknown", "apt-cache did not answer"
    pins = {package.name: package.version for package in cluster.node(name).packages}
    for one in wish.offers.get(name, ()):
        code, text = _complaint(one, pins.get(one.package, ""))
        if code:
            yield code, f"{one.package} {text}"


def _complaint(offer: Offer, pin: str) -> tuple[str, str]:
    """Code and text, the worst alone; an empty code = all is well."""
    if not offer.installed:
        return "not-installed", "is not installed"
    if not offer.candidate:
        return "no-candidate", f"{offer.installed} has no candidate"
    if not offer.due:
        return "", ""
    if pin and not fnmatchcase(offer.candidate, pin):
        return "pinned", f"is kept to {pin} by the cluster file, and its candidate is {offer.candidate}"
    if offer.held:
        return "held", f"is on hold at {offer.installed}"
    if not offer.again:
        return "one-way", f"{offer.installed} can be had no more: neither apt's cache nor a source has it"
    return "", ""


def _upgrade(node: str, offer: Offer) -> Change:
    address = Address(node, "package", offer.package)
    moved = Difference("version", offer.installed, offer.candidate, offer.installed, Standing.PENDING)
    live = resource(address, {"version": offer.installed, "again": offer.again})
    effects = (Effect(offer.package, Impact.RESTART),)
    note = f"apt brings along {', '.join(offer.along)}; an undo leaves that" if offer.along else ""
    return Change(address, Action.UPGRADE, Standing.PENDING, (moved,), effects, note=note, live=live)
