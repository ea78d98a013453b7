"""Every code of lint: cases that have it, and cases that have not (tests/cases/lint)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lbctl import haproxy, keepalived
from lbctl.lint import Machine, Subject, Text, between, find, rules
from lbctl.model.content import Content

CASES = Path(__file__).parents[1] / "cases" / "lint"
ONE_NODE = frozenset(
    {
        "haproxy",
        "keepalived",
        "packages",
        "sysctls",
        "files",
        "address",
        "addresses",
        "tools",
        "claimed",
        "loads",
        "open_files",
    }
)


def machine(name: str, told: Mapping[str, Any]) -> Machine:
    assert set(told) <= ONE_NODE, f"a case knows no {set(told) - ONE_NODE}"
    proxy, vrrp = told.get("haproxy"), told.get("keepalived")
    return Machine(
        name,
        told.get("address", ""),
        Text(haproxy.parse(proxy.encode("utf-8", "surrogateescape"), "haproxy.cfg"))
        if proxy is not None
        else None,
        Text(keepalived.parse(vrrp.encode("utf-8", "surrogateescape"), "keepalived.conf"))
        if vrrp is not None
        else None,
        frozenset(told["packages"]) if "packages" in told else None,
        {key: str(value) for key, value in told["sysctls"].items()} if "sysctls" in told else None,
        {path: Content(text.encode(), text.encode()) for path, text in told.get("files", {}).items()},
        frozenset(told["addresses"]) if "addresses" in told else None,
        frozenset(told["tools"]) if "tools" in told else None,
        told.get("claimed", {}),
        frozenset(told.get("loads", ())),
        told.get("open_files", 0),
    )


def subject(told: Mapping[str, Any]) -> Subject:
    """A case: one node's keys, or nodes by name; `additions` and `live` stand beside them."""
    rest = {key: value for key, value in told.items() if key not in ("additions", "live")}
    nodes = {"lb1": rest} if set(rest) <= ONE_NODE else rest
    additions = told.get("additions")
    return Subject(
        "cluster",
        tuple(machine(name, one) for name, one in nodes.items()),
        told.get("live", False),
        tuple(additions) if additions is not None else None,
    )


def codes(told: Mapping[str, Any], several: bool) -> set[str]:
    """What is found; in a case of `several`, what clusters by name have in common."""
    if several:
        clusters = [replace(subject(one), name=name) for name, one in told.items()]
        return {finding.problem.code for finding in between(clusters)}
    return {finding.problem.code for finding in find(subject(told))}


def cases() -> Iterator[tuple[str, str, int, Mapping[str, Any], bool]]:
    for path in sorted(CASES.glob("*.yaml")):
        for code, sides in yaml.safe_load(path.read_text()).items():
            for side in ("has", "has_not"):
                for number, told in enumerate(sides[side]):
                    yield code, side, number, told, path.stem == "between"


@pytest.mark.parametrize(("code", "side", "number", "told", "several"), list(cases()))
def test_case(code: str, side: str, number: int, told: Mapping[str, Any], several: bool) -> None:
    found = codes(told, several)
    assert (code in found) is (side == "has"), found


def test_every_code_of_lint_has_both() -> None:
    known = {(code, side) for code, side, *_ in cases()}
    wanted = {(code, side) for code, one in rules().items() if one.level for side in ("has", "has_not")}
    assert sorted(wanted - known) == []


def test_every_code_is_explained_whole() -> None:
    for code, one in rules().items():
        assert one.title and one.why and one.mend and one.source, code


def test_what_the_parsers_say_is_explained() -> None:
    facts = [path for room in ("haproxy", "keepalived") for path in (CASES.parent / room).glob("facts.yaml")]
    said = {
        line.split()[2]
        for path in facts
        for one in yaml.safe_load(path.read_text())
        for line in one["problems"]
    }
    assert len(said) > 20
    assert sorted(said - set(rules())) == []
