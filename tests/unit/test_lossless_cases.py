"""The proof's cases: as many runs as are promised, of cluster files that are good; and its table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lbctl.desired import load
from lbctl.lab.from_cluster import Options, from_cluster
from lbctl.lab.spec import check
from lbctl.model.cluster import Cluster
from tests.lab.lossless.cases import EDITS, MANY, Case, Deed, Result, cases, selection, table
from tests.lab.lossless.clusters import CONTROLLERS, IPV4, IPV6, NETS, NODES, ROUTED, TWO_VIPS, UNICAST, Net
from tests.lab.lossless.parts import parts


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str], Cluster]:
    def read(text: str) -> Cluster:
        file = tmp_path / "cluster.yaml"
        file.write_text(text)
        return load(file, secrets=False)

    return read


def runs(net: Net, *deeds: Deed, dead: bool = False) -> int:
    return sum(one.runs for one in cases() if (one.net, one.dead) == (net, dead) and one.deed in deeds)


@pytest.mark.parametrize("dead", [False, True])
def test_there_are_as_many_runs_as_promised(dead: bool) -> None:
    assert runs(IPV4, Deed.RESTART, dead=dead) == 10
    assert sum(one.runs for one in cases() if one.clients == MANY and one.dead is dead) == 3
    assert [runs(net, Deed.RESTART, dead=dead) for net in (IPV6, TWO_VIPS, UNICAST)] == [2, 2, 2]
    assert runs(IPV4, Deed.RELOADED, Deed.RESTARTED, dead=dead) == 3
    assert min(runs(IPV4, deed, dead=dead) for deed in (Deed.RELOADED, Deed.RESTARTED)) == 1
    assert runs(IPV4, Deed.SCRIPT, dead=dead) == 2
    assert runs(IPV4, Deed.VIP, Deed.ROUTER, dead=dead) == 2
    assert runs(IPV4, Deed.UPGRADE, dead=dead) == 2
    assert runs(IPV4, Deed.CONTROLLER) == 2


def test_each_lab_is_booted_once_and_no_case_comes_twice() -> None:
    labs = [case.net.lab for case in cases()]
    assert len([lab for number, lab in enumerate(labs) if number == 0 or labs[number - 1] != lab]) == len(
        set(labs)
    )
    assert len(set(map(str, cases()))) == len(cases())
    assert set(selection()) <= {Case(c.net, c.deed, 1, c.clients, c.dead) for c in cases()}


@pytest.mark.parametrize("net", NETS, ids=str)
def test_every_cluster_file_is_good(net: Net, loaded: Callable[[str], Cluster]) -> None:
    cluster = loaded(net.text("proof"))
    assert tuple(node.name for node in cluster.nodes) == NODES
    assert {str(vip.interface.ip) for vip in cluster.vips} == set(net.vips)
    spec = net.spec(from_cluster(cluster, Options(prefix="x")))
    check(spec)
    assert tuple(one.name for one in spec.controllers) == CONTROLLERS
    assert (spec.client is not None and spec.client.router is not None) == net.router
    assert len(net.targets) == 3 * len(net.vips)


@pytest.mark.parametrize("deed", EDITS, ids=str)
def test_every_deed_changes_what_it_says(deed: Deed, loaded: Callable[[str], Cluster]) -> None:
    text = IPV4.text("proof")
    before, after = loaded(text).node("lb1"), loaded(EDITS[deed](IPV4, text)).node("lb1")
    changed = {file.path for file in after.files if file not in before.files}
    of_haproxy = deed in (Deed.RELOADED, Deed.RESTARTED, Deed.CONTROLLER)
    daemon = "haproxy" if of_haproxy else "keepalived"
    assert {path.split("/")[2] for path in changed} >= {daemon}
    assert any(f"/{daemon}." in path for path in changed)
    assert len(changed) == (2 if deed is Deed.RESTARTED else 1)


def test_each_master_has_the_highest_priority(loaded: Callable[[str], Cluster]) -> None:
    for node in loaded(TWO_VIPS.text("proof")).nodes:
        file = node.file_of("keepalived")
        assert file is not None
        text = file.content.data.decode()
        assert text.count("priority 102") == (node.name in TWO_VIPS.masters)


def test_behind_a_router_the_client_is_in_another_network() -> None:
    assert [net for net in NETS if net.router] == [ROUTED]


def test_a_part_is_waited_for_on_the_way_there_and_on_the_way_back() -> None:
    assert len({str(part) for part in parts()}) == len(parts()) == 14
    removal = next(part for part in parts() if part.name == "the removal")
    said = removal.script("10.0.0.1")
    assert said.index("= 1 ]; do") < said.index("= 0 ]; do")
    assert 'grep -qF " 10.0.0.1/"' in next(part for part in parts() if part.name == "moved").script(
        "10.0.0.1"
    )


def test_the_table_adds_up_the_runs_of_a_case() -> None:
    one = Result("ipv4: restart haproxy", 100_123, 640, 0, 0, 0.0004, 130.0, good=True)
    two = Result("ipv4: restart haproxy", 110_000, 700, 2, 0, 0.012, 150.0, good=False)
    cut = Result("killed there, moved", 40_000, 300, 7, 58, 0.0, 60.0, good=True)
    assert table([one, cut, two]) == [
        "case                   runs  requests  slow  failed  at most  no holder  seconds",
        "ipv4: restart haproxy     2    210123  1340       2        0    0.012 s      140  RED",
        "killed there, moved       1     40000   300       7       58    0.000 s       60",
        "2 of 3 runs green, 9 of 250123 requests failed",
    ]
