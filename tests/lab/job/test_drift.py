"""What somebody changed by hand is named, kept apart from what is pending, and undone only knowingly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.job.steps import NODES, NOTE, Site, by_address, eventually, four

pytestmark = pytest.mark.lab

HAPROXY = "file/etc/haproxy/haproxy.cfg"
SYSCTL = "sysctl/net.ipv4.ip_nonlocal_bind"


def change_by_hand(site: Site) -> None:
    """One thing of each kind, each where it hurts no client."""
    site.sh("lb1", "sed -i 's/maxconn 10000/maxconn 9999/' /etc/haproxy/haproxy.cfg")
    site.sh("lb2", f"sysctl -qw net.ipv4.ip_nonlocal_bind=0; systemctl -q disable keepalived; rm {NOTE}")
    site.sh("lb3", f"dpkg -r psmisc >/dev/null; chmod 0600 {NOTE}")


def moved(item: Mapping[str, Any]) -> dict[str, tuple[Any, Any, Any]]:
    """By attribute: what the last apply left, what is there now, what an apply would make of it."""
    return {d["attribute"]: (d["applied"], d["before"], d["after"]) for d in item["differences"]}


class TestDrift:
    def test_nothing_changed_is_silent(self, site: Site) -> None:
        done = site.lbctl("drift")
        assert (done.out, done.err) == ("", "")
        assert site.lbctl("drift", "--json").document["items"] == []

    def test_each_is_named_refused_and_undone(self, site: Site) -> None:
        change_by_hand(site)
        self._named_for_programs(site)
        self._named_for_people(site)
        site.write(four(site.text))
        self._apart_from_what_is_pending(site)
        before = {node: site.snapshot(node) for node in NODES}
        refused = site.lbctl("apply", "--yes", code=1)
        assert "--allow drift" in refused.err + refused.out
        assert {node: site.snapshot(node) for node in NODES} == before
        done = site.apply("--allow", "drift")
        assert done.report["code"] == 0
        assert site.sh("lb2", f"sysctl -n net.ipv4.ip_nonlocal_bind; cat {NOTE}") == "1\nhello"
        assert site.sh("lb2", "systemctl is-enabled keepalived") == "enabled"
        assert site.sh("lb3", f"command -v killall; stat -c %a {NOTE}") == "/usr/bin/killall\n644"
        assert "9999" not in site.sh("lb1", "cat /etc/haproxy/haproxy.cfg")
        again = site.lbctl("drift")
        assert (again.out, again.err) == ("", "")

    def _named_for_programs(self, site: Site) -> None:
        done = site.lbctl("drift", "--json", code=2)
        items = by_address([item for item in done.document["items"] if item["what"] == "drift"])
        assert set(items) == {
            f"lb1/{HAPROXY}",
            f"lb2/{SYSCTL}",
            "lb2/service/keepalived",
            f"lb2/file{NOTE}",
            "lb3/package/psmisc",
            f"lb3/file{NOTE}",
        }
        # nobody has loaded the file that was edited here alone
        rest = {(item["what"], item["address"]) for item in done.document["items"] if item["what"] != "drift"}
        assert rest == {(what, f"lb1/{HAPROXY}") for what in ("unloaded", "differs")}
        assert all(item["address"].startswith(item["node"] + "/") for item in items.values())
        assert "maxconn" in items[f"lb1/{HAPROXY}"]["text"]
        applied, before, after = moved(items[f"lb1/{HAPROXY}"])["content"]
        assert applied == after != before
        assert moved(items[f"lb2/{SYSCTL}"]) == {"live": ("1", "0", "1")}
        assert moved(items["lb2/service/keepalived"]) == {"enabled": (True, False, True)}
        assert moved(items["lb3/package/psmisc"]) == {"installed": (True, False, True)}
        assert moved(items[f"lb3/file{NOTE}"]) == {"mode": ("0644", "0600", "0644")}
        assert all(before is None for _, before, _ in moved(items[f"lb2/file{NOTE}"]).values())

    def _named_for_people(self, site: Site) -> None:
        said = site.lbctl("drift", code=2).out
        words = (
            "lb1",
            "lb2",
            "lb3",
            "maxconn",
            "live: 1 → 0",
            "enabled: yes → no",
            "psmisc",
            "mode: 0644 → 0600",
        )
        assert [word for word in words if word not in said] == [], said

    def _apart_from_what_is_pending(self, site: Site) -> None:
        changes = by_address(site.plan()["changes"])
        assert changes[f"lb2/{HAPROXY}"]["standing"] == "pending"
        assert changes[f"lb1/{HAPROXY}"]["standing"] == "both"
        assert changes[f"lb2/{SYSCTL}"]["standing"] == "drift"
        pending, by_hand = site.lbctl("plan").out.split("Changed by hand since the last apply")
        assert "mesa-virt-04" in pending and "psmisc" not in pending
        assert "psmisc" in by_hand
        assert site.lbctl("drift", "--json", code=2).document["code"] == 2


class TestOtherCodes:
    def test_pending_alone_is_3(self, site: Site) -> None:
        site.write(four(site.text))
        found = site.lbctl("drift", "--json", code=3).document
        assert {item["what"] for item in found["items"]} == {"pending"}

    def test_a_node_that_is_down_is_4(self, site: Site) -> None:
        site.lab.power_cut("lb3")
        found = site.lbctl("drift", "--json", code=4).document
        assert [(item["what"], item["node"]) for item in found["items"]] == [("unknown", "lb3")]
        site.lab.start("lb3")
        eventually(lambda: site.sh("lb3", "systemctl is-active haproxy", check=False) == "active", 20)
