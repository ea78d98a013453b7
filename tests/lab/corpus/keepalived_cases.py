"""The rows of tests/cases/keepalived/dump.yaml: a text, and what keepalived was seen to have of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.lab.corpus.keepalived_dump import Facts

ROWS = Path(__file__).parents[2] / "cases" / "keepalived" / "dump.yaml"
USUAL: Mapping[str, Facts] = {
    "instance": {
        "state": "BACKUP",
        "interface": "eth0",
        "virtual_router_id": 51,
        "priority": 100,
        "advert_int": 1.0,
        "down_timer_adverts": 3,
        "nopreempt": False,
        "sync_group": "",
        "version": 2,
        "authenticated": False,
        "vips": ["10.0.0.1 dev eth0"],
        "excluded": [],
        "peers": [],
        "unicast_source": "",
        "scripts": [],
        "files": [],
    },
    "script": {"command": ["true"], "interval": 1, "weight": "0", "rise": 1, "fall": 1},
}
VIP = "virtual_ipaddress {\n10.0.0.1\n}"


@dataclass(frozen=True)
class Case:
    name: str
    text: bytes
    has: Mapping[str, Facts]


def cases() -> list[Case]:
    rows = yaml.safe_load(ROWS.read_text())
    return [Case(row["name"], _text(row), _has(row["is"])) for row in rows]


def _text(row: Mapping[str, str]) -> bytes:
    body = row.get("instance", "")
    if "virtual_ipaddress {" not in body:
        body = f"{body.rstrip()}\n{VIP}"
    instance = f"vrrp_instance V {{\ninterface eth0\nvirtual_router_id 51\n{body.strip()}\n}}\n"
    own = f"{row.get('before', '')}\n{instance}{row.get('after', '')}"
    return row.get("text", own).encode()


def _has(found: Mapping[str, Facts]) -> Mapping[str, Facts]:
    return {thing: {**USUAL[thing.split()[0]], **other} for thing, other in found.items()}
