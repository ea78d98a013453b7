"""The cluster that runs take place on: brought up, led to what a case begins with, changed under load."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lbctl.lab import Lab, LabSpec
from lbctl.lab.load_report import LoadReport
from lbctl.rollout.run import CONFIRM_WITHIN
from tests.lab.conftest import Labs
from tests.lab.job.offers import offer
from tests.lab.job.steps import Done, Site, eventually, make_site, tell
from tests.lab.job.test_lossless import moved
from tests.lab.lossless.cases import EDITS, REQUESTS, SLOW, Case, Deed, Result
from tests.lab.lossless.clusters import CONTROLLERS, NODES, Net, Ruleset
from tests.lab.sampler import Timeline, sampled

SETTLE = 30.0  # seconds for an election, or HAProxy's three checks of a dead server
LONGEST = 400.0  # seconds of load
DEAD, KEPT_OUT = CONTROLLERS[2], f"keystone-api/{CONTROLLERS[1]}"
ALLOWED = "drift,split,vip-removed"
PACKAGES = ("haproxy", "keepalived")
COMMANDS = {Deed.RESTART: ("restart", "haproxy"), Deed.UPGRADE: ("upgrade", *PACKAGES)}
_SOCKET = "UNIX-CONNECT:/run/haproxy/admin.sock"


@dataclass
class Ground:
    """One lab at a time: of the net that was asked for last."""

    labs: Labs
    root: Path
    net: Net | None = None
    rules: Ruleset | None = None
    site: Site | None = None

    def on(self, net: Net) -> Site:
        """The site, serving as the net's cluster file says, each VIP on its master, nothing left behind."""
        if self.site is None or self.net is None or self.net.lab != net.lab:
            self.site = self._boot(net)
        site, self.net = self.site, net
        self._guard(site)
        site.write(net.text(site.name))
        # of a run that has failed a node may have kept what its own undo takes away
        eventually(lambda: site.at_work() == {}, CONFIRM_WITHIN + SETTLE)
        if site.plan()["changes"]:
            site.apply("--allow", ALLOWED)
        eventually(lambda: at_home(site, net), SETTLE)
        return site

    def _boot(self, net: Net) -> Site:
        if self.site is not None:
            self.labs.down(self.site.lab)
        name, self.rules = f"lossless-{self.labs.prefix()}", None

        def up(spec: LabSpec) -> Lab:
            return self.labs.up(net.spec(spec))

        return make_site(self.root / name, name, net.text(name), up)

    def _guard(self, site: Site) -> None:
        """The net's ruleset on every node, and no other net's."""
        wanted = self.net.rules if self.net else None
        if wanted == self.rules:
            return
        for node in NODES:
            for script in (self.rules and self.rules.down, wanted and wanted.up):
                if script:
                    site.sh(node, script)
        self.rules = wanted

    def run(self, case: Case, least: int = REQUESTS, slow: int = SLOW) -> Result:
        """There and back under load, as often as it takes for so many requests. Says what each cost."""
        site = self.on(case.net)
        began, laps = time.monotonic(), list[Lap]()
        with one_dead(site) if case.dead else _untouched():
            while sum(one.report.requests for one in laps) < least or sum(map(_slow, laps)) < slow:
                laps.append(lap(site, case))
                tell(f"{case}, {laps[-1].seconds:.1f} s:", *laps[-1].lines())
        return Result(
            case=str(case),
            requests=sum(one.report.requests for one in laps),
            slow=sum(map(_slow, laps)),
            failed=sum(one.report.failed for one in laps),
            bound=0,
            none=max(line.longest(0) for one in laps for line in one.timelines),
            seconds=time.monotonic() - began,
            good=not any(one.report.failed for one in laps),
        )


@dataclass(frozen=True)
class Lap:
    """Once there and back: what the clients and the nodes' kernels saw, and what lbctl said of the moves."""

    report: LoadReport
    timelines: tuple[Timeline, ...]
    said: tuple[str, ...]
    seconds: float

    def lines(self) -> Iterator[str]:
        yield from self.said
        yield from self.report.lines()
        for timeline in self.timelines:
            yield from timeline.lines()


def _slow(lap: Lap) -> int:
    return lap.report.kinds["slow"].requests


def lap(site: Site, case: Case) -> Lap:
    """Raises AssertionError where the deed was not done, a VIP did not move as it should, or plainly."""
    net = case.net
    if case.deed is Deed.UPGRADE:
        _offer(site)
    began = time.monotonic()
    with (
        sampled(site.lab) as sampler,
        site.lab.load(targets=net.targets, clients=case.clients, seconds=LONGEST) as load,
    ):
        done = _do(site, case)
        report = load.stop()
    timelines = tuple(sampler.timeline(vip) for vip in net.vips)
    said = tuple(_said(done))
    found = Lap(report, timelines, said, time.monotonic() - began)
    text = "\n".join(found.lines())
    assert not [one for one in said if "plainly" in one or "not losslessly" in one], text
    assert sum(len(moved(one.holders)) - 1 for one in timelines) == len(said), text
    for master, timeline in zip(net.masters, timelines, strict=True):
        path = moved(timeline.holders)
        assert path[0] == path[-1] == master, text
        assert (len(path) > 1) == case.deed.moves, text
    assert site.left_behind() == {}, text
    return found


def _do(site: Site, case: Case) -> list[Done]:
    before = {node: site.pids(node, "haproxy") for node in NODES}
    if case.deed in COMMANDS:
        done = [site.lbctl(*COMMANDS[case.deed], "--yes", "--json")]
    else:
        text = case.net.text(site.name)
        done = [_applied(site, one) for one in (EDITS[case.deed](case.net, text), text)]
    after = {node: site.pids(node, "haproxy") for node in NODES}
    restarted = {node for node in NODES if before[node] != after[node]}
    assert restarted == (set(NODES) if case.deed.moves else set()), restarted
    return done


def _offer(site: Site) -> None:
    """A higher version of each package, on every node."""
    for node in NODES:
        for package in PACKAGES:
            offer(site, node, package, f"+lap{time.time():.0f}")


def _applied(site: Site, text: str) -> Done:
    site.write(text)
    done = site.apply("--allow", ALLOWED)
    assert {node["what"] for node in done.report["nodes"]} == {"changed"}, done.out
    return done


def _said(done: list[Done]) -> Iterator[str]:
    """Of every step that moved a VIP, how."""
    for line in (line for one in done for line in one.lines if line["event"] == "done"):
        if "lossless" in line["said"] or "plainly" in line["said"]:
            yield f"{line['node']} {line['step']}: {line['said']}"


def at_home(site: Site, net: Net) -> bool:
    """Is each VIP on its master, and nowhere else?"""
    return [site.holders(vip) for vip in net.vips] == [(master,) for master in net.masters]


@contextmanager
def _untouched() -> Iterator[None]:
    yield


@contextmanager
def one_dead(site: Site) -> Iterator[None]:
    """A controller does not answer, and every HAProxy knows; a server of another is in maint by hand.

    Raises AssertionError where it is so no more afterwards.
    """
    site.lab.controller_stop(DEAD)
    _everywhere(site, f"echo 'set server {KEPT_OUT} state maint' | socat - {_SOCKET}")
    try:
        eventually(lambda: all(_is(site, node, DEAD, "DOWN") for node in NODES), 2 * SETTLE)
        yield
        backend, _, server = KEPT_OUT.partition("/")
        kept = [node for node in NODES if _is(site, node, server, "MAINT", backend)]
        assert kept == list(NODES), f"no more in maint but on {kept}"
    finally:
        site.lab.controller_start(DEAD)
        _everywhere(site, f"echo 'set server {KEPT_OUT} state ready' | socat - {_SOCKET}")
    eventually(lambda: all(_is(site, node, DEAD, "UP") for node in NODES), 2 * SETTLE)


def _everywhere(site: Site, script: str) -> None:
    for node in NODES:
        site.sh(node, script)


def _is(site: Site, node: str, server: str, status: str, backend: str = "") -> bool:
    """Does the node's HAProxy say so of the server, in this backend or in all?"""
    rows = site.sh(node, f"echo 'show stat' | socat -t 5 - {_SOCKET} | cut -d, -f1,2,18").splitlines()
    found = [row.split(",") for row in rows]
    said = [word for name, one, word in found if one == server and backend in ("", name)]
    return bool(said) and all(word.split(" ")[0] == status for word in said)
