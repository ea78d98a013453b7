"""What the views read from a haproxy.cfg."""

from __future__ import annotations

import pytest

from lbctl import haproxy
from lbctl.haproxy.address import Endpoint, endpoint
from lbctl.haproxy.views import binds, proxies, server_state_file, servers, stats_socket

CFG = b"""global
    stats socket /var/run/weak.sock level operator
    stats socket ipv4@127.0.0.1:9999 level admin
    stats socket unix@/run/haproxy/admin.sock mode 660 level admin
    server-state-base /var/lib/haproxy/
    server-state-file state
defaults
    mode http
    default_backend b
defaults db
    mode tcp
frontend f
    bind :80,:81
    bind 10.0.0.1:443 ssl crt /x alpn h2
    use_backend c if x
    use_backend d if y
backend b
    default-server disabled check
    server s1 10.0.0.1:80 enabled backup
    server s2 [2001:db8::1]:81 no-check
    server-template t 3 10.0.0.2:80
listen l from db
    bind unix@/run/l.sock
    bind :::3306-3310
    server s3 db1 check
    disabled
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1:80", Endpoint("10.0.0.1", 80, 80)),
        (":80", Endpoint("", 80, 80)),
        ("*:80-90", Endpoint("*", 80, 90)),
        ("[2001:db8::1]:443", Endpoint("2001:db8::1", 443, 443)),
        (":::443", Endpoint("::", 443, 443)),
        ("ipv4@10.0.0.1:1", Endpoint("10.0.0.1", 1, 1, "ipv4")),
        ("quic4@:443", Endpoint("", 443, 443, "quic4")),
        ("unix@/run/x", Endpoint("/run/x", 0, 0, "unix")),
        ("/run/x:1", Endpoint("/run/x:1", 0, 0, "unix")),
        ("abns@name", Endpoint("name", 0, 0, "abns")),
        ("host", Endpoint("host", 0, 0)),
        ("10.0.0.1:${PORT}", Endpoint("10.0.0.1", 0, 0)),
        (":" + "9" * 5000, Endpoint("", 0, 0)),
        ("", Endpoint("", 0, 0)),
    ],
)
def test_addresses(text: str, expected: Endpoint) -> None:
    assert endpoint(text) == expected


@pytest.mark.parametrize(
    ("words", "answered"),
    [
        ("10.0.0.9:80", "10.0.0.9"),
        ("[2001:db8::9]:80", "2001:db8::9"),
        (":80", "10.0.0.9"),
        ("*:80", "10.0.0.9"),
        (":::80", "10.0.0.9 2001:db8::9"),
        (":::80 v4v6", "10.0.0.9 2001:db8::9"),
        (":::80 v6only", "2001:db8::9"),
        ("10.0.0.8:80", ""),
        ("unix@/run/x", ""),
    ],
)
def test_which_addresses_a_bind_answers(words: str, answered: str) -> None:
    (bind,) = binds(haproxy.parse(f"listen l\n bind {words}\n".encode()))
    assert [one for one in ("10.0.0.9", "2001:db8::9") if bind.answers(one)] == answered.split()


def test_binds() -> None:
    found = binds(haproxy.parse(CFG))
    assert [(one.proxy, one.address, one.first_port, one.last_port, one.ssl, one.line) for one in found] == [
        ("f", "", 80, 80, False, 13),
        ("f", "", 81, 81, False, 13),
        ("f", "10.0.0.1", 443, 443, True, 14),
        ("l", "/run/l.sock", 0, 0, False, 23),
        ("l", "::", 3306, 3310, False, 24),
    ]
    assert [one.socket for one in found] == [False, False, False, True, False]


def test_servers() -> None:
    found = servers(haproxy.parse(CFG))
    assert [(one.proxy, one.name, one.address, one.port) for one in found] == [
        ("b", "s1", "10.0.0.1", 80),
        ("b", "s2", "2001:db8::1", 81),
        ("l", "s3", "db1", 0),
    ]
    assert [(one.backup, one.check, one.disabled) for one in found] == [
        (True, True, False),
        (False, False, True),
        (False, True, False),
    ]


def test_proxies() -> None:
    found = proxies(haproxy.parse(CFG))
    assert [(one.kind, one.name, one.mode, one.default_backend, one.disabled) for one in found] == [
        ("frontend", "f", "tcp", "", False),
        ("backend", "b", "tcp", "", False),
        ("listen", "l", "tcp", "", True),
    ]
    assert found[0].backends == ("c", "d")
    assert [one.defaults for one in found] == [10, 10, 10]


def test_a_proxy_names_its_defaults() -> None:
    text = b"defaults a\n mode http\n default_backend b\ndefaults\n mode tcp\nfrontend f from a\n bind :80\n"
    (one,) = proxies(haproxy.parse(text))
    assert (one.mode, one.default_backend, one.defaults) == ("http", "b", 1)


def test_the_socket_is_a_local_one_of_level_admin() -> None:
    assert stats_socket(haproxy.parse(CFG)) == "/run/haproxy/admin.sock"
    assert (
        stats_socket(haproxy.parse(b"global\n    stats socket /x level user\n    stats socket /y\n")) is None
    )
    assert stats_socket(haproxy.parse(b"")) is None


def test_the_state_file() -> None:
    assert server_state_file(haproxy.parse(CFG)) == "/var/lib/haproxy/state"
    assert server_state_file(haproxy.parse(b"global\n    server-state-file /x\n")) == "/x"
    assert server_state_file(haproxy.parse(b"global\n    server-state-file\n")) is None


def test_a_backslash_before_a_tab_is_no_escape() -> None:
    """Unlike one before a blank: it stays, and the tab ends the word (configuration manual 2.2)."""
    words = haproxy.LANGUAGE.scan(b"description a\\\tb c\\ d").words
    assert [word.text for word in words] == ["description", "a\\", "b", "c d"]
