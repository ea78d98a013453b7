"""Edits change one statement and not one byte more."""

from __future__ import annotations

import pytest

from lbctl import haproxy, keepalived
from lbctl.document import Document, Statement, edit
from lbctl.errors import InputError

CFG = b"""# top
global
\tdaemon

backend b  # why
\tserver s1 10.0.0.1:80 check # first

\tserver s2 10.0.0.2:80
# tail
"""
CONF = b"""vrrp_instance V {
  state BACKUP
  virtual_ipaddress { 10.0.0.1 }
  track_script {
    a
    b } }
"""


def _one(document: Document, *words: str) -> Statement:
    return next(one for _, one in document.walk() if one.words[: len(words)] == words)


def test_append_uses_the_sections_indentation() -> None:
    document = haproxy.parse(CFG)
    added = edit.append(document, _one(document, "backend"), "server s3 10.0.0.3:80")
    assert added.render() == CFG.replace(b":80\n# tail", b":80\n\tserver s3 10.0.0.3:80\n# tail")


def test_append_to_an_empty_section_takes_the_files_step() -> None:
    document = haproxy.parse(CFG + b"backend c\n")
    added = edit.append(document, _one(document, "backend", "c"), "balance source")
    assert added.render() == CFG + b"backend c\n\tbalance source\n"


def test_replace_keeps_indentation_and_comment() -> None:
    document = haproxy.parse(CFG)
    changed = edit.replace(document, _one(document, "server", "s1"), "server s1 10.0.0.9:80")
    assert changed.render() == CFG.replace(b"10.0.0.1:80 check", b"10.0.0.9:80")


def test_remove_takes_the_whole_line() -> None:
    document = haproxy.parse(CFG)
    less = edit.remove(document, _one(document, "server", "s1"))
    assert less.render() == CFG.replace(b"\tserver s1 10.0.0.1:80 check # first\n", b"")


def test_a_missing_final_newline_is_mended_by_an_addition_only() -> None:
    document = haproxy.parse(b"global\n    daemon")
    assert (
        edit.append(document, document.statements[0], "maxconn 1").render()
        == b"global\n    daemon\n    maxconn 1\n"
    )


def test_crlf_stays() -> None:
    document = haproxy.parse(b"global\r\n    daemon\r\n")
    assert edit.append(document, document.statements[0], "maxconn 1").render() == (
        b"global\r\n    daemon\r\n    maxconn 1\r\n"
    )
    assert edit.replace(document, _one(document, "daemon"), "quiet").render() == b"global\r\n    quiet\r\n"


@pytest.mark.parametrize("text", ["a\nb", "a\rb"])
def test_one_line_is_one_line(text: str) -> None:
    document = haproxy.parse(CFG)
    with pytest.raises(InputError, match="newline"):
        edit.insert(document, 0, text)


def test_a_block_that_is_closed_on_its_last_items_line_is_opened_up() -> None:
    document = keepalived.parse(CONF)
    added = edit.append(document, _one(document, "track_script"), "c")
    assert added.render() == CONF.replace(b"    b } }", b"    b\n    c\n  } }")
    assert [one.words for one in _one(added, "track_script").children] == [("a",), ("b",), ("c",)]


def test_the_outer_of_two_braces() -> None:
    document = keepalived.parse(CONF)
    added = edit.append(document, document.statements[0], "nopreempt")
    assert added.render() == CONF.replace(b"    b } }", b"    b }\n  nopreempt\n}")
    assert ("nopreempt",) in [one.words for one in added.statements[0].children]


def test_append_to_a_one_line_block() -> None:
    document = keepalived.parse(CONF)
    added = edit.append(document, _one(document, "virtual_ipaddress"), "10.0.0.2")
    assert [one.words for one in _one(added, "virtual_ipaddress").children] == [("10.0.0.1",), ("10.0.0.2",)]
    assert _one(added, "track_script").children == tuple(
        Statement(one.words, one.line + 2, one.last + 2) for one in _one(document, "track_script").children
    )


def test_remove_of_what_shares_its_line() -> None:
    document = keepalived.parse(CONF)
    assert edit.remove(document, _one(document, "b")).render() == CONF.replace(b"    b } }", b" } }")
    assert edit.remove(document, _one(document, "virtual_ipaddress")).render() == CONF.replace(
        b"  virtual_ipaddress { 10.0.0.1 }\n", b""
    )


@pytest.mark.parametrize(
    "text",
    [
        b"global\n daemon\nbackend b\n balance source\n.if x\nbackend c\n.endif\n",
        b"global\n.if x\nbackend b\n balance source\n.endif\nbackend c\n",
        b"global\n.if x\nbackend b\n balance source\n.else\n.endif\n.if y\n",
    ],
)
def test_a_section_that_a_condition_goes_across_is_not_taken_out(text: bytes) -> None:
    document = haproxy.parse(text)
    for change in (edit.remove, lambda one, block: edit.replace(one, block, "backend d")):
        with pytest.raises(InputError, match="a condition is not wholly within 'backend b'"):
            change(document, _one(document, "backend", "b"))


def test_a_section_with_its_own_condition_is() -> None:
    document = haproxy.parse(b"global\nbackend b\n .if x\n balance source\n .endif\nbackend c\n")
    assert edit.remove(document, _one(document, "backend", "b")).render() == b"global\nbackend c\n"


def test_replace_of_a_block() -> None:
    document = keepalived.parse(CONF)
    changed = edit.replace(document, _one(document, "track_script"), "nopreempt")
    assert changed.render() == CONF.replace(b"track_script {\n    a\n    b }", b"nopreempt")


def test_a_word_that_stands_on_the_line_more_than_once() -> None:
    document = keepalived.parse(b"a {\n b { b }\n}\n")
    inner = document.statements[0].children[0].children[0]
    assert edit.replace(document, inner, "c").render() == b"a {\n b { c }\n}\n"


def test_edits_leave_the_old_document_alone() -> None:
    document = haproxy.parse(CFG)
    edit.remove(document, document.statements[0])
    assert document.render() == CFG


def test_no_repr_shows_content() -> None:
    document = haproxy.parse(b"userlist u\n    user a insecure-password s3cret\n")
    shown = repr((document, document.lines, document.statements, haproxy.LANGUAGE.scan(b"s3cret").words))
    assert "s3cret" not in shown
