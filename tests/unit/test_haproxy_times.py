"""HAProxy's times."""

from __future__ import annotations

import pytest

from lbctl.haproxy.times import seconds


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1500", 1.5),
        ("500us", 0.0005),
        ("20ms", 0.02),
        ("10s", 10),
        ("2m", 120),
        ("6h", 21600),
        ("1d", 86400),
    ],
)
def test_a_number_and_its_unit(text: str, wanted: float) -> None:
    assert seconds(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["", "s", "10 s", "-1", "1.5s", "${T}", "10x", "1s5"])
def test_what_is_no_time(text: str) -> None:
    assert seconds(text) is None
