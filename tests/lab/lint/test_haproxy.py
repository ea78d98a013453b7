"""What lint says of HAProxy, shown on HAProxy itself: each thing that it warns of happens."""

from __future__ import annotations

import time

import pytest

from tests.lab.lint.proxies import (
    CONTROLLERS,
    ELSEWHERE,
    NODES,
    PORT,
    VIP,
    Ground,
    codes,
    eventually,
)

pytestmark = pytest.mark.lab


HEAD = """\
global
    stats socket /run/haproxy/admin.sock mode 660 level admin
    stats timeout 30s
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    retries 0
"""
SERVERS = "".join(f"    server {name} {address}:{PORT} CHECK\n" for name, address in CONTROLLERS.items())
WEB = f"""\
listen web
    bind {VIP}:80
    balance roundrobin
{SERVERS}"""


def web(check: str = "check inter 200ms fall 2") -> str:
    return HEAD + WEB.replace("CHECK", check)


def says(name: str, *bind: str) -> str:
    """A listen that answers with its own name."""
    lines = "".join(f"    bind {one}\n" for one in bind)
    return f"listen {name}\n{lines}    http-request return status 200 content-type text/plain string {name}\n"


GOOD = (
    HEAD + "frontend f\n    bind :8080\n    default_backend b\nbackend b\n    server a 192.0.2.1:80 check\n"
)
REFUSED = {
    "use_backend": (
        "unknown-name",
        GOOD + "listen l\n    bind :81\n    use_backend nope if TRUE\n",
        "unable to find",
    ),
    "default_backend": (
        "unknown-name",
        GOOD + "frontend g\n    bind :81\n    default_backend nope\n",
        "unable to find",
    ),
    "from": ("unknown-name", GOOD + "frontend g from nope\n    bind :81\n", "nope"),
    "resolvers": ("unknown-name", GOOD + "    server c 192.0.2.3:80 resolvers nope\n", "unable to find"),
    "peers": (
        "unknown-name",
        GOOD + "    stick-table type ip size 1m peers nope\n",
        "unable to find sync peers",
    ),
    "modes": (
        "modes",
        GOOD + "backend t\n    mode tcp\nlisten l\n    bind :81\n    use_backend t if TRUE\n",
        "incompatible",
    ),
    "newline": ("missing-lf", GOOD.removesuffix("\n"), "Missing LF"),
    "name": ("name-at-start", GOOD + "    server c no.such.name.invalid:80\n", "could not resolve"),
    "certificate": ("unmanaged-file", GOOD + "listen l\n    bind :444 ssl crt /etc/no.pem\n", "/etc/no.pem"),
}
"""By name: the code, a file that has it, and what HAProxy says when it refuses that."""
REMOVED = (
    "appsession a len 1 timeout 1s",
    "block if TRUE",
    "clitimeout 5000",
    "redispatch",
    "reqadd X-A:\\ b",
    "reqirep ^a b",
    "rspdel ^a",
    "rspidel ^a",
    "mode health",
    "monitor-net 192.0.2.0/24",
    "grace 1s",
    "option forceclose",
    "option http-tunnel",
    "option http_proxy",
)
WARNED = {
    "no-timeout": ("no-timeout", "listen l\n    bind :81\n    server a 192.0.2.1:80\n", "missing timeouts"),
    "process": ("departing-keyword", GOOD + "listen l\n    bind :81 process 1\n", "removed in"),
    "bind-process": ("departing-keyword", GOOD + "    bind-process 1\n", "removed in"),
    "capture": (
        "departing-keyword",
        "global\n    tune.ssl.capture-cipherlist-size 100\n" + GOOD,
        "removed in",
    ),
    "repeated": ("repeated-setting", "global\n    maxconn 10\n    maxconn 20\n" + GOOD, "already specified"),
}
"""The same of files that HAProxy takes, and grumbles."""


def test_a_good_file(ground: Ground) -> None:
    """What the tables begin with is well, so it is the rest that is refused."""
    status, said = ground.checked(GOOD)
    assert (status, said) == (0, "Configuration file is valid")
    assert not codes(GOOD) & {row[0] for row in (*REFUSED.values(), *WARNED.values())}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(ground: Ground, name: str) -> None:
    code, text, words = REFUSED[name]
    status, said = ground.checked(text)
    assert status == 1 and words in said, said
    assert code in codes(text)


@pytest.mark.parametrize("line", [*REMOVED, "nbproc 4", "tune.chksize 100"])
def test_removed_words_are_refused(ground: Ground, line: str) -> None:
    section = "global\n" if line.startswith(("nbproc", "tune")) else GOOD + "frontend old\n    bind :82\n"
    text = f"{section}    {line}\n" + (GOOD if section == "global\n" else "")
    status, said = ground.checked(text)
    assert status == 1 and ("any" in said or "exist" in said), said
    assert "removed-keyword" in codes(text)


@pytest.mark.parametrize("name", WARNED)
def test_taken_with_a_warning(ground: Ground, name: str) -> None:
    code, text, words = WARNED[name]
    status, said = ground.checked(text)
    assert status == 0 and words in said, said
    assert code in codes(text)


def test_a_vip_without_a_bind_refuses(ground: Ground) -> None:
    text = HEAD + says("own", f"{NODES['lb1']}:80")
    assert "vip-without-bind" in codes(text)
    ground.runs(text)
    assert ground.ask(f"{NODES['lb1']}/").startswith("own 200")
    assert "000 exit 7" in ground.ask(f"{VIP}/")


def test_a_bind_without_a_vip_is_reached_by_nobody(ground: Ground) -> None:
    """And without nonlocal_bind HAProxy does not even start."""
    text = HEAD + says("own", f"{ELSEWHERE}:80")
    assert "bind-without-vip" in codes(text, text)
    ground.runs(text)
    assert "exit 0" not in ground.ask(f"{ELSEWHERE}/", seconds=2)
    ground.sh("lb1", "sysctl -qw net.ipv4.ip_nonlocal_bind=0")
    try:
        said = ground.serve(text)
    finally:
        ground.sh("lb1", "sysctl -qw net.ipv4.ip_nonlocal_bind=1")
    assert "ended with 1" in said and "cannot bind socket" in said


def test_without_nonlocal_bind_the_backup_does_not_start(ground: Ground) -> None:
    text = HEAD + says("own", f"{VIP}:80")
    for value, ended in (("0", "ended with 1"), ("1", "ended with 0")):
        ground.sh("lb2", f"sysctl -qw net.ipv4.ip_nonlocal_bind={value}")
        assert ended in ground.serve(text, "lb2")


def test_two_proxies_on_one_address_share_the_connections(ground: Ground) -> None:
    text = HEAD + says("one", f"{VIP}:80") + says("two", f"{VIP}:80")
    assert "duplicate-bind" in codes(text)
    ground.runs(text)
    assert set(ground.many(f"{VIP}/", 40)) == {"one 200", "two 200"}


def test_the_more_exact_address_wins(ground: Ground) -> None:
    text = HEAD + says("wide", "*:80") + says("narrow", f"{VIP}:80")
    assert "shadowed-bind" in codes(text) and "duplicate-bind" not in codes(text)
    ground.runs(text)
    assert set(ground.many(f"{VIP}/", 10)) == {"narrow 200"}
    assert set(ground.many(f"{NODES['lb1']}/", 10)) == {"wide 200"}


def test_nowhere_to_go(ground: Ground) -> None:
    text = HEAD + f"frontend f\n    bind {VIP}:80\n"
    assert "no-servers" in codes(text)
    ground.runs(text)
    assert " 503 " in ground.ask(f"{VIP}/")


def test_a_server_that_is_not_checked_gets_requests_when_it_is_dead(ground: Ground) -> None:
    assert "no-check" in codes(web("")) and "no-check" not in codes(web())
    ground.lab.controller_stop("c2")
    try:
        ground.runs(web(""))
        dark = ground.many(f"{VIP}/", 30)
        ground.runs(web())
        eventually(lambda: ",DOWN" in ground.command("lb1", "show stat"))
        checked = ground.many(f"{VIP}/", 30)
    finally:
        ground.lab.controller_start("c2")
    assert any(one.endswith(" 503") for one in dark)
    assert all(one.endswith(" 200") for one in checked)


def test_a_reload_forgets_dead_servers(ground: Ground) -> None:
    """As long as `inter`; with the state carried over none is asked that is known to be dead."""
    kept = "global\n    server-state-file /var/lib/haproxy/state\n"
    late = "check inter 3s fall 1"
    keeping = kept + web(late).replace(
        "mode http\n", "mode http\n    load-server-state-from-file global\n", 1
    )
    assert "no-server-state" in codes(web(late)) and "no-server-state" not in codes(keeping)
    ground.lab.controller_stop("c2")
    try:
        failed = {
            name: _after_reload(ground, text) for name, text in (("lost", web(late)), ("kept", keeping))
        }
    finally:
        ground.lab.controller_start("c2")
    assert failed["lost"] and not failed["kept"], failed


def _after_reload(ground: Ground, text: str) -> int:
    """How many of the requests that follow a reload failed, with a dead server that was known before."""
    ground.runs(text)
    eventually(lambda: ",DOWN" in ground.command("lb1", "show stat"))
    ground.sh("lb1", "echo show servers state | socat -t 2 - /run/haproxy/admin.sock >/var/lib/haproxy/state")
    ground.sh("lb1", "systemctl reload haproxy")
    time.sleep(0.5)
    return sum(not one.endswith(" 200") for one in ground.many(f"{VIP}/", 30))


def test_a_check_that_connects_does_not_see_errors(ground: Ground) -> None:
    asking = web().replace("balance", "option httpchk GET /status/503\n    balance")
    assert "tcp-check" in codes(web()) and "tcp-check" not in codes(asking)
    ground.runs(web())
    time.sleep(1)
    assert ",DOWN" not in ground.command("lb1", "show stat")
    ground.runs(asking)
    eventually(lambda: ",DOWN" in ground.command("lb1", "show stat"))


def test_a_silence_that_is_longer_than_the_timeout(ground: Ground) -> None:
    text = web().replace("timeout server 5s", "timeout server 1s").replace("listen web", "listen glance")
    assert "short-timeout" in codes(text)
    ground.runs(text)
    assert " 504 " in ground.ask(f"{VIP}/slow?seconds=2")
    ground.runs(web())
    assert " 200 " in ground.ask(f"{VIP}/slow?seconds=2")


def test_a_hard_stop_cuts_requests(ground: Ground) -> None:
    text = "global\n    hard-stop-after 1s\n" + web()
    assert "hard-stop" in codes(text)
    answers = {}
    for name, one in (("cut", text), ("whole", web())):
        ground.runs(one)
        reload = "sleep 0.5; systemctl reload haproxy"
        ground.sh("lb1", f"setsid sh -c '{reload}' >/dev/null 2>&1 &")
        answers[name] = ground.ask(f"{VIP}/slow?seconds=3")
    assert " 200 " in answers["whole"] and " 200 " not in answers["cut"], answers


def test_the_limit_of_the_whole_stops_everybody(ground: Ground) -> None:
    text = "global\n    maxconn 1\n" + web().replace("mode http\n", "mode http\n    maxconn 10\n", 1)
    assert "maxconn" in codes(text)
    ground.runs(text)
    ground.sh("client", f"setsid curl -s -m 4 http://{VIP}/slow?seconds=3 >/dev/null 2>&1 &")
    time.sleep(0.5)
    assert " 000 exit 28" in ground.ask(f"{VIP}/", seconds=1)


def test_too_few_descriptors(ground: Ground) -> None:
    text = "global\n    maxconn 1000\n    ulimit-n 1000\n" + web()
    assert "few-descriptors" in codes(text)
    assert "too low for maxconn=1000" in ground.serve(text)


def test_statistics_for_everybody(ground: Ground) -> None:
    text = HEAD + f"listen stats\n    bind {VIP}:1936\n    stats enable\n    stats uri /\n"
    assert "open-stats" in codes(text)
    ground.runs(text)
    assert " 200 " in ground.ask(f"{VIP}:1936/")
    ground.runs(text + "    stats auth a:b\n")
    assert " 401 " in ground.ask(f"{VIP}:1936/")


def test_a_service_of_one_node_is_gone_when_the_vip_moves(ground: Ground) -> None:
    whole, part = (HEAD + says("web", *[f"{VIP}:{port}" for port in ports]) for ports in ((80, 81), (80,)))
    assert "service-missing" in codes(whole, part)
    ground.runs(whole, "lb1")
    ground.runs(part, "lb2")
    assert ground.ask(f"{VIP}:81/").startswith("web 200")
    ground.sh("lb1", "systemctl stop keepalived")
    try:
        eventually(lambda: ground.holds("lb2"))
        assert ground.ask(f"{VIP}:80/").startswith("web 200")
        assert "000 exit 7" in ground.ask(f"{VIP}:81/")
    finally:
        ground.sh("lb1", "systemctl start keepalived")
        eventually(lambda: ground.holds("lb1"))


def test_neither_daemon_brings_killall(ground: Ground) -> None:
    assert ground.sh("lb1", "command -v killall; :") == ""
