"""One cell of the matrix: an apply, a fault in the middle of it, and what has to hold then and afterwards."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lbctl.lab import Lab, LabSpec
from lbctl.model.facts import plan_of
from lbctl.model.plan import StepName
from tests.lab.conftest import Labs
from tests.lab.faults.faults import LASTS, STRIKES, WAITED_FOR, busy, within
from tests.lab.faults.holders import held
from tests.lab.faults.matrix import JOINS, LEAVES, ORDER, UPGRADED, Cell, Fault, Way
from tests.lab.job.offers import offer
from tests.lab.job.steps import (
    ALLOW_ALL,
    NODES,
    PORTS,
    Done,
    Site,
    cluster_text,
    eventually,
    four,
    make_site,
    run_until,
    with_files,
)

PACKAGE = "xdg-user-dirs"  # small, starts nothing, and the nodes' package repository has it
DROP_IN = "/etc/systemd/system/haproxy.service.d/limits.conf"
LIMITS = DROP_IN + ': {{content: "[Service]\\nLimitNOFILE={}\\n", after: restart haproxy}}'
FILES = (
    "/etc/haproxy/haproxy.cfg",
    "/etc/keepalived/keepalived.conf",
    "/etc/sysctl.d/99-zz-lbctl.conf",
    DROP_IN,
    "/opt/note",
    "/opt/second",
)
ALLOWED = f"{ALLOW_ALL},node-removed"
DISK_MB = 200  # so small that it is filled at once
SETTLE = 20.0  # seconds for an election, a daemon that comes up again, a port that is bound
STEADY = 4.0  # seconds without a move: the check's two polls, and an election
LOCK = 75.0  # seconds until a lock is given up whose holder is silent, with some to spare

UNITS = PACKAGES = ("haproxy", "keepalived")
UPGRADE = ("upgrade", PACKAGES[-1], "--node", UPGRADED, "--yes", "--json")
# an election is over after 1.2 s, in version 2 with its whole seconds after 3.6
BRISK = (
    ("keepalived:\n", "keepalived:\n  global_defs: {vrrp_version: 3}\n"),
    ("advert_int: 1", "advert_int: 0.3"),
)
# of what peers compare the hardest: it elects anew
ROUTER = ("virtual_router_id: 47", "virtual_router_id: 48")
# and where little but the nodes' own window is waited for, what elects nothing
ADVERT = ("advert_int: 0.3", "advert_int: 0.25")
GONE = ("  lb3: {address: 10.15.85.34, priority: 100}\n", "")

Files = Mapping[str, Mapping[str, str]]
"""By node and path: a digest, or `absent`. By node and daemon: is it enabled, and its package's version?"""


def texts(name: str) -> Mapping[Way, tuple[str, ...]]:
    """By way: cluster files, and what lies between two of them is that way's steps; an upgrade has one.

    The fourth controller goes there and back: under the other name it is another one.
    """
    base = four(cluster_text(name, ("psmisc]", f"psmisc, {PACKAGE}]"), *BRISK))
    moved = base.replace("mesa-virt-04", "mesa-virt-05")
    limits = LIMITS.format(100000)
    one = with_files(base, limits)
    other = with_files(moved, LIMITS.format(200000), '/opt/second: {content: "there\\n"}')
    return {
        Way.APART: (one, other),
        Way.JOINING: (one, with_files(moved, limits)),
        Way.TOGETHER: tuple(b for a in (one, one.replace(*ROUTER)) for b in (a, a.replace(*ADVERT))),
        Way.LEAVING: (one, one.replace(*GONE)),
        Way.UPGRADE: (one,),
    }


def changed(way: Way, fault: Fault, files: Sequence[str], now: str) -> str:
    """Of the way's files the one that a cell goes to from `now`."""
    if way is Way.UPGRADE:
        return now
    if way is not Way.TOGETHER:
        return next(text for text in files if text != now)
    here, there = ADVERT if fault in WAITED_FOR else ROUTER
    return now.replace(here, there) if here in now else now.replace(there, here)


def own(way: Way, step: Mapping[str, object]) -> bool:
    """Is a plan's step one that no other way has?"""
    if way is Way.TOGETHER:
        return bool(step["together"])
    if way is Way.JOINING:
        return step["step"] == str(StepName.LISTEN)
    if way is Way.UPGRADE:
        return step["step"] == str(StepName.UPGRADE)
    return way is Way.APART or step["node"] == LEAVES


def make_ground(labs: Labs, root: Path) -> Ground:
    """The lab with all files' machines, serving, on small disks."""
    name = f"faults-{labs.prefix()}"

    def up(spec: LabSpec) -> Lab:
        return labs.up(replace(spec, nodes=tuple(replace(node, disk_mb=DISK_MB) for node in spec.nodes)))

    files = texts(name)
    one, other = files[Way.APART]
    ground = Ground(make_site(root, name, other, up), files, one)
    ground.site.write(one)
    ground.site.apply()
    eventually(lambda: ground.site.holders() == ("lb1",), SETTLE)
    return ground


@dataclass
class Watch:
    """What a cell's time is made of: seconds by phase, in their order."""

    laps: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self.last = now - self.last, now


@dataclass
class Ground:
    """The cluster that the cells work on, one after the other, there and back between the ways' files."""

    site: Site
    texts: Mapping[Way, tuple[str, ...]]
    now: str
    next: str = ""
    good: bool = False
    number: int = 0
    offers: int = 0

    def steps(self, way: Way) -> list[tuple[str, StepName]]:
        """What a plan to the way's other file would walk; apart with a package to install. Of the other ways
        what is their own."""
        self._calm(way)
        self.next = changed(way, Fault.KILL, self.texts[way], self.now)
        if way is Way.APART:
            self._without_package()
        if way is Way.JOINING:
            self._without_keepalived()
        self.site.write(self.next)
        plan = self._upgrade_plan() if way is Way.UPGRADE else self.site.plan()
        found = [step for step in plan["steps"] if own(way, step)]
        self.good = way not in (Way.APART, Way.JOINING)
        return [(step["node"], StepName(step["step"])) for step in found]

    def _upgrade_plan(self) -> Any:
        """Shown before it is refused: so soon nothing can be confirmed."""
        self._offer()
        done = self.site.lbctl(*UPGRADE, "--confirm-within", "5", code=1)
        return next(line for line in done.lines if line["event"] == "planned")

    def run(self, cell: Cell) -> Mapping[str, float]:
        """Seconds by phase. Raises AssertionError where something does not hold."""
        watch = Watch()
        self._calm(cell.way)
        self.next = changed(cell.way, cell.fault, self.texts[cell.way], self.now)
        with held(self.site, cell):
            self._run(cell, watch)
        self.good = True
        return watch.laps

    def _run(self, cell: Cell, watch: Watch) -> None:
        if cell.step is StepName.INSTALL:
            self._without_package()
        if cell.way is Way.JOINING:
            self._without_keepalived()
        if cell.way is Way.UPGRADE:
            self._offer()
        before = files(self.site)
        self.site.write(self.next)
        watch.lap("prepare")
        process = self.site.start(*words(cell.way), "--confirm-within", str(within(cell)))
        try:
            seen = run_until(process, "started", str(cell.step), cell.node)
            if cell.step in (StepName.INSTALL, StepName.UPGRADE):
                unpacking(self.site, cell.node)
            if cell.step is StepName.TAKE and cell.fault is not Fault.KILL:
                told(self.site, cell.node)
            watch.lap("until it strikes")
            first = _struck(self.site, cell, process, watch)
        finally:
            process.kill()
            process.communicate()
        said = f"{cell}: ended with {first.code}\n{first.out}{first.err}"
        if cell.fault is Fault.KILL:
            status_is_true(self.site, next(e["plan"] for e in seen if e["event"] == "planned"), said)
        heal(self.site, cell, said)
        watch.lap("healing")
        middle = files(self.site)
        self._converge(cell, said, watch)
        after = files(self.site)
        unbroken(cell, before, middle, after, said)
        if cell.fault is not Fault.KILL:
            true_report(first, before, middle, after)
            true_code(cell, first)
        watch.lap("comparison")

    def _calm(self, way: Way) -> None:
        """As one of the way's files says; after a green cell of it there is nothing to do."""
        # a node that has left has no way back
        begins = self.texts[way][:1] if way is Way.LEAVING else self.texts[way]
        was_good, self.good = self.good and self.now in begins, False
        self.now = self.now if was_good else begins[0]
        self.site.write(self.now)
        if not was_good and (self.site.plan()["changes"] or self.site.left_behind()):
            eventually(lambda: free(self.site), LOCK)
            _steady(self.site)
            self.site.apply("--allow", ALLOWED)
        eventually(lambda: self.site.holders() == ("lb1",), SETTLE)

    def _converge(self, cell: Cell, said: str, watch: Watch) -> None:
        """A second apply, typed as soon as nobody holds a lock: in turn here and in a new workspace."""
        site = self._somewhere()
        eventually(lambda: free(site), LOCK)
        watch.lap("a lock held")
        second = site.lbctl(*words(cell.way), code=None)
        assert second.code == 0, f"the second time\n{second.out}{second.err}\nthe first\n{said}"
        watch.lap("second time")
        self.now, self.next = self.next, self.now
        assert site.plan()["changes"] == [], said
        assert site.left_behind() == {}, said
        serves(site)
        eventually(lambda: site.holders() == ("lb1",), SETTLE)
        gone = {LEAVES} if cell.way is Way.LEAVING else set()
        assert {node for node in NODES if not site.listens(node)} == gone

    def _somewhere(self) -> Site:
        self.number += 1
        if self.number % 2:
            return self.site
        root = self.site.root / f"fresh-{self.number}"
        root.mkdir()
        fresh = replace(self.site, root=root)
        fresh.write(self.next)
        return fresh

    def _without_package(self) -> None:
        for node in NODES:
            self.site.sh(node, f"dpkg --purge {PACKAGE}")

    def _offer(self) -> None:
        """A version that is higher than all before."""
        self.offers += 1
        offer(self.site, UPGRADED, PACKAGES[-1], f"+cell{self.offers}")

    def _without_keepalived(self) -> None:
        """A backup's: it joins the others again."""
        self.site.sh(JOINS, "systemctl stop keepalived")


def words(way: Way) -> tuple[str, ...]:
    """What is carried out."""
    return UPGRADE if way is Way.UPGRADE else ("apply", "--yes", "--json", "--allow", ALLOWED)


def unpacking(site: Site, node: str) -> None:
    """Wait for the middle of an install; before it apt reads its lists, where nothing can break."""
    site.sh(node, "timeout 20 sh -c 'until pidof dpkg >/dev/null; do :; done'")


def told(site: Site, node: str) -> None:
    """Wait until the node knows of the instant. One that is cut off in the milliseconds before that cannot be
    told from one that knows: docs/node.md."""
    site.sh(node, "timeout 20 sh -c 'until [ -e /var/lib/lbctl/armed/taken ]; do :; done'")


def _struck(site: Site, cell: Cell, process: subprocess.Popen[str], watch: Watch) -> Done:
    """The fault, and lbctl's own end."""
    with STRIKES[cell.fault](site, cell.node, process):
        serves(site)
        done = _ended(cell, process) if cell.fault in LASTS else None
    watch.lap("fault")
    done = done or _ended(cell, process)
    watch.lap("end of apply")
    return done


def _ended(cell: Cell, process: subprocess.Popen[str]) -> Done:
    """It ends by itself, whatever it met, and says so in its own words."""
    out, err = process.communicate(timeout=200)
    assert "Traceback" not in err, err
    codes = (-9,) if cell.fault is Fault.KILL else (0, 1, 3, 4)
    assert process.returncode in codes, f"{process.returncode}\n{out}{err}"
    return Done(process.returncode, out, err)


def serves(site: Site) -> None:
    """One node holds the VIP, and every port of it answers."""
    eventually(lambda: len(site.holders()) == 1 and site.answers() == list(PORTS), SETTLE)


def heal(site: Site, cell: Cell, said: str) -> None:
    """Without lbctl no node is left armed or held out; what a killed one left, the next one puts back."""
    if cell.fault is not Fault.KILL:
        eventually(lambda: not any(busy(site, node) for node in NODES), within(cell) + 15)
        left = site.at_work()
        assert left == {}, f"{left}\n{said}"
        for node in NODES:
            site.sh(node, "[ ! -e /usr/sbin/policy-rc.d ] || /usr/sbin/policy-rc.d keepalived start")
    serves(site)
    _steady(site)


def _steady(site: Site) -> None:
    """Wait for an election's end: where the VIP moves between plan and apply, an apply stops on purpose."""
    last, since = site.holders(), time.monotonic()
    while last != ("lb1",) and time.monotonic() - since < STEADY:
        time.sleep(0.1)
        now = site.holders()
        if now != last:
            last, since = now, time.monotonic()


def status_is_true(site: Site, plan: str, said: str) -> None:
    """What `lbctl status` says after kill -9: which node is armed, by which plan, and the serial of each."""
    for node in site.lbctl("status", "--json").document["nodes"]:
        name = node["node"]
        armed = site.sh(name, "cat /var/lib/lbctl/armed/id /var/lib/lbctl/undoing/id 2>/dev/null; :")
        assert node["armed"] == (plan if armed else None), f"{node}\n{said}"
        assert {plan_of(line) for line in armed.split()} <= {plan}, f"{node}\n{said}"
        assert node["serial"] == json.loads(site.sh(name, "cat /var/lib/lbctl/owner.json"))["serial"], said


def free(site: Site) -> bool:
    """Is no node locked, and no script still at work?"""
    script = "cd /var/lib/lbctl && flock -n lock echo free && flock -n busy echo free"
    return all(site.sh(node, script, check=False) == "free\nfree" for node in NODES)


def files(site: Site) -> Files:
    """What stands on every node now."""
    names = (*FILES, *UNITS, *(f"package/{name}" for name in PACKAGES))
    script = f"for f in {' '.join(FILES)}; do [ -e $f ] && sha256sum <$f || echo absent; done"
    script += f"; systemctl is-enabled {' '.join(UNITS)}; dpkg-query -W {' '.join(PACKAGES)}"
    script += "; cat /var/lib/lbctl/owner.json"
    found = {}
    for node in NODES:
        *said, record = site.sh(node, script).split("\n", len(names))
        json.loads(record)  # a half written one would be none
        found[node] = dict(zip(names, said, strict=True))
    return found


def unbroken(cell: Cell, before: Files, middle: Files, after: Files, said: str) -> None:
    """Every file was as before or as after, and a node that healed by itself was so as a whole."""
    touched = {Way.LEAVING: {LEAVES}, Way.UPGRADE: {UPGRADED}}.get(cell.way, set(ORDER))
    for node in ORDER:
        assert (before[node] != after[node]) == (node in touched), f"{node}: changed at all?\n{said}"
        for path, digest in middle[node].items():
            assert digest in (before[node][path], after[node][path]), f"{node} {path}\n{said}"
        if cell.fault is not Fault.KILL:
            assert middle[node] in (before[node], after[node]), f"{node} is half changed\n{said}"


def true_report(first: Done, before: Files, middle: Files, after: Files) -> None:
    """What the first apply said of each node is what was there; of one that failed it may not know."""
    may_be = {"changed": (after,), "unchanged": (before,), "undone": (before,), "failed": (before, after)}
    may_be["retired"] = may_be["upgraded"] = (after,)
    for report in (line for line in first.lines if line["event"] == "report"):
        for node in report["nodes"]:
            allowed = [of[node["node"]] for of in may_be[node["what"]]]
            assert middle[node["node"]] in allowed, f"{node}\n{first.out}{first.err}"


def true_code(cell: Cell, first: Done) -> None:
    """No person is called to a node that is well: 4 is for what does not end by itself."""
    heals = cell.fault not in (
        *LASTS,
        Fault.KEEPALIVED,
    )  # nobody starts a keepalived that died before the arm
    assert first.code in (0, 1, 3) or not heals, f"{cell}: {first.code}\n{first.out}{first.err}"
