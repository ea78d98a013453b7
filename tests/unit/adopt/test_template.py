"""Several nodes' texts as one: filled again it is each node's, to the byte, whatever they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbctl.adopt.template import Subjects, Template, Texts, template
from lbctl.document import encode
from lbctl.keepalived import parse
from lbctl.keepalived.views import instances
from tests.unit.adopt.nodes import imported, node, text

NODES = Subjects(("lb1", "lb2"), ("192.0.2.1", "192.0.2.2"))
THREE = Subjects(("lb1", "lb2", "lb3"), ("192.0.2.1", "192.0.2.2", "192.0.2.3"))
VRRP = """\
global_defs {{
    router_id LVS_{n}
}}
vrrp_instance one {{
    state {state}
    interface {interface}
    virtual_router_id 51
    priority {priority}
    unicast_src_ip 192.0.2.{n}
    unicast_peer {{
{peers}
    }}
}}
"""


def woven(*texts: str, nodes: Subjects = NODES) -> Template | None:
    return template(texts, nodes, {}, instances(parse(encode(texts[0]))))


def vrrp(n: int, *peers: int, state: str = "BACKUP", interface: str = "eth0") -> str:
    lines = "\n".join(f"        192.0.2.{peer}" for peer in peers)
    return VRRP.format(n=n, state=state, interface=interface, priority=103 - n, peers=lines)


class TestByMeaning:
    def test_what_differs_and_nothing_else(self) -> None:
        found = woven(vrrp(1, 2, state="MASTER"), vrrp(2, 1, interface="ens3"))
        assert found
        expected = VRRP.format(
            n="X",
            state="${node.state}",
            interface="${node.interface}",
            priority="${node.priority}",
            peers="        ${node.peers}",
        )
        expected = expected.replace("LVS_X", "${node.router_id}").replace("192.0.2.X", "${node.address}")
        assert found.text == expected
        assert found.values == {
            "router_id": ("LVS_1", "LVS_2"),
            "state": ("MASTER", "BACKUP"),
            "interface": ("eth0", "ens3"),
            "priority": ("102", "101"),
        }

    def test_the_peers_of_three_are_one_line(self) -> None:
        found = woven(vrrp(1, 2, 3), vrrp(2, 1, 3), vrrp(3, 1, 2), nodes=THREE)
        assert found and "    unicast_peer {\n        ${node.peers}\n    }\n" in found.text

    def test_peers_in_another_order_are_words(self) -> None:
        found = woven(vrrp(1, 3, 2), vrrp(2, 1, 3), vrrp(3, 1, 2), nodes=THREE)
        assert found and "${node.peers}" not in found.text
        assert found.values["line"] == ("192.0.2.3", "192.0.2.1", "192.0.2.1")

    def test_each_instance_has_its_own(self) -> None:
        block = "vrrp_instance {0} {{\n    interface eth0\n    priority {1}\n    state {2}\n}}\n"
        found = woven(
            block.format("a", 100, "MASTER") + block.format("b", 90, "BACKUP"),
            block.format("a", 90, "BACKUP") + block.format("b", 100, "MASTER"),
        )
        assert found and found.values == {
            "priority.a": ("100", "90"),
            "state.a": ("MASTER", "BACKUP"),
            "priority.b": ("90", "100"),
            "state.b": ("BACKUP", "MASTER"),
        }
        assert "priority ${node.priority.b}\n" in found.text

    @pytest.mark.parametrize("value", ["0", "256", "0100", "$PRIO"])
    def test_what_is_no_priority_is_a_variable(self, value: str) -> None:
        block = "vrrp_instance a {{\n    priority {0}\n}}\n"
        found = woven(block.format("100"), block.format(value))
        assert found and found.values == {"priority_word": ("100", value)}

    def test_names_and_addresses_within_words(self) -> None:
        line = "frontend stats\n    bind {1}:1984 name stats-{0}\npeers x\n    peer {0} {1}:1024\n"
        found = woven(line.format("lb1", "192.0.2.1"), line.format("lb2", "192.0.2.2"))
        assert found and found.text == line.format("${node.name}", "${node.address}") and not found.values

    def test_not_within_other_words(self) -> None:
        found = woven("server a 192.0.2.11:80\n", "server a 192.0.2.21:80\n")
        assert found and found.text == "server a ${node.server}:80\n"
        assert found.values == {"server": ("192.0.2.11", "192.0.2.21")}


class TestRemarks:
    def test_of_lines_of_the_same_words_are_the_nodes_own(self) -> None:
        found = woven("priority 1 # one\nb\n", "priority 1   # the other\nb   \n")
        assert found and found.text == "priority 1${node.remark}\nb${node.remark_2}\n"
        assert found.values == {"remark": (" # one", "   # the other"), "remark_2": ("", "   ")}

    def test_beside_words_that_differ(self) -> None:
        found = woven("a x # 1 2\n", "a y\n")
        assert found and found.text == "a ${node.a}${node.remark}\n"

    def test_too_many_are_files_of_their_own(self) -> None:
        assert woven("a # x\n" * 5, "a\n" * 5) and not woven("a # x\n" * 6, "a\n" * 6)


class TestOtherwise:
    DIFFERENT: tuple[Texts, ...] = (
        ("a\nb\n", "a\n"),
        ("a b\n", "a  b\n"),
        ("a b\n", "a b c\n"),
        ("priority 1\nstate X\n", "state X\npriority 1\n"),
        ("a b\n", "a b"),
        ("a ${secret.x}\n", "a ${secret.y}\n"),
        ("a \udce9\n", "a b\n"),
    )

    @pytest.mark.parametrize("texts", DIFFERENT)
    def test_each_has_a_file_of_its_own(self, texts: Texts) -> None:
        assert woven(*texts) is None

    def test_the_same_values_are_one_variable(self) -> None:
        found = woven("a x1\nb x1 y1\n", "a x2\nb x2 y2\n")
        assert found and found.text == "a ${node.a}\nb ${node.a} ${node.b}\n"

    def test_a_name_that_is_taken_gets_a_number(self) -> None:
        found = template(("a x\n", "a y\n"), NODES, {"a": ("1", "2")})
        assert found and found.values == {"a": ("1", "2"), "a_2": ("x", "y")}


WORDS = st.sampled_from(
    (
        *("priority", "state", "interface", "auth_pass", "password", "stats auth", "unicast_peer", "{", "}"),
        *(
            "192.0.2.1",
            "192.0.2.2",
            "192.0.2.3",
            "lb1",
            "lb2",
            "100",
            "90",
            "MASTER",
            "BACKUP",
            "eth0",
            "a:b",
        ),
        *(
            "${node.name}",
            "$${node.name}",
            "${secret.x}",
            "${X}",
            '"$X"',
            "#",
            "!",
            "\\",
            '"',
            "'",
            "'s cr#t'",
        ),
        *(
            "vrrp_instance v {",
            "user u password",
            "\r",
            "\t",
            "  ",
            "é",
            "\udcff",
            "x",
            "",
            "node",
            "$",
            "{a.b}",
        ),
    )
)
LINES = st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=6).map("\n".join)


@st.composite
def alike(draw: st.DrawFn) -> list[bytes]:
    """Two or three files, of which each differs in some words from the first; or in everything."""
    first = draw(LINES)
    texts = [first]
    for _ in range(draw(st.integers(1, 2))):
        words = first.split(" ")
        for _ in range(draw(st.integers(0, 3))):
            words[draw(st.integers(0, len(words) - 1))] = draw(WORDS)
        texts.append(" ".join(words) if draw(st.integers(0, 9)) else draw(LINES))
    return [text.encode("utf-8", "surrogateescape") for text in texts]


@settings(deadline=None, max_examples=40)
@given(alike(), alike())
def test_whatever_the_files_hold_comes_back(
    tmp_path_factory: pytest.TempPathFactory, proxies: list[bytes], vrrps: list[bytes]
) -> None:
    """import proves itself before it writes: it compares every file with what the node has, to the byte."""
    root = tmp_path_factory.mktemp("any")
    found = [
        node(number, proxy, other)
        for number, (proxy, other) in enumerate(zip(proxies, vrrps, strict=False), 1)
    ]
    imported(root, *found)
    assert text(root).startswith("#")


def test_secrets_that_differ(tmp_path: Path) -> None:
    block = "vrrp_instance v {{\n    authentication {{\n        auth_pass {0}\n    }}\n}}\n"
    found = [node(n, b"global\n", block.format(f"word{n}").encode()) for n in (1, 2)]
    imported(tmp_path, *found)
    assert text(tmp_path, "lb2/keepalived.conf") == block.format("${secret.auth_pass_2}")
    assert text(tmp_path, "secrets/auth_pass_2") == "word2\n"
