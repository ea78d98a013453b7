"""What each row of the table measures, as a list of figures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench import big
from bench.figures import Figure
from bench.measure import MEGABYTE, BenchError, Job, Spent, paired, run
from bench.peers import ADDED, Peers
from bench.place import Place
from lbctl.lab.load_report import LoadReport

CLIENTS = 20
SETTLE = 2.0  # seconds of load before and after a change
MOST_ROLLS = 3  # pairs of rolling applies that count: each takes a minute or two
LONGEST = 600.0  # seconds after which the load ends by itself
UNCHANGED = r"No changes\."


@dataclass(frozen=True)
class Bench:
    place: Place
    peers: Peers
    runs: int
    say: Callable[[str], None]

    def pairs(self, one: Job, other: Job) -> list[tuple[Spent, Spent]]:
        self.say(f"{one.name}, {other.name}")
        return paired(lambda: self.run(one), lambda: self.run(other), self.runs, self.say)

    def run(self, job: Job) -> Spent:
        return run(job, self.place.folder)

    @property
    def plan(self) -> Job:
        return self.place.lbctl("lbctl plan", "plan", expect=UNCHANGED)


def plan_ssh(bench: Bench) -> list[Figure]:
    config = str(bench.place.lab.ssh_config)
    logins = tuple(("ssh", "-F", config, node, "true") for node in bench.place.nodes)
    other = Job("ssh true", logins, bench.place.folder)
    return [_ratio(bench, bench.plan, other, "parallel ssh NODE true", 2.0)]


def plan_ansible(bench: Bench) -> list[Figure]:
    other = bench.peers.ansible("ansible check", "--check", "--diff", expect="changed=0")
    return [_ratio(bench, bench.plan, other, "ansible-playbook --check --diff", 0.1)]


def plan_pyinfra(bench: Bench) -> list[Figure]:
    other = bench.peers.pyinfra("pyinfra dry", "--dry", expect=r"haproxy\.cfg +- +-")
    return [_ratio(bench, bench.plan, other, "pyinfra --dry", 0.5)]


def _ratio(bench: Bench, one: Job, other: Job, against: str, limit: float) -> Figure:
    pairs = bench.pairs(one, other)
    what = f"no-change plan, {len(bench.place.nodes)} nodes"
    ratios = tuple(a.wall / b.wall for a, b in pairs)
    return Figure(what, against, limit, "×", ratios, _medians(pairs))


def _medians(pairs: list[tuple[Spent, Spent]]) -> str:
    mine, theirs = (median(pair[side].wall for pair in pairs) for side in (0, 1))
    return f"medians: {mine:.2f} s, {theirs:.2f} s"


def parse(bench: Bench) -> list[Figure]:
    big.write(bench.place.folder)
    argv = (sys.executable, "-m", "bench.big", str(bench.place.folder))
    job = Job("parse and diff", (argv,), big.HOME, expect=big.EXPECT)
    bench.say(job.name)
    spent = [bench.run(job) for _ in range(bench.runs + 1)][1:]
    what = f"parse + diff, {big.BACKENDS} × {big.SERVERS} servers"
    return [
        Figure(what, "one core, whole process", 1.0, " s", tuple(one.cpu for one in spent)),
        Figure(what, "peak memory", 150, " MB", tuple(one.peak / MEGABYTE for one in spent), digits=0),
    ]


def start(bench: Bench) -> list[Figure]:
    one = bench.place.lbctl("lbctl help", "--help", expect="Usage: lbctl")
    other = Job("python pass", ((sys.executable, "-c", "pass"),), bench.place.folder)
    pairs = bench.pairs(one, other)
    more = tuple(a.wall - b.wall for a, b in pairs)
    return [Figure("lbctl --help", "python -c pass, difference", 0.15, " s", more, _medians(pairs))]


@dataclass(frozen=True)
class Rolled:
    """A change under load: what it cost, and what the clients saw."""

    spent: Spent
    load: LoadReport


def rolling(bench: Bench) -> list[Figure]:
    """One server more in every backend, node by node, under load; and back again without."""
    place, peers = bench.place, bench.peers
    there = place.lbctl("lbctl apply", "apply", "--yes", file=place.added)
    back = place.lbctl("lbctl apply back", "apply", "--yes", file=place.usual)
    peer_there = peers.ansible("ansible apply", "-e", "batch=1", files=ADDED, expect="changed=2")
    peer_back = peers.ansible("ansible apply back", expect="changed=2")
    pairs = []
    bench.say("lbctl apply, Ansible serial=1, under load")
    runs = min(bench.runs, MOST_ROLLS)
    for number in range(runs + 1):
        pair = _rolled(bench, there, back), _rolled(bench, peer_there, peer_back)
        if number:
            pairs.append(pair)
            bench.say(f"{number}/{runs}: " + ", ".join(map(_told, pair)))
    return _rolling_figures(pairs)


def _rolled(bench: Bench, there: Job, back: Job) -> Rolled:
    load = bench.place.lab.load(clients=CLIENTS, seconds=LONGEST)
    with load:
        time.sleep(SETTLE)
        spent = bench.run(there)
        time.sleep(SETTLE)
    report = load.report
    bench.run(back)
    if report.requests < CLIENTS:
        raise BenchError(f"the load did {report.requests} requests in {report.seconds} s")
    return Rolled(spent, report)


def _rolling_figures(pairs: list[tuple[Rolled, Rolled]]) -> list[Figure]:
    failed = tuple(float(mine.load.failed) for mine, _ in pairs)
    requests = sum(mine.load.requests for mine, _ in pairs)
    peers_failed = ", ".join(f"{theirs.load.failed} of {theirs.load.requests}" for _, theirs in pairs)
    what = "rolling apply, 3 nodes, under load"
    note = f"{requests} requests in all; Ansible serial=1: {peers_failed} failed"
    ratios = tuple(mine.spent.wall / theirs.spent.wall for mine, theirs in pairs)
    walls = _medians([(mine.spent, theirs.spent) for mine, theirs in pairs])
    return [
        Figure(what, "failed requests", 0, "", failed, note, worst=True, digits=0),
        Figure("its duration, reload only", "Ansible serial=1", 0.5, "×", ratios, walls),
    ]


def _told(one: Rolled) -> str:
    return f"{one.spent.wall:.1f} s with {one.load.failed} of {one.load.requests} failed"


ROWS: dict[str, Callable[[Bench], list[Figure]]] = {
    "plan-ssh": plan_ssh,
    "plan-ansible": plan_ansible,
    "plan-pyinfra": plan_pyinfra,
    "parse": parse,
    "help": start,
    "rolling": rolling,
}
