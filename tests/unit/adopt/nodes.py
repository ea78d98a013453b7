"""Nodes as import reads them, made of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

from lbctl.adopt.clusterfile import Value
from lbctl.adopt.live import File, Live, all_named
from lbctl.model.adoption import Adoption
from lbctl.model.cluster import HAPROXY_CFG, KEEPALIVED_CONF
from lbctl.model.command import Answer
from lbctl.workflows.adopt import Wishes, take, write

HEAD: dict[str, Value] = {"cluster": "taken"}


def file(path: str, data: bytes, mode: str = "0644", owner: str = "root", group: str = "root") -> File:
    return File(path, data, mode, owner, group)


def node(
    number: int,
    haproxy: bytes,
    keepalived: bytes | None,
    *,
    address: str = "",
    interface: str = "eth0",
    more: tuple[File, ...] = (),
    hands: str = "",
) -> Live:
    """lb1, lb2 …, with both daemons enabled and active, and these files beside their main ones."""
    files = {HAPROXY_CFG: file(HAPROXY_CFG, haproxy)}
    if keepalived is not None:
        files[KEEPALIVED_CONF] = file(KEEPALIVED_CONF, keepalived)
    files |= {one.path: one for one in more}
    services = {"haproxy": (True, True), "keepalived": (True, True)}
    live = Live(
        host=f"lb{number}",
        hostname=f"lb{number}",
        os="Debian",
        addresses=((interface, ip_interface(address or f"192.0.2.{number}/24")),),
        reads={"haproxy": (HAPROXY_CFG,), "keepalived": (KEEPALIVED_CONF,)},
        files=files,
        unreadable={},
        packages=frozenset({"haproxy", "keepalived"}),
        conffiles={},
        sysctls={"net.ipv4.ip_nonlocal_bind": ("1", "1")},
        services=services,
        dropins=(),
        answers={"hands": Answer(0, hands.encode())},
    )
    named = all_named(live)
    return replace(live, named=named, kinds={one.path: "file" for one in named if one.path in files})


def imported(
    root: Path,
    *found: Live,
    names: Mapping[str, str] | None = None,
    files: bool = True,
    head: Mapping[str, Value] = HEAD,
) -> Adoption:
    """The workspace that import makes of them; it proves itself, or raises."""
    adoption, subjects = take(found, Wishes(head, names or {}, files))
    return write(root, adoption, subjects)


def text(root: Path, path: str = "cluster.yaml") -> str:
    return (root / path).read_bytes().decode("utf-8", "surrogateescape")
