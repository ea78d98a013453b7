"""Packages at their new versions, with the services held back, and the word of the new binaries on what they
will read. The daemons go on as they are: they begin anew in the next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.errors import RemoteError
from lbctl.gather import gather_node
from lbctl.host.package import versions, versions_probe
from lbctl.model.change import Change
from lbctl.model.command import command
from lbctl.model.facts import Facts
from lbctl.rollout.run import Run
from lbctl.rollout.stage import check, complaints, verdicts

_SECONDS = 300


def do(run: Run, node: str) -> str:
    """Raises RemoteError when apt fails, when a daemon did not go on as it was, and with the new binary's
    words when it refuses its files.
    """
    run.under_way.add(node)
    wanted = {change.address.name: str(change.differences[0].after) for change in run.upgrades(node)}
    names = [f"{name}={version}" for name, version in wanted.items()]
    before = gather_node(run.node(node), run.transport)
    old, _, new = run.call(
        node, [check([*wanted]), command("apt_upgrade", *names), check([*wanted])], _SECONDS
    )
    found = _versions(run, node)
    for name, version in wanted.items():
        if found.get(name) != version:
            raise RemoteError(node, f"{name} is {found.get(name) or 'not installed'}, not {version}")
    _went_on(before, gather_node(run.node(node), run.transport))
    earlier, now = verdicts(old)[0], verdicts(new)[0]
    for name, version in wanted.items():
        _refuse(run, node, f"{name} {version}", complaints(earlier.get(name), now.get(name)))
    return f"{', '.join(names)} installed, and its check has passed"


def _refuse(run: Run, node: str, package: str, said: Sequence[str]) -> None:
    """Raises RemoteError with what the package's new binary complains of, if anything."""
    if said:
        raise RemoteError(
            node,
            f"{package} refuses its configuration",
            evidence=[run.scrub(node, line) for line in said],
            mend="change what it names (lbctl apply), or keep to the old one by version: in the cluster file",
        )


def _went_on(before: Facts, now: Facts) -> None:
    """Raises RemoteError where a package has started, stopped or restarted a daemon by itself."""
    for was in before.daemons:
        one = now.daemon(was.unit)
        if one is None or (one.active, one.main_pid) != (was.active, was.main_pid):
            raise RemoteError(now.node, f"{was.unit} did not go on as it was while its package was installed")


def not_back(run: Run, node: str) -> Iterator[str]:
    """The packages of an undone upgrade that have not the version from before. Raises NodeError."""
    changes = run.upgrades(node)
    found = _versions(run, node) if changes else {}
    for change in changes:
        name = change.address.name
        if found.get(name) != _before(change):
            yield f"{name} is {found.get(name) or 'not installed'}, not {_before(change)}"


def _before(change: Change) -> str:
    return str(change.differences[0].before)


def _versions(run: Run, node: str) -> Mapping[str, str]:
    """Raises RemoteError when dpkg-query does not answer."""
    probe = versions_probe([change.address.name for change in run.upgrades(node)])
    found = versions(run.transport.ask(node, [probe]))
    if found is None:
        raise RemoteError(node, "dpkg-query did not answer")
    return found
