"""What lint says of a plan: what it brings, what is there already, and what has to be allowed."""

from __future__ import annotations

import io
import json

from lbctl.cli.options import allowed
from lbctl.model.plan import Plan
from lbctl.planning import review
from lbctl.store.codec import decode, encode
from lbctl.views.human import HumanView
from lbctl.views.json import JsonView
from tests.unit.test_planning import changed_vrrp, plan
from tests.unit.test_rollout_walk import PROXY, cluster

STRICT = b"global_defs {\n  vrrp_strict\n}\n"
UNCHECKED = PROXY + "backend more\n  server z 10.0.0.29:80\n"


def found(of: Plan) -> dict[str, bool]:
    """By code: are they all there already?"""
    codes = {one.problem.code for one in of.findings}
    return {code: all(one.known for one in of.findings if one.problem.code == code) for code in codes}


def strict(proxy: str = PROXY) -> Plan:
    old = cluster(proxy)
    return plan(old, changed_vrrp(old, b"vrrp_instance", STRICT + b"vrrp_instance"))


def test_what_a_plan_brings_is_told_from_what_is_there() -> None:
    assert found(plan(cluster(PROXY), cluster(PROXY))) == {"no-check": True, "no-stats-socket": True}
    more = plan(cluster(PROXY), cluster(UNCHECKED))
    assert {"no-check": False, "no-stats-socket": True}.items() <= found(more).items()
    assert [one.problem.text for one in more.findings if not one.known and one.problem.code == "no-check"]


def test_an_error_that_it_brings_has_to_be_allowed() -> None:
    made = strict()
    (problem,) = (one for one in made.problems if one.code == "vrrp-strict")
    assert problem.level == "unsafe" and problem.text.startswith("lb1, lb2, lb3: ")
    assert problem in made.refused(()) and problem not in made.refused({"vrrp-strict"})
    assert allowed(["vrrp-strict"]) == {"vrrp-strict"} and "vrrp-strict" in review.codes()


def test_an_error_that_is_there_already_stops_nothing() -> None:
    old = changed_vrrp(cluster(PROXY), b"vrrp_instance", STRICT + b"vrrp_instance")
    new = changed_vrrp(cluster(UNCHECKED), b"vrrp_instance", STRICT + b"vrrp_instance")
    made = plan(old, new)
    assert found(made)["vrrp-strict"]
    assert not [one for one in made.problems if one.code == "vrrp-strict"]


def test_a_saved_plan_keeps_them() -> None:
    made = strict()
    assert decode(Plan, encode(made), "plan").findings == made.findings


def test_people_see_what_is_new_and_how_much_was_there() -> None:
    out = io.StringIO()
    HumanView(out, io.StringIO(), color=False, width=200).plan(strict())
    said = out.getvalue()
    assert "vrrp_strict: no authentication" in said and "error [vrrp-strict]  lb1, lb2, lb3" in said
    assert "on the nodes already: 2 warnings (lbctl lint)" in said
    assert "no server is checked" not in said


def test_programs_get_all() -> None:
    out = io.StringIO()
    JsonView(out, io.StringIO()).plan(strict())
    findings = json.loads(out.getvalue())["findings"]
    assert {(one["code"], one["known"]) for one in findings} >= {("vrrp-strict", False), ("no-check", True)}
    assert all(one["nodes"] == ["lb1", "lb2", "lb3"] for one in findings)
