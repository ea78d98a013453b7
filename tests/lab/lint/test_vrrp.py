"""What lint warns of happens on real daemons, and does not once it is mended.

The first case of each code is tried as it is wrong. LBCTL_LINT=all tries every case, and each as it is mended
too: 6 minutes instead of 2.
"""

from __future__ import annotations

import os
import time

import pytest

from lbctl import keepalived
from lbctl.lint import Machine, Subject, Text, find
from tests.lab.job.steps import tell
from tests.lab.lint.bench import Bench
from tests.lab.lint.cases import CASES, Case
from tests.lab.lint.texts import ADDRESSES, Texts

pytestmark = pytest.mark.lab
FIRST = tuple(reversed({one.code: one for one in reversed(CASES)}.values()))
ALL = os.environ.get("LBCTL_LINT") == "all"


def codes(texts: Texts) -> set[str]:
    machines = tuple(
        Machine(node, ADDRESSES[node], keepalived=Text(keepalived.parse(str(text).encode())))
        for node, text in texts.items()
    )
    return {one.problem.code for one in find(Subject("lint", machines))}


@pytest.mark.parametrize("case", CASES if ALL else FIRST, ids=str)
def test_it_happens(bench: Bench, case: Case) -> None:
    assert case.code in codes(case.wrong)
    assert held(bench, case, case.wrong) == case.held


@pytest.mark.skipif(not ALL, reason="LBCTL_LINT=all tries what is mended")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_does_not_happen_once_it_is_mended(bench: Bench, case: Case) -> None:
    assert held(bench, case, case.mended) == case.mended_held


def held(bench: Bench, case: Case, texts: Texts) -> tuple[str, ...]:
    """Who holds the VIP after the deed."""
    began = time.monotonic()
    bench.begin(texts)
    before = bench.holders()
    bench.do(case.deed)
    after = bench.holders()
    tell(f"{case}: {case.deed}: {before} -> {after}, {time.monotonic() - began:.1f} s")
    return after
