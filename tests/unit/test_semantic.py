"""The difference between documents: what the rows of tests/cases cannot say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lbctl import haproxy, keepalived
from lbctl.planning.semantic import TEXT, DocumentChange, diff

CFG = b"global\n    daemon\n\nbackend b\n    server s 10.0.0.1:80\n"


def test_a_file_that_was_not_there() -> None:
    document = haproxy.parse(CFG)
    assert [str(one) for one in diff(None, document)] == [
        "global: + global",
        "global: + daemon",
        "backend b: + backend b",
        "backend b: + server s 10.0.0.1:80",
    ]
    assert {one.action for one in diff(document, None)} == {"-"}
    assert diff(None, None) == ()


def test_a_repeated_section_is_told_apart() -> None:
    before = haproxy.parse(CFG + b"global\n    maxconn 1\n")
    after = haproxy.parse(CFG + b"global\n    maxconn 2\n")
    assert diff(before, after) == (DocumentChange("global (2)", "~", "maxconn 1", "maxconn 2"),)


def test_within_conditions_every_order_counts() -> None:
    text = b"backend b\n.if x\n    option a\n.else\n    option b\n.endif\n"
    changes = diff(haproxy.parse(text), haproxy.parse(text.replace(b"option a", b"option c")))
    assert [str(change) for change in changes] == ["backend b: ~ option a -> option c"]


def test_a_lost_last_newline_is_text() -> None:
    assert [one.kind for one in diff(haproxy.parse(CFG), haproxy.parse(CFG[:-1]))] == [TEXT]


def test_a_changed_header() -> None:
    before, after = haproxy.parse(b"listen a\n"), haproxy.parse(b"listen a from x\n")
    assert [str(one) for one in diff(before, after)] == ["listen a: + listen a from x"]


def test_an_empty_block_is_something() -> None:
    before = keepalived.parse(b"vrrp_instance V {\n}\n")
    after = keepalived.parse(b"vrrp_instance V {\n    authentication {\n    }\n}\n")
    assert [str(one) for one in diff(before, after)] == ["vrrp_instance V: + authentication { }"]


@pytest.mark.parametrize("language", [haproxy, keepalived], ids=["haproxy", "keepalived"])
def test_equal_texts_do_not_load_deepdiff(language: object) -> None:
    code = (
        "import sys; from lbctl import haproxy; from lbctl.planning.semantic import diff;"
        "a = haproxy.parse(b'global\\n'); diff(a, haproxy.parse(b'global\\n'));"
        "sys.exit('deepdiff' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
