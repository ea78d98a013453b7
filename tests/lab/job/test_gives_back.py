"""What leaves the cluster file: lbctl gives back what it owns, and leaves alone what it does not."""

from __future__ import annotations

import pytest

from tests.lab.job.steps import NODES, NOTE, Site, by_address, cluster_text, with_files

pytestmark = pytest.mark.lab

THEIRS = "/opt/theirs"
SAME = "/opt/same"
SYSCTL = "net.ipv4.ip_nonlocal_bind"
PACKAGES = "packages: [haproxy, keepalived, psmisc]"


def test_everything_that_is_dropped_at_once(site: Site) -> None:
    """One apply takes it in, one lets it go: each costs seconds."""
    for node in NODES:
        site.put(node, THEIRS, "theirs\n")
        site.put(node, SAME, "same\n")
        site.sh(node, f"chmod 0604 {THEIRS}; chown daemon:games {THEIRS}; chmod 0644 {SAME}")
    site.write(with_files(site.text, f'{THEIRS}: {{content: "ours\\n"}}', f'{SAME}: {{content: "same\\n"}}'))
    site.apply()
    assert site.sh("lb1", f"cat {THEIRS}; stat -c '%a %U:%G' {THEIRS}") == "ours\n644 root:root"
    _let_go(site)
    for node in NODES:
        assert site.sh(node, f"cat {THEIRS}; stat -c '%a %U:%G' {THEIRS}") == "theirs\n604 daemon:games"
        assert site.sh(node, f"cat {SAME}") == "same"
        assert site.sh(node, f"ls {NOTE}", check=False) == ""
        assert site.sh(node, f"sysctl -n {SYSCTL}; grep -rs {SYSCTL} /etc/sysctl.d || echo none") == "1\nnone"
        assert site.sh(node, "command -v killall; systemctl is-active haproxy") == "/usr/bin/killall\nactive"
        assert "opt" not in site.sh(node, "ls /var/lib/lbctl/original")
        site.sh(node, f"rm {THEIRS} {SAME}")


def _let_go(site: Site) -> None:
    """Sysctl, package and all three files out of the cluster file, planned and applied."""
    text = cluster_text(
        site.name,
        (PACKAGES, "packages: [haproxy, keepalived]"),
        (f"sysctl: {{{SYSCTL}: 1}}\n", ""),
    )
    site.write(text[: text.index("files:")])
    changes = by_address(site.plan()["changes"])
    assert {address: change["action"] for address, change in changes.items() if change["node"] == "lb1"} == {
        f"lb1/sysctl/{SYSCTL}": "delete",
        "lb1/package/psmisc": "forget",
        f"lb1/file{NOTE}": "delete",
        f"lb1/file{THEIRS}": "restore",
        f"lb1/file{SAME}": "restore",
    }
    assert "the live value stays 1" in changes[f"lb1/sysctl/{SYSCTL}"]["note"]
    assert "stays 1" in site.lbctl("plan").out
    site.apply()
    assert site.plan()["changes"] == []


def test_absent_removes(site: Site) -> None:
    check = ("script: killall -0 haproxy", "script: pidof haproxy")
    text = cluster_text(
        site.name, (PACKAGES, "packages: {haproxy: null, keepalived: null, psmisc: absent}"), check
    )
    site.write(text.replace('{content: "hello\\n"}', "{absent: true}"))
    site.apply()
    for node in NODES:
        assert site.sh(node, f"command -v killall; ls {NOTE}", check=False) == ""
    assert site.plan()["changes"] == []
