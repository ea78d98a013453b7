"""Clusters that were set up by hand, each in a lab of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.lab.adopt.clusters import SUDO_PASSWORD, SUDO_VARIABLE, Ground
from tests.lab.adopt.site import Adopted, make_certificate
from tests.lab.conftest import Labs
from tests.lab.job.steps import Site

Found = Callable[[Ground], Adopted]


@pytest.fixture(scope="module")
def found(labs: Labs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """A cluster that serves; its lab is taken down when another one is asked for, and at the end."""
    up: list[Adopted] = []
    environment = pytest.MonkeyPatch()
    environment.setenv(SUDO_VARIABLE, SUDO_PASSWORD)

    def bring_up(ground: Ground) -> Adopted:
        if up and up[0].ground == ground:
            return up[0]
        while up:
            labs.down(up.pop().lab)
        root = tmp_path_factory.mktemp(ground.name)
        (root / "workspace").mkdir()
        up.append(Adopted(ground, Site(ground.name, root / "workspace", labs.up(ground.spec()))))
        up[0].set_up(make_certificate(root) if ground.certificate else b"")
        return up[0]

    yield bring_up
    environment.undo()
    while up:
        labs.down(up.pop().lab)
