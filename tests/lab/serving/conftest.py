"""Three clusters whose ways in and networks differ, brought from bare nodes to serving once for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lbctl.desired import load
from lbctl.lab.from_cluster import Options, from_cluster
from tests.lab.conftest import Labs
from tests.lab.serving.rig import DUAL_STACK, IPV6_ONLY, SUDO_PASSWORD, TWO_VIPS, Rig, Said


@dataclass(frozen=True)
class Brought:
    """A rig, and what the apply said that brought it from bare nodes to serving."""

    rig: Rig
    apply: Said


@pytest.fixture(scope="package")
def brought(labs: Labs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Brought]]:
    """two-vips (behind a bastion, root), ipv6-only (sudo), dual-stack (management network, sudo password)."""
    options = {
        TWO_VIPS: Options(bastion=True),
        IPV6_ONLY: Options(),
        DUAL_STACK: Options(become="sudo-password", password=SUDO_PASSWORD),
    }
    rigs = []
    for text, wanted in options.items():
        folder = tmp_path_factory.mktemp("workspace")
        (folder / "cluster.yaml").write_text(text)
        spec = from_cluster(load(folder / "cluster.yaml", secrets=False), wanted)
        rigs.append(Rig(folder, labs.up(spec), {"RIG_SUDO_PASSWORD": SUDO_PASSWORD}))
    applies = [rig.start("apply", "--yes") for rig in rigs]
    ended = [apply.communicate(timeout=280) for apply in applies]
    said = [Said(apply.returncode, *texts) for apply, texts in zip(applies, ended, strict=True)]
    yield {rig.lab.spec.cluster: Brought(rig, one) for rig, one in zip(rigs, said, strict=True)}
    for rig in rigs:
        labs.down(rig.lab)


@pytest.fixture(scope="package")
def two_vips(brought: dict[str, Brought]) -> Rig:
    """Serving behind a bastion, root; every test leaves it as it was."""
    return _serving(brought["two-vips"])


@pytest.fixture(scope="package")
def dual_stack(brought: dict[str, Brought]) -> Rig:
    """Serving, sudo with a password; every test leaves it as it was."""
    return _serving(brought["dual-stack"])


@pytest.fixture(scope="package")
def ipv6_only(brought: dict[str, Brought]) -> Rig:
    """Serving, sudo without a password; every test leaves it as it was."""
    return _serving(brought["ipv6-only"])


def _serving(one: Brought) -> Rig:
    assert one.apply.code == 0, one.apply.all
    return one.rig
