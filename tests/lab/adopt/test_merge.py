"""A hot-fix by hand at night, then the morning's plan of something else: see docs/import.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.adopt.clusters import OWN
from tests.lab.adopt.conftest import Found
from tests.lab.adopt.site import Adopted
from tests.lab.job.steps import by_address, tell

pytestmark = pytest.mark.lab

HAPROXY, KEEPALIVED = "/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf"
REMARK = "# the morning shift was here: keep this\n"
BY_HAND = "Changed by hand since the last apply, would be undone"


@pytest.fixture(scope="module")
def taken_over(found: Found) -> Adopted:
    adopted = found(next(ground for ground in OWN if ground.name == "openstack-ansible"))
    adopted.import_()
    adopted.site.file.write_text(REMARK + adopted.site.file.read_text())
    assert adopted.site.lbctl("drift").out == ""
    adopted.site.apply()  # only records
    return adopted


@pytest.fixture
def adopted(taken_over: Adopted) -> Iterator[Adopted]:
    """Whatever was done, at the end the nodes are as the files say, and nobody has anything to tell."""
    yield taken_over
    assert taken_over.site.lbctl("plan").out.endswith("is as its file says.\n")
    assert taken_over.site.lbctl("drift").out == ""


def fix(adopted: Adopted, old: str, new: str, *nodes: str, path: str = HAPROXY) -> None:
    """As somebody does it at night, loaded and serving."""
    unit = "haproxy" if path == HAPROXY else "keepalived"
    for node in nodes or adopted.ground.nodes:
        adopted.site.sh(node, f"grep -q '{old}' {path} && sed -i 's/{old}/{new}/' {path}")
        adopted.site.sh(node, f"systemctl reload {unit}; sleep 1")


def files(adopted: Adopted) -> dict[Path, bytes]:
    """What is the operator's own in the workspace."""
    root = adopted.site.root
    parts = [*root.glob("*.*"), *root.glob("files/**/*"), *root.glob("secrets/*")]
    return {path: path.read_bytes() for path in parts if path.is_file()}


def refused(adopted: Adopted) -> str:
    """A merge that is a person's: nothing was written, here or on a node."""
    before, nodes = files(adopted), adopted.whole()
    said = adopted.site.lbctl("import", "--merge", code=1).err
    tell(*said.splitlines())
    assert (files(adopted), adopted.whole()) == (before, nodes)
    return said


def test_the_fix_stays_and_the_mornings_work_is_done(adopted: Adopted) -> None:
    site, nodes = adopted.site, adopted.ground.nodes
    fix(adopted, "maxconn 4096", "maxconn 8192")
    adopted.add_a_server()
    (path,) = adopted.main_files()
    path.write_text(path.read_text().replace("defaults\n", f"{REMARK}defaults\n"))
    before = files(adopted)
    told_apart(adopted)
    refused_to_undo(adopted)
    assert site.lbctl("import", "--merge").out.endswith("look at it (git diff), then lbctl plan.\n")
    after = files(adopted)
    assert {one for one in after if after[one] != before[one]} == {path}
    assert after[path] == before[path].replace(b"maxconn 4096", b"maxconn 8192")
    plan = adopted.plan(code=2)
    # one line for people: the server; the remark is none
    assert {change["standing"] for change in plan["changes"]} == {"pending"}
    assert not any("maxconn" in words for change in plan["changes"] for words in change["detail"])
    assert BY_HAND not in site.lbctl("plan").out
    done = site.apply()
    assert done.report["code"] == 0 and done.report["probe"]["failed"] == 0
    for node in nodes:
        text = site.sh(node, f"cat {HAPROXY}")
        assert "maxconn 8192" in text and "maxconn 4096" not in text and "-new " in text


def told_apart(adopted: Adopted) -> None:
    """In the plan and in drift: what is the file's, and what was done by hand."""
    site, nodes = adopted.site, adopted.ground.nodes
    plan = adopted.plan(code=2)
    assert {change["standing"] for change in by_address(plan["changes"]).values()} == {"both"}
    assert [one["address"] for one in plan["apart"]] == [f"{node}/file{HAPROXY}" for node in nodes]
    for one in plan["apart"]:
        assert one["by_hand"] and all("maxconn 4096 -> maxconn 8192" in words for words in one["by_hand"])
        assert any("-new " in words for words in one["own"])
        assert not any("maxconn" in words for words in one["own"])
    shown = site.lbctl("plan").out
    own, _, by_hand = shown.partition(BY_HAND)
    by_hand, _, rest = by_hand.partition("Impact")
    assert "-new " in own and "maxconn" not in own
    assert "maxconn 4096 -> maxconn 8192" in by_hand and "-new " not in by_hand
    tell(*own.splitlines(), BY_HAND, *by_hand.splitlines(), *rest.splitlines()[-14:])
    items = site.lbctl("drift", "--json", code=2).document["items"]
    drifted = {item["text"] for item in items if item["what"] == "drift"}
    assert drifted == {"\n".join(plan["apart"][0]["by_hand"])}
    assert {item["text"] for item in items if item["what"] == "pending"} == {
        "\n".join(plan["apart"][0]["own"])
    }


def refused_to_undo(adopted: Adopted) -> None:
    nodes = adopted.whole()
    said = adopted.site.lbctl("apply", "--yes", code=1)
    assert "--allow drift" in said.out + said.err and "lbctl import --merge" in said.out + said.err
    assert adopted.whole() == nodes


def test_a_fix_on_one_node_is_brought_to_the_others(adopted: Adopted) -> None:
    fix(adopted, "retries 3", "retries 5", "lb2")
    assert {change["standing"] for change in adopted.plan(code=2)["changes"]} == {"drift"}
    merged = adopted.site.lbctl("import", "--merge", "--json").document["files"]
    assert [(one["file"], one["nodes"]) for one in merged] == [("haproxy.cfg", ["lb2"])]
    touched = [change for change in adopted.plan(code=2)["changes"] if change["action"] != "record"]
    assert [(change["node"], change["standing"]) for change in touched] == [("lb1", "pending")]
    adopted.site.apply()
    assert "retries 5" in adopted.site.sh("lb1", f"cat {HAPROXY}")


def test_the_same_line_is_a_persons(adopted: Adopted) -> None:
    fix(adopted, "retries 5", "retries 7")
    (path,) = adopted.main_files()
    before = path.read_text()
    path.write_text(before.replace("retries 5", "retries 9"))
    said = refused(adopted)
    assert "haproxy.cfg: line " in said and "changed by hand, and in this file too" in said
    assert all(f"retries {number}\n" in said for number in (5, 7, 9))
    path.write_text(before)
    adopted.site.lbctl("import", "--merge")
    assert "retries 7" in path.read_text()
    adopted.site.apply()  # only records


def test_in_keepalived_conf_where_the_nodes_differ(adopted: Adopted) -> None:
    """What all share is taken; a word that each node has of its own is never made everybody's."""
    path = adopted.site.root / "keepalived.conf"
    before, cluster = path.read_text(), adopted.site.file.read_bytes()
    assert "${node.priority}" in before
    fix(adopted, "priority 50", "priority 60", "lb2", path=KEEPALIVED)
    assert "${node.priority} was changed on lb2 alone" in refused(adopted)
    fix(adopted, "priority 60", "priority 50", "lb2", path=KEEPALIVED)
    fix(adopted, "fall 2", "fall 3", path=KEEPALIVED)
    adopted.site.lbctl("import", "--merge")
    assert path.read_text() == before.replace("fall 2", "fall 3")
    assert adopted.site.file.read_bytes() == cluster
    adopted.site.apply()  # only records
