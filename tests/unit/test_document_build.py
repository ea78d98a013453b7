"""Documents from words, as the guide writes them."""

from __future__ import annotations

import pytest

from lbctl import haproxy, keepalived
from lbctl.errors import InputError


def test_haproxy_sections() -> None:
    document = haproxy.build(
        [
            haproxy.Section(("global",), (("daemon",),)),
            haproxy.Section(
                ("backend", "b"),
                (("server", "s", "10.0.0.1:80"), "# as it is", "", ("errorfile", "503", "/a b")),
            ),
        ]
    )
    assert document.render().decode() == (
        "global\n    daemon\n\n"
        'backend b\n    server s 10.0.0.1:80\n    # as it is\n\n    errorfile 503 "/a b"\n'
    )
    assert document.valid


def test_keepalived_blocks() -> None:
    node = keepalived.Node
    document = keepalived.build(
        [
            node(("vrrp_script", "c"), (node(("script", "killall -0 haproxy")), node(("interval", "2")))),
            node(
                ("vrrp_instance", "V"),
                (
                    node(("virtual_router_id", "47")),
                    node(("virtual_ipaddress",), (node(("10.15.85.31",)),)),
                    node(("track_interface",), ()),
                    node(text="# as it is"),
                ),
            ),
        ]
    )
    assert document.render().decode() == (
        'vrrp_script c {\n    script "killall -0 haproxy"\n    interval 2\n}\n\n'
        "vrrp_instance V {\n    virtual_router_id 47\n    virtual_ipaddress {\n        10.15.85.31\n    }\n"
        "    track_interface {\n    }\n    # as it is\n}\n"
    )
    assert document.valid


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "\x00", "\x1b[31m", "\x7f"])
def test_one_word_is_one_word(word: str) -> None:
    with pytest.raises(InputError, match="control character"):
        haproxy.quote(word)
    with pytest.raises(InputError, match="control character"):
        keepalived.quote(word)


def test_what_keepalived_cannot_hold() -> None:
    for word in ('a"b', "a b\\"):
        with pytest.raises(InputError, match="double quote"):
            keepalived.quote(word)
    assert keepalived.statement(("script", 'a "b"')) == 'script "a \\"b\\""'


def test_quotes() -> None:
    assert haproxy.quote("a b") == '"a b"'
    assert haproxy.quote('a"$b') == '"a\\"\\$b"'
    assert haproxy.quote("") == '""'
    assert keepalived.quote("a#b!") == '"a#b!"'
    assert keepalived.quote("haproxy-check") == "haproxy-check"


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("${X}", '"${X}"'),
        ("$X/a b", '"$X/a b"'),
        (":${PORT-80}", '":${PORT-80}"'),
        ('${X}"\\$1', '"${X}\\"\\\\\\$1"'),
        ("^/a$", "^/a$"),
        ("a b$", '"a b\\$"'),
    ],
)
def test_a_variable_stays_one(word: str, text: str) -> None:
    assert haproxy.statement(("acl", word)) == f"acl {text}"
    assert haproxy.parse(f"acl {text}\n".encode()).lines[0].words == ("acl", word)
    assert not haproxy.LANGUAGE.scan(text.encode()).faults
