"""Changes that go from node to node under load: what they cost the clients, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.bench import Bench, Row, medians
from bench.figures import Figure
from bench.measure import BenchError, Job, Spent
from bench.peers import ADDED
from bench.place import APPLIED
from lbctl.lab.load import TIMEOUT
from lbctl.lab.load_report import LoadReport

CLIENTS = 20
BEFORE = 2.0  # seconds of load before a change
AFTER = TIMEOUT + 1.0  # seconds of load after it: a request that hangs has failed by then
MOST = 3  # pairs that count: each takes two minutes
LONGEST = 600.0  # seconds after which the load ends by itself
PEER = "Ansible serial=1"


@dataclass(frozen=True)
class Change:
    """What a tool does under load, node by node; `back`: what undoes it afterwards, without load."""

    job: Job
    back: Job | None = None


@dataclass(frozen=True)
class Rolled:
    """A change under load: what it cost, and what the clients saw."""

    spent: Spent
    load: LoadReport


Pairs = Sequence[tuple[Rolled, Rolled]]


def rolling(bench: Bench) -> list[Figure]:
    """One server more in every backend: each node reloads, and the VIP stays."""
    place, peers = bench.place, bench.peers
    mine = Change(
        place.lbctl("lbctl apply", "apply", "--yes", file=place.added, expect=APPLIED),
        place.lbctl("lbctl apply back", "apply", "--yes", file=place.usual, expect=APPLIED),
    )
    theirs = Change(
        peers.ansible("ansible apply", "-e", "batch=1", files=ADDED, expect="changed=2"),
        peers.ansible("ansible apply back", expect="changed=2"),
    )
    pairs = _pairs(bench, mine, theirs)
    return [failed("rolling apply, 3 nodes, under load", pairs), duration(pairs)]


def restart(bench: Bench) -> list[Figure]:
    """HAProxy restarted on each node: the VIP leaves its holder for that, and comes back."""
    ours = bench.place.lbctl("lbctl restart", "restart", "haproxy", "--yes", expect="Restarted haproxy: ")
    theirs = bench.peers.ansible("ansible restart", book="restart.yml", expect="changed=3")
    pairs = _pairs(bench, Change(ours), Change(theirs))
    return [failed("rolling restart, VIP moved, under load", pairs)]


def with_one_down(row: Row) -> Row:
    """The same with one controller dead throughout; every node's HAProxy knows it before the load begins."""

    def measured(bench: Bench) -> list[Figure]:
        lab = bench.place.lab
        dead = lab.spec.controllers[0].name
        bench.say(f"{dead} is stopped")
        lab.controller_stop(dead)
        try:
            figures = row(bench)
        finally:
            lab.controller_start(dead)
        return [replace(one, what=f"{one.what}, a controller down") for one in figures]

    return measured


def _pairs(bench: Bench, mine: Change, theirs: Change) -> Pairs:
    bench.say(f"{mine.job.name}, {theirs.job.name} under load")
    pairs = []
    runs = min(bench.runs, MOST)
    for number in range(runs + 1):
        pair = _rolled(bench, mine), _rolled(bench, theirs)
        if number:
            pairs.append(pair)
            bench.say(f"{number}/{runs}: " + ", ".join(map(_told, pair)))
    return pairs


def _rolled(bench: Bench, change: Change) -> Rolled:
    """The load lasts until all is as it was: a change is not over for the clients before."""
    place = bench.place
    place.settle()
    load = place.lab.load(clients=CLIENTS, seconds=LONGEST)
    with load:
        time.sleep(BEFORE)
        spent = bench.run(change.job)
        place.settle()
        time.sleep(AFTER)
    report = load.report
    if change.back:
        bench.run(change.back)
    if report.requests < CLIENTS:
        raise BenchError(f"the load did {report.requests} requests in {report.seconds} s")
    return Rolled(spent, report)


def failed(what: str, pairs: Pairs) -> Figure:
    """Ours held against none at all, the peer's beside it."""
    ours, others = (tuple(float(pair[side].load.failed) for pair in pairs) for side in (0, 1))
    requests = sum(mine.load.requests for mine, _ in pairs)
    beside = ", ".join(f"{theirs.load.failed} of {theirs.load.requests}" for _, theirs in pairs)
    note = f"{requests} requests in all; {PEER}: {beside} failed"
    return Figure(what, "failed requests", 0, "", ours, note, worst=True, digits=0, peer=others)


def duration(pairs: Pairs) -> Figure:
    ratios = tuple(mine.spent.wall / theirs.spent.wall for mine, theirs in pairs)
    walls = medians([(mine.spent, theirs.spent) for mine, theirs in pairs])
    return Figure("its duration, reload only", PEER, 0.5, "×", ratios, walls)


def _told(one: Rolled) -> str:
    return f"{one.spent.wall:.1f} s with {one.load.failed} of {one.load.requests} failed"
