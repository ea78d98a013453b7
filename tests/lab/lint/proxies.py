"""Two load balancers with HAProxy and keepalived, whose haproxy.cfg each test writes itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lbctl import haproxy, keepalived
from lbctl.lab import Lab, LabClient, LabController, LabNetwork, LabNode, LabSpec
from lbctl.lint import Machine, Subject, Text, find
from tests.lab.conftest import Labs
from tests.lab.lint.selection import ALL

VIP = "10.22.0.5"
ELSEWHERE = "10.22.0.66"
NODES = {"lb1": "10.22.0.11", "lb2": "10.22.0.12"}
CONTROLLERS = {"c1": "10.22.0.21", "c2": "10.22.0.22"}
PORT = 5000
SPEC = LabSpec(
    "lint",
    tuple(LabNode(name, (f"{address}/24",)) for name, address in NODES.items()),
    controllers=tuple(LabController(name, (f"{a}/24",), (PORT,)) for name, a in CONTROLLERS.items()),
    client=LabClient(("10.22.0.201/24",)),
    cluster="lint",
    networks=(LabNetwork("vrrp", ("10.22.0.254/24",)),),
    vips=(VIP,),
    extra_packages=("network-manager",) if ALL else (),
)
KEEPALIVED = f"""\
vrrp_instance api {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 1
    virtual_ipaddress {{
        {VIP}/24
    }}
}}
"""
_INSTALL = """
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends haproxy keepalived socat
"""
_LOAD = """
systemctl reset-failed haproxy 2>/dev/null
systemctl restart haproxy 2>&1; echo "ended with $?"
journalctl -q -u haproxy -n 20 -o cat
"""


@dataclass(frozen=True)
class Ground:
    """The lab. lb1 holds the VIP unless a test moves it, and puts it back."""

    lab: Lab

    def sh(self, node: str, script: str, *, check: bool = True) -> str:
        return self.lab.sh(node, script, check=check)

    def write(self, node: str, text: str, path: str = "/etc/haproxy/haproxy.cfg") -> None:
        self.lab.exec(node, ["sh", "-c", 'cat >"$1"', "sh", path], stdin=text.encode())

    def checked(self, text: str) -> tuple[int, str]:
        """What `haproxy -c` says of a file."""
        self.write("lb1", text, "/tmp/checked.cfg")
        said = self.sh("lb1", "haproxy -c -f /tmp/checked.cfg 2>&1; echo $?", check=False)
        words, _, status = said.strip().rpartition("\n")
        return int(status), words

    def says(self, daemon: str, text: str) -> str:
        """All that its own check says of a file; of interfaces these nodes have eth0 alone."""
        path, data = "/tmp/checked.conf", text.encode("utf-8", "surrogateescape")
        words = {"haproxy": "haproxy -c -f", "keepalived": "keepalived -t -f"}[daemon]
        self.lab.exec("lb1", ["sh", "-c", 'cat >"$1"', "sh", path], stdin=data)
        return self.sh("lb1", f"{words} {path} 2>&1 | LC_ALL=C tr -d '\\200-\\377'", check=False)

    def serve(self, text: str, *nodes: str) -> str:
        """Restart HAProxy with this file; what the unit said of it."""
        for node in nodes or ("lb1",):
            self.write(node, text)
        return "".join(self.sh(node, _LOAD, check=False) for node in nodes or ("lb1",))

    def runs(self, text: str, *nodes: str) -> None:
        said = self.serve(text, *nodes)
        assert "ended with 0" in said, said

    def ask(self, url: str, *words: str, seconds: float = 5) -> str:
        """A request of the client's: the body and the status, or curl's own `exit N`."""
        script = f"curl -gsS -m {seconds:g} -w ' %{{http_code}}' {' '.join(words)} 'http://{url}' 2>&1"
        return self.sh("client", f'{script}; echo " exit $?"', check=False).strip()

    def many(self, url: str, count: int) -> list[str]:
        """Body and status of so many requests, each on a connection of its own."""
        script = (
            f"for i in $(seq {count}); do echo $(curl -gs -m 3 -w ' %{{http_code}}' 'http://{url}'); done"
        )
        return self.sh("client", script, check=False).splitlines()

    def command(self, node: str, words: str) -> str:
        """What HAProxy's stats socket answers."""
        return self.sh(node, f"echo '{words}' | socat -t 2 - UNIX-CONNECT:/run/haproxy/admin.sock")

    def holds(self, node: str) -> bool:
        return f" {VIP}/" in self.sh(node, "ip -o address show dev eth0")


def eventually(true: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


def codes(text: str, *others: str) -> set[str]:
    """What lint finds in these files, on nodes whose keepalived is that of the lab."""
    vrrp = Text(keepalived.parse((KEEPALIVED % 100).encode(), "keepalived.conf"))
    machines = tuple(
        Machine(f"lb{number}", NODES[f"lb{number}"], Text(haproxy.parse(one.encode(), "haproxy.cfg")), vrrp)
        for number, one in enumerate((text, *others), 1)
    )
    return {finding.problem.code for finding in find(Subject("lint", machines, additions=()))}


def bring_up(labs: Labs) -> Ground:
    """Both daemons installed on both nodes, the VIP on lb1."""
    made = Ground(labs.up(SPEC))
    for number, node in enumerate(NODES):
        made.sh(node, _INSTALL)
        made.write(node, KEEPALIVED % (102 - number), "/etc/keepalived/keepalived.conf")
        made.sh(node, "sysctl -qw net.ipv4.ip_nonlocal_bind=1; systemctl restart keepalived")
    eventually(lambda: made.holds("lb1"))
    return made
