"""Labs for tests: brought up on demand, each with a prefix of its own, and always taken down.

    def test_it(labs: Labs) -> None:
        lab = labs.guide()              # the guide's cluster: up once per session, shared: leave it as it was
        mine = labs.up(guide_spec())    # a lab of the test's own, until `labs.down(mine)` or the end

Without root (or debootstrap, nspawn …) these tests are skipped with the reason; with LBCTL_REQUIRE_LAB=1
they fail instead.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lbctl.errors import LabError
from lbctl.lab import Lab, LabClient, LabController, LabNetwork, LabNode, LabSpec, down, requirements
from lbctl.lab.demolish import traces

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PORTS = (35357, 5000, 9696, 9191, 9292, 8773, 8774, 8775, 8776, 6080, 8000, 8004)
VIP = "10.15.85.31"


def guide_spec(**changes: Any) -> LabSpec:
    """The guide's cluster by hand: three nodes, three controllers, a client. `Labs` sets the prefix."""
    spec = LabSpec(
        "guide",
        tuple(LabNode(f"lb{number}", (f"10.15.85.{31 + number}/24",)) for number in (1, 2, 3)),
        cluster="openstack-api",
        controllers=tuple(
            LabController(f"mesa-virt-0{number}", (f"10.15.85.{140 + number}/24",), PORTS)
            for number in (1, 2, 3)
        ),
        client=LabClient(("10.15.85.201/24",)),
        networks=(LabNetwork("vrrp", ("10.15.85.254/24",)),),
        vips=(VIP,),
    )
    return replace(spec, **changes)


@dataclass
class Labs:
    """The labs of one test session. The prefix says whose: a killed session's are found and removed."""

    up_now: list[Lab] = field(default_factory=list)
    shared: Lab | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def prefix(self) -> str:
        return f"t{_base36(os.getpid())}x{_base36(next(self._numbers))}"

    def up(self, spec: LabSpec) -> Lab:
        """Bring a lab up under a prefix of its own."""
        lab = Lab(replace(spec, prefix=self.prefix()))
        self.up_now.append(lab)
        return Lab.up(lab.spec)

    def guide(self) -> Lab:
        """The guide's cluster with bare nodes, shared by the session."""
        if self.shared is None:
            self.shared = self.up(guide_spec())
        return self.shared

    def down(self, lab: Lab) -> None:
        lab.down()
        self.up_now = [other for other in self.up_now if other.spec.prefix != lab.spec.prefix]


@pytest.fixture(scope="session")
def labs() -> Iterator[Labs]:
    """Labs on demand."""
    _sweep()
    made = Labs()
    try:
        yield made
    finally:
        for lab in list(made.up_now):
            lab.down()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("lab")]
    if not marked or os.environ.get("LBCTL_REQUIRE_LAB") == "1":
        return
    try:
        requirements.check()
    except LabError as error:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=str(error)))


def _sweep() -> None:
    """Take down the labs of test sessions that were killed."""
    for prefix in traces():
        match = re.fullmatch(r"t([0-9a-z]+)x[0-9a-z]+", prefix)
        if match and not Path(f"/proc/{int(match[1], 36)}").exists():
            down(prefix)


def _base36(number: int) -> str:
    digits = ""
    while number or not digits:
        number, rest = divmod(number, 36)
        digits = DIGITS[rest] + digits
    return digits
