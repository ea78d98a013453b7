"""How long a turn takes at least."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lbctl.gather import gather_node
from lbctl.model.cluster import Cluster, ManagedFile
from lbctl.model.content import plain
from lbctl.model.effect import Impact
from lbctl.planning.plan import make
from lbctl.planning.turn import drain_seconds, least_seconds
from tests.unit.fake_node import KEEPALIVED
from tests.unit.test_join import managed, stopped
from tests.unit.test_planning import changed_vrrp
from tests.unit.test_rollout_walk import PROXY, applied, cluster


def slow(of: Cluster, advert: int) -> Cluster:
    """The same with another advert_int, live and desired."""

    def file(one: ManagedFile) -> ManagedFile:
        data = one.content.data.replace(b"advert_int 1", b"advert_int %d" % advert)
        return replace(one, content=plain(data)) if one.path == KEEPALIVED else one

    nodes = (replace(node, files=tuple(file(one) for one in node.files)) for node in of.nodes)
    return replace(of, nodes=tuple(nodes))


@pytest.mark.parametrize(
    ("impact", "advert", "least"),
    [(Impact.RELOAD, 1, 3), (Impact.RELOAD, 20, 3), (Impact.RESTART, 1, 13), (Impact.RESTART, 20, 127)],
)
def test_two_elections_where_the_vips_move(impact: Impact, advert: int, least: int) -> None:
    transport = applied(slow(cluster(PROXY), advert))
    wanted = slow(cluster(PROXY + "  server b 10.0.0.22:80\n", impact), advert)
    gathered = {node.name: gather_node(node, transport) for node in wanted.nodes}
    assert least_seconds(wanted, make(wanted, gathered, "")) == least


@pytest.mark.parametrize(("confirm", "seconds"), [(120, 53), (30, 8), (12, 0)])
def test_what_the_time_to_confirm_leaves_for_connections_to_end_there_and_back(
    confirm: int, seconds: int
) -> None:
    wanted = cluster(PROXY + "  server b 10.0.0.22:80\n", Impact.RESTART)
    transport = applied(cluster(PROXY))
    gathered = {node.name: gather_node(node, transport) for node in wanted.nodes}
    assert drain_seconds(wanted, make(wanted, gathered, ""), confirm) == seconds


def test_two_elections_where_keepalived_starts() -> None:
    wanted = managed(cluster(PROXY))
    transport = stopped(wanted, "lb2")
    gathered = {node.name: gather_node(node, transport) for node in wanted.nodes}
    assert least_seconds(wanted, make(wanted, gathered, "")) == 13


@pytest.mark.parametrize(
    ("old", "new", "advert", "least"),
    [
        (b"virtual_router_id 47", b"virtual_router_id 48", 1, 13),
        (b"virtual_router_id 47", b"virtual_router_id 48", 20, 89),
        (b"advert_int 20", b"advert_int 30", 20, 7),
    ],
)
def test_what_is_taken_at_one_instant_is_waited_for_and_not_confirmed_at_the_last_moment(
    old: bytes, new: bytes, advert: int, least: int
) -> None:
    wanted = changed_vrrp(slow(cluster(PROXY), advert), old, new)
    transport = applied(slow(cluster(PROXY), advert))
    gathered = {node.name: gather_node(node, transport) for node in wanted.nodes}
    assert least_seconds(wanted, make(wanted, gathered, "")) == least
