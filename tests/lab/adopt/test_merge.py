"""A hot-fix by hand at night, then the morning's plan of something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.adopt.clusters import OWN
from tests.lab.adopt.conftest import Found
from tests.lab.job.steps import by_address

pytestmark = pytest.mark.lab

HAPROXY = "/etc/haproxy/haproxy.cfg"
FIX = f"sed -i 's/maxconn 4096/maxconn 8192/' {HAPROXY} && systemctl reload haproxy"


def test_the_fix_stays_and_the_mornings_work_is_done(found: Found) -> None:
    adopted = found(next(ground for ground in OWN if ground.name == "openstack-ansible"))
    site, nodes = adopted.site, adopted.ground.nodes
    adopted.import_()
    site.apply()
    for node in nodes:
        site.sh(node, FIX)
    adopted.add_a_server()
    changes = by_address(adopted.plan(code=2)["changes"])
    assert {one["standing"] for one in changes.values()} == {"both"}
    refused = site.lbctl("apply", "--yes", code=1)
    assert "--allow drift" in refused.out + refused.err
    merged: Any = site.lbctl("import", "--merge", "--json").document
    assert [(one["file"], one["nodes"]) for one in merged["files"]] == [("haproxy.cfg", list(nodes))]
    assert all("maxconn 8192" in line for line in merged["files"][0]["diff"] if line.startswith("+"))
    plan = adopted.plan(code=2)
    assert [len(change["detail"]) for change in plan["changes"]] == [1] * len(nodes)
    assert {change["standing"] for change in plan["changes"]} == {"pending"}
    assert site.apply().report["code"] == 0
    for node in nodes:
        text = site.sh(node, f"cat {HAPROXY}")
        assert "maxconn 8192" in text and "maxconn 4096" not in text and "-new " in text
    assert site.lbctl("drift").out == ""
