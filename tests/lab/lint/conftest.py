"""Nodes for all cases, with both daemons and no cluster of lbctl's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lbctl.lab import LabClient, LabNetwork, LabNode, LabSpec
from tests.lab.conftest import Labs
from tests.lab.lint.bench import Bench
from tests.lab.lint.proxies import Ground, bring_up
from tests.lab.lint.texts import ADDRESSES


@pytest.fixture(scope="session")
def bench(labs: Labs) -> Bench:
    nodes = tuple(LabNode(name, (f"{address}/24",)) for name, address in ADDRESSES.items())
    network = LabNetwork("vrrp", ("10.15.85.254/24",))
    spec = LabSpec("lint", nodes, client=LabClient(("10.15.85.201/24",)), networks=(network,))
    made = Bench(labs.up(spec))
    made.install()
    return made


@pytest.fixture(scope="session")
def ground(labs: Labs) -> Iterator[Ground]:
    made = bring_up(labs)
    yield made
    labs.down(made.lab)
