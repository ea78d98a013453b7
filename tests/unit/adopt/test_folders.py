"""What is in a folder that a configuration names is as if it were named itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lbctl.adopt.folders import MOST_FILES, folder_probes, inside
from lbctl.adopt.references import Named
from lbctl.model.command import Answer
from tests.unit.adopt.nodes import file, imported, node, text

CERTS = Named("/etc/haproxy/certs/", "haproxy", script=False)
PROXY = b"frontend api\n    bind :443 ssl crt /etc/haproxy/certs/\n"
VRRP = b"vrrp_instance v {\n    virtual_router_id 1\n    priority 100\n}\n"


def answered(*lines: str) -> dict[str, Answer]:
    return {"folders": Answer(0, "".join(f"{line}\n" for line in lines).encode())}


def test_only_folders_of_the_daemons_are_looked_into() -> None:
    (probe,) = folder_probes([CERTS, Named("/etc/ssl/", "haproxy", script=False)])
    assert "for d in /etc/haproxy/certs;" in probe.script and "/etc/ssl" not in probe.script
    assert folder_probes([Named("/etc/ssl/", "haproxy", script=False)]) == []


def test_each_file_is_named_once_with_its_folders_daemon() -> None:
    known = Named("/etc/haproxy/certs/a.pem", "haproxy", script=False)
    said = answered("file /etc/haproxy/certs/a.pem", "link /etc/haproxy/certs/b c.pem", "file /elsewhere/x")
    assert list(inside([CERTS, known], said)) == [
        (Named("/etc/haproxy/certs/b c.pem", "haproxy", script=False), "link")
    ]


def test_a_folder_of_many_is_left() -> None:
    lines = [f"file /etc/haproxy/certs/{number}" for number in range(MOST_FILES + 1)]
    assert len(list(inside([CERTS], answered(*lines[1:])))) == MOST_FILES
    assert list(inside([CERTS], answered(*lines))) == []


def test_a_certificate_in_it_is_taken_and_the_folder_says_so(tmp_path: Path) -> None:
    key = file("/etc/haproxy/certs/a.pem", b"-----BEGIN PRIVATE KEY-----\n", "0600")
    live = node(1, PROXY, VRRP, more=(key,))
    kinds = {"/etc/haproxy/certs/": "folder", key.path: "file"}
    within = Named(key.path, "haproxy", script=False)
    found = imported(tmp_path, replace(live, named=(*live.named, within), kinds=kinds))
    assert (tmp_path / "secrets" / "etc_haproxy_certs_a.pem").read_bytes() == key.data
    assert (
        f"{key.path}: {{secret: {{file: secrets/etc_haproxy_certs_a.pem}}, after: reload haproxy}}"
        in text(tmp_path)
    )
    assert {one.name: one.text for one in found.left} == {
        "/etc/haproxy/certs/": "a folder: the files that are in it now are looked at one by one"
    }
