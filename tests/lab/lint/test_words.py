"""What the daemons' own checks say of the cases of lint, of those that have a code and of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lbctl import keepalived
from lbctl.lint import Machine, Subject, Text, find
from tests.lab.lint.proxies import Ground

pytestmark = pytest.mark.lab
CASES = Path(__file__).parents[2] / "cases" / "lint"
SAID = {
    ("no-section", "haproxy"): "out of section",
    ("no-name", "haproxy"): "expects an <id> argument",
    ("bad-name", "haproxy"): "is not permitted in",
    ("header-address", "haproxy"): "please use the 'bind' keyword",
    ("duplicate-section", "haproxy"): "has the same name as",
    ("duplicate-section", "keepalived"): "already defined",
    ("duplicate-server", "haproxy"): "was already defined",
    ("too-many-words", "haproxy"): "too many words",
    ("nbsp", "haproxy"): "unknown keyword",
    ("nbsp", "keepalived"): "Unknown keyword",
    ("nul", "haproxy"): "Missing LF",
    ("bom", "haproxy"): "unknown keyword",
    ("bom", "keepalived"): "Unknown keyword",
    ("unmatched-quote", "haproxy"): "unmatched quote",
    ("unmatched-quote", "keepalived"): "Unmatched quote",
    ("bad-escape", "haproxy"): "invalid hexadecimal sequence",
    ("bad-variable", "haproxy"): "forbidden first char in environment variable",
    ("bad-number", "keepalived"): "outside range [1, 255]",
    ("bad-state", "keepalived"): "unknown state",
    ("no-router-id", "keepalived"): "the virtual router id must be set",
    ("shared-router-id", "keepalived"): "both use VRID 1",
    ("unknown-script", "keepalived"): "track script c not found",
    ("undefined-name", "keepalived"): "invalid number '$P'",
    ("long-line", "keepalived"): "Unknown keyword 'xxx",
    ("continuation", "keepalived"): "Unknown keyword 'priority",
    ("unknown-section", "keepalived"): "Unknown keyword 'vrrp_instanze'",
    ("extra-brace", "keepalived"): "Extra '}' found",
    ("missing-brace", "keepalived"): "missing '}'s",
    ("no-command", "keepalived"): "No script set",
    ("no-interface", "keepalived"): "Unknown interface!",
    ("out-of-range", "keepalived"): "(/tmp/checked.conf: Line",
}
"""By code and daemon: what its check says of every case that has the code, and of no other."""


def texts(code: str, daemon: str, side: str) -> Iterator[str]:
    """Of one node, and whole: what is included is not there, and what stands for a value is not known."""
    for path in CASES.glob("*.yaml"):
        for told in yaml.safe_load(path.read_text()).get(code, {side: []})[side]:
            text = told.get(daemon, "")
            if text and "include" not in text and (side == "has" or "$" not in text):
                yield text


@pytest.mark.parametrize(("code", "daemon"), SAID, ids=["-".join(one) for one in SAID])
def test_the_daemon_says_so(ground: Ground, code: str, daemon: str) -> None:
    words = SAID[code, daemon]
    wrong, right = (list(texts(code, daemon, side)) for side in ("has", "has_not"))
    assert wrong
    for text in wrong:
        assert words in ground.says(daemon, text), text
    for text in right:
        assert words not in ground.says(daemon, text), text


INSTANCE = """\
vrrp_instance api {{
    interface eth0
    virtual_router_id 61
    priority 100
    {words}
    {vips}
}}
""".format
VIPS = "virtual_ipaddress {\n        10.22.0.9\n    }"
CHECK = "vrrp_script c {{\n    script {}\n}}\n".format
SECURE = "global_defs {\n    enable_script_security\n    script_user root\n}\n"
FOLLOWS = "track_script {\n        c\n    }"
WHOLE = SECURE + CHECK("/bin/true") + INSTANCE(words=FOLLOWS, vips=VIPS)
NO_PEERS = "A unicast keyword has been specified without any unicast peers"
WHOLE_SAID = {
    "no-vip": ((INSTANCE(words="", vips=""), "No VIP specified"),),
    "nopreempt-master": (
        (INSTANCE(words="state MASTER\n    nopreempt", vips=VIPS), "nopreempt will not work"),
    ),
    "no-password": (
        (INSTANCE(words="authentication {\n auth_type PASS\n }", vips=VIPS), "no password given"),
    ),
    "advert-int-rounded": ((INSTANCE(words="advert_int 1.5", vips=VIPS), "must be an integer. rounding"),),
    "small-sync-group": (
        (
            INSTANCE(words="", vips=VIPS) + "vrrp_sync_group g {\n group {\n api\n }\n}\n",
            "has only 1 virtual router",
        ),
    ),
    "script-security": ((CHECK("/bin/true") + INSTANCE(words=FOLLOWS, vips=VIPS), "SECURITY VIOLATION"),),
    "script-writable": (
        (SECURE + CHECK("/tmp/open") + INSTANCE(words=FOLLOWS, vips=VIPS), "due to insecure"),
    ),
    "no-effect": (
        (INSTANCE(words="state MASTER\n    preempt_delay 10", vips=VIPS), "preempt delay will not work"),
        (INSTANCE(words="nopreempt\n    preempt_delay 10", vips=VIPS), "incompatible with nopreempt"),
        (INSTANCE(words="unicast_src_ip 10.22.0.11", vips=VIPS), NO_PEERS),
    ),
}
"""What it says only of a file that is whole otherwise."""


def test_a_whole_file(ground: Ground) -> None:
    assert ground.says("keepalived", WHOLE) == ""
    assert not found(WHOLE) & set(WHOLE_SAID)


@pytest.mark.parametrize("code", WHOLE_SAID)
def test_it_says_so_of_a_whole_file(ground: Ground, code: str) -> None:
    ground.sh("lb1", "install -m 777 /bin/true /tmp/open")
    for text, words in WHOLE_SAID[code]:
        assert code in found(text)
        assert words in ground.says("keepalived", text), text


def found(text: str) -> set[str]:
    """The codes of a keepalived.conf by itself."""
    machine = Machine("lb1", keepalived=Text(keepalived.parse(text.encode())))
    return {one.problem.code for one in find(Subject("lint", (machine,)))}
