"""No client can tell that the cluster changed: new connections, kept-alive ones, 2-second requests at once,
at least 100,000 of them a run, and none fails. All cases and runs with LBCTL_LOSSLESS=all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict

import pytest

from tests.lab.lossless.cases import Case, cases, selection
from tests.lab.lossless.ground import Ground

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

ALL = os.environ.get("LBCTL_LOSSLESS") == "all"
CHOSEN = [
    pytest.param(case, id=f"{case} {number + 1}")
    for case in (cases() if ALL else selection())
    for number in range(case.runs)
]


@pytest.mark.parametrize("case", CHOSEN)
def test_no_request_fails(ground: Ground, case: Case, record_property: Callable[[str, object], None]) -> None:
    """Of the short selection once there and back, however many requests that is."""
    result = ground.run(case) if ALL else ground.run(case, least=1, slow=1)
    record_property("result", asdict(result))
    assert result.failed == 0
