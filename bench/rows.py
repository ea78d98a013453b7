"""What each row of the table measures, as a list of figures."""

from __future__ import annotations

import sys

from bench import big
from bench.bench import Bench, Row, medians
from bench.figures import Figure
from bench.measure import MEGABYTE, Job
from bench.rolling import restart, rolling, with_one_down


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
    return Figure(what, against, limit, "×", ratios, medians(pairs))


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
    return [Figure("lbctl --help", "python -c pass, difference", 0.15, " s", more, medians(pairs))]


ROWS: dict[str, Row] = {
    "plan-ssh": plan_ssh,
    "plan-ansible": plan_ansible,
    "plan-pyinfra": plan_pyinfra,
    "parse": parse,
    "help": start,
    "rolling": rolling,
    "rolling-down": with_one_down(rolling),
    "restart": restart,
    "restart-down": with_one_down(restart),
}
