"""What lint warns of happens on real daemons, and does not once it is mended.

One case of each way in which a VIP is lost by default; LBCTL_LINT=all tries every case, and each as it is
mended too.
"""

from __future__ import annotations

import time

import pytest

from lbctl import keepalived
from lbctl.lint import Machine, Subject, Text, find
from tests.lab.job.steps import tell
from tests.lab.lint.bench import Bench
from tests.lab.lint.cases import CASES, Case
from tests.lab.lint.selection import ALL, only_whole
from tests.lab.lint.texts import ADDRESSES, VIP, Texts, both, peers

pytestmark = pytest.mark.lab
FIRST = frozenset(
    {
        "nopreempt-weight",
        "script-words",
        "sees-processes",
        "unknown-keyword",
        "vip-twice",
        "weight-too-small",
    }
)
SOME = [one for one in CASES if one.code in FIRST and not one.name]


def codes(texts: Texts) -> set[str]:
    machines = tuple(
        Machine(node, ADDRESSES[node], keepalived=Text(keepalived.parse(str(text).encode())))
        for node, text in texts.items()
    )
    return {one.problem.code for one in find(Subject("lint", machines))}


@pytest.mark.parametrize("case", CASES if ALL else SOME, ids=str)
def test_it_happens(bench: Bench, case: Case) -> None:
    assert case.code in codes(case.wrong)
    assert held(bench, case, case.wrong) == case.held


@only_whole
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


def answering(globally: str = "", words: str = "") -> Texts:
    return both(globally=globally, words=words)


@pytest.mark.parametrize(
    ("code", "texts", "answers"),
    [
        pytest.param("", answering(), True, marks=only_whole),
        ("vrrp-strict", answering("vrrp_strict"), False),
        pytest.param("", answering("vrrp_strict", "accept"), True, marks=only_whole),
        pytest.param("", answering("vrrp_strict", "strict_mode off"), True, marks=only_whole),
        pytest.param("no-accept", answering(words="no_accept"), False, marks=only_whole),
    ],
)
def test_the_vip_answers(bench: Bench, code: str, texts: Texts, answers: bool) -> None:
    assert codes(texts) & {"vrrp-strict", "no-accept"} == ({code} if code else set())
    bench.begin(texts)
    assert bench.holders() == ("lb1",)
    assert bench.answers() is answers


@only_whole
def test_addresses_of_the_other_family_are_nowhere(bench: Bench) -> None:
    other = "fd00:15::31"
    texts = both(vips=(VIP, other))
    assert "other-family" in codes(texts)
    bench.begin(texts)
    assert (bench.holders(), bench.holders(other)) == (("lb1",), ())


@only_whole
def test_a_node_that_lists_itself_complains(bench: Bench) -> None:
    texts = both(words=peers(*ADDRESSES.values()))
    assert "peer-self" in codes(texts)
    bench.begin(texts)
    assert bench.holders() == ("lb1",)
    said = bench.lab.sh("lb1", "journalctl -u keepalived -n 20 --no-pager")
    assert said.count("equal priority advert received from remote host with our IP address") > 3
