"""What people and programs are told of an import."""

from __future__ import annotations

import io
import json

from lbctl.views.human import HumanView
from lbctl.views.json import JsonView
from tests.cases.views import samples


def test_people_read_what_was_taken_and_left_and_what_is_next() -> None:
    out = io.StringIO()
    HumanView(out, out).imported(samples.adopted("x"))
    said = out.getvalue()
    titles = (
        "Taken",
        "Differs between the nodes",
        "Left as it is",
        "Other hands on the nodes",
        "Written: 2 files",
    )
    places = [said.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    assert "secrets/auth_pass  private" in said
    assert said.splitlines()[-1].startswith("Next: lbctl plan")


def test_what_was_merged_is_shown_line_by_line() -> None:
    out = io.StringIO()
    HumanView(out, out).merged(samples.merged("2"))
    lines = out.getvalue().splitlines()
    assert lines[:3] == ["haproxy.cfg  from lb1, lb2", "  -    maxconn 1", "  +    maxconn 2"]
    out = io.StringIO()
    HumanView(out, out).merged(())
    assert out.getvalue().startswith("Nothing was changed by hand")
    out = io.StringIO()
    JsonView(out, out).merged(samples.merged("2"))
    assert json.loads(out.getvalue())["files"][0]["nodes"] == ["lb1", "lb2"]


def test_a_proposal_is_text_diff_and_reasons() -> None:
    out = io.StringIO()
    HumanView(out, out).proposed(samples.proposed("x"))
    assert out.getvalue().startswith(
        "haproxy:\n  x\n\nWhat that would change in haproxy.cfg on lb1, lb2\n  +x\n"
    )
    assert out.getvalue().splitlines()[-1].startswith("1 service found; nothing was written.")
    out = io.StringIO()
    JsonView(out, out).proposed(samples.proposed("x"))
    assert json.loads(out.getvalue())["reasons"] == [{"frontend": "x", "text": "x"}]


def test_programs_get_its_keys() -> None:
    out = io.StringIO()
    JsonView(out, out).imported(samples.adopted("x"))
    form = json.loads(out.getvalue())
    assert set(form) == {
        *("format_version", "document", "cluster", "nodes", "taken", "differs", "left", "hands"),
        *("problems", "files"),
    }
    assert form["document"] == "import"
    assert form["files"][1] == {"file": "secrets/auth_pass", "private": True}
    assert form["taken"] == [{"name": "/etc/haproxy/x", "nodes": ["lb1"], "text": "x"}]
