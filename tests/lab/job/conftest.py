"""One lab for all tests of the main job: bare nodes, planned and applied once; each test leaves it so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab.conftest import Labs
from tests.lab.job.steps import HEAT, Done, Site, cluster_text, four, make_site


@dataclass(frozen=True)
class First:
    """The way from bare nodes to a serving cluster, and which ports answered then, and who had the VIP."""

    site: Site
    plan: Any
    apply: Done
    answers: list[int]
    holders: tuple[str, ...]


@pytest.fixture(scope="session")
def first(labs: Labs, tmp_path_factory: pytest.TempPathFactory) -> First:
    name = f"job-{labs.prefix()}"
    root = tmp_path_factory.mktemp("workspace")
    # four controllers answer, and one port more; the cluster file knows three of them
    site = make_site(root, name, four(cluster_text(name, HEAT)), labs.up)
    plan, apply = site.plan(), site.apply()
    return First(site, plan, apply, site.answers(), site.holders())


@pytest.fixture
def site(first: First) -> Iterator[Site]:
    """The applied cluster, as the usual cluster file says; every node serves at the end."""
    first.site.base()
    yield first.site
    assert first.site.left_behind() == {}
