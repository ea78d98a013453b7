"""The guide's cluster: what is wrong with it as the guide has it, and nothing once that is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from lbctl import haproxy, keepalived
from lbctl.desired import load
from lbctl.lint import Machine, Subject, Text, find
from lbctl.model.finding import Finding
from lbctl.planning.subject import desired

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "tests" / "cases" / "cluster" / "guide"
MENDS = (
    ("    daemon\n", "    daemon\n    log /dev/log local0\n"),
    ("    mode http\n", "    mode http\n    log global\n    option httplog\n    option httpchk GET /\n"),
    ("timeout client 10s", "timeout client 50s"),
    ("timeout server 10s", "timeout server 50s"),
    ("check: inter 10s", "check: inter 2s fall 3 rise 2"),
    ("glance: 9191", "glance: 9292"),
    ("glance-registry: 9292", "glance-registry: 9191"),
    ("keepalived:\n", "keepalived:\n  global_defs: {enable_script_security: true, script_user: root}\n"),
    ("killall -0 haproxy, interval: 2", "/etc/keepalived/asks-haproxy, interval: 2, fall: 2, rise: 2"),
    ("advert_int: 3", "advert_int: 1"),
)


@pytest.fixture
def as_written() -> tuple[Finding, ...]:
    """Three nodes with the guide's own two files, its two packages and its sysctl; no additions."""
    proxy = Text(haproxy.parse((GUIDE / "haproxy.cfg").read_bytes(), "haproxy.cfg"))
    vrrp = (GUIDE / "keepalived.conf").read_text()
    machines = tuple(
        Machine(
            f"lb{number}",
            f"10.15.85.{31 + number}",
            proxy,
            Text(keepalived.parse(vrrp.replace("102", str(103 - number)).encode(), "keepalived.conf")),
            frozenset({"haproxy", "keepalived"}),
            {"net.ipv4.ip_nonlocal_bind": "1"},
            tools=frozenset({"bash", "ss"}),
        )
        for number in (1, 2, 3)
    )
    return find(Subject("guide", machines, additions=()))


def codes(findings: tuple[Finding, ...], *levels: str) -> set[str]:
    return {one.problem.code for one in findings if one.problem.level in levels}


def test_the_guide_as_it_is_written(as_written: tuple[Finding, ...]) -> None:
    assert codes(as_written, "error") == {"no-psmisc"}
    assert codes(as_written, "warning") >= {
        "one-poll",
        "no-stats-socket",
        "no-log",
        "slow-check",
        "short-timeout",
        "swapped-ports",
        "no-server-state",
        "no-idle-close",
    }
    assert codes(as_written, "note") >= {
        "tcp-check",
        "no-drain",
        "slow-takeover",
        "sees-processes",
        "script-security",
    }


def test_what_is_said_of_it(as_written: tuple[Finding, ...]) -> None:
    """Named, with the numbers, where it stands, once for all nodes."""
    said = {str(one.problem).partition("\n")[0]: one.nodes for one in as_written}
    every = ("lb1", "lb2", "lb3")
    glance = "haproxy.cfg:24: glance-vip is on port 9191, which is glance registry's; glance has 9292"
    assert said[glance] == every
    late = "a dead server is noticed after up to 30 s (inter 10s, fall 3)"
    names = "keystone-admin-api, keystone-public-api, quantum-api and 6 more"
    assert said[f"haproxy.cfg:49: {names}: {late}"] == every


def test_the_guide_as_a_cluster_file() -> None:
    """Its additions and packages mend what lbctl adds; what the guide says otherwise stays to be seen."""
    found = find(desired(load(GUIDE / "cluster.yaml")))
    assert codes(found, "error") == set()
    assert codes(found, "warning") == {"no-log", "one-poll", "slow-check", "short-timeout", "swapped-ports"}


def test_nothing_is_left_once_it_is_mended(tmp_path: Path) -> None:
    text = (GUIDE / "cluster.yaml").read_text()
    for old, new in MENDS:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    assert [str(one.problem) for one in find(desired(load(file)))] == []


def test_the_cluster_of_this_repository() -> None:
    """What newcomers copy; only what takes a script and paths of one's own is left to them."""
    found = find(desired(load(ROOT / "cluster.yaml")))
    assert codes(found, "error", "warning") == set()
    assert codes(found, "note") == {"sees-processes", "tcp-check"}
