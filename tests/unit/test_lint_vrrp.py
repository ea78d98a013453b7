"""What lint says of an election: the nodes, the numbers, and what will happen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lbctl import keepalived
from lbctl.lint import Machine, Subject, Text, between, find
from lbctl.model.finding import Finding
from lbctl.workflows import lint

_FILE = """\
vrrp_script c {{
 script /check
 fall 2
 weight {weight}
}}
vrrp_instance v {{
 interface eth0
 virtual_router_id 51
 priority {priority}
 {words}
 virtual_ipaddress {{
 192.0.2.9
 }}
 track_script {{
 c
 }}
}}
"""


def node(priority: int, weight: int = 20, words: str = "") -> str:
    return _FILE.format(priority=priority, weight=weight, words=words)


def cluster(nodes: Mapping[str, str], name: str = "one") -> Subject:
    machines = [
        Machine(each, f"192.0.2.{number}", keepalived=Text(keepalived.parse(text.encode(), f"{each}.conf")))
        for number, (each, text) in enumerate(nodes.items(), 1)
    ]
    return Subject(name, tuple(machines))


def said(code: str, nodes: Mapping[str, str]) -> list[Finding]:
    return [one for one in find(cluster(nodes)) if one.problem.code == code]


def test_the_guides_own_example_of_weights() -> None:
    """102, 132 and 162 with a weight of 10."""
    found = said("weight-too-small", {"lb1": node(102, 10), "lb2": node(132, 10), "lb3": node(162, 10)})
    assert [(one.nodes, one.problem.text) for one in found] == [
        (
            ("lb2",),
            "lb2 keeps the VIP of v when c fails there with lb3 away: it is at 132 then, and lb1 at 112",
        ),
        (("lb3",), "lb3 keeps the VIP of v when c fails there: it is at 162 then, and lb2 at 142"),
    ]
    assert {one.problem.mend for one in found} == {"weight 61, or priorities that are closer together"}


def test_a_weight_that_would_go_beyond_what_there_is() -> None:
    [found] = said("weight-too-small", {"lb1": node(200, 2), "lb2": node(100, 2)})
    assert (
        found.problem.mend == "weight 101, and priorities low enough for that: above 254 keepalived cuts them"
    )


def test_nopreempt_names_who_does_not_take_it() -> None:
    [one, other] = said(
        "nopreempt-weight", {"lb1": node(101, words="nopreempt"), "lb2": node(100, words="nopreempt")}
    )
    assert one.problem.text == (
        "lb1 keeps the VIP of v when c fails there: a weight lowers its priority, "
        "and nopreempt on lb2 accepts that"
    )
    assert other.nodes == ("lb2",)


def test_a_tie_is_one_finding_with_both_nodes() -> None:
    [found] = said("same-priority", {"lb1": node(250), "lb2": node(240), "lb3": node(100)})
    assert found.nodes == ("lb1", "lb2")
    assert "priority 254 in v, where keepalived cuts 250 and 240 with their weights" in found.problem.text


def test_one_node_that_differs_is_one_finding() -> None:
    nodes = {"lb1": node(103), "lb2": node(102), "lb3": node(101, words="advert_int 3")}
    [found] = said("peers-differ", nodes)
    assert found.problem.text == (
        "adverts of v from lb1 are dropped by lb3 (advert_int 1, and 3 here): two nodes hold the VIP"
    )
    assert found.problem.place is not None and found.problem.place.file == "lb3.conf"
    assert found.nodes == ("lb1", "lb2", "lb3")


def test_no_password_is_shown() -> None:
    own = "authentication {{\n auth_type PASS\n auth_pass {}\n }}".format
    one, other = own("s3#cret"), own("t0p")
    found = find(cluster({"lb1": node(101, words=one), "lb2": node(100, words=other)}))
    assert {"peers-differ", "auth-pass-comment"} <= {each.problem.code for each in found}
    assert not any("s3" in str(each.problem) or "t0p" in str(each.problem) for each in found)


def test_a_password_on_a_line_of_its_own_is_not_shown() -> None:
    words = "authentication {\n auth_type PASS\n auth_pass\n s3cret\n }"
    (found,) = said("unknown-keyword", {"lb1": node(100, words=words)})
    assert found.problem.text == "a word is no keyword in authentication: keepalived skips it"


def test_two_clusters_are_told_of_each_other() -> None:
    one, other = cluster({"lb1": node(101)}), cluster({"lb7": node(100)}, "two")
    first, second = between([one, other])
    assert first.problem.text == "192.0.2.9 of v is also a VIP of the cluster two (v)"
    assert (first.nodes, second.nodes) == (("lb1",), ("lb7",))
    assert between([one, one]) == ()


def test_cluster_files_that_are_looked_at_together(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "cluster.yaml").read_text()
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(text)
    two.write_text(text.replace("openstack-api", "another").replace("10.15.85.31", "10.15.85.30"))
    assert "router-id-elsewhere" not in {each.problem.code for each in lint.files([one]).findings}
    found = [each for each in lint.files([one, two]).findings if each.problem.code == "router-id-elsewhere"]
    assert [each.problem.place.file for each in found if each.problem.place] == [str(one), str(two)]
    assert {each.nodes for each in found} == {("lb1", "lb2", "lb3")}
