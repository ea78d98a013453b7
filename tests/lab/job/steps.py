"""What the tests of the main job share: a workspace with a lab of its own, worked as an operator does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbctl.desired import load
from lbctl.lab import Lab, LabSpec
from lbctl.lab.from_cluster import Options, from_cluster
from lbctl.lab.lab import Load
from lbctl.lab.status import status

VIP = "10.15.85.31"
NODES = ("lb1", "lb2", "lb3")
PORTS = (35357, 5000, 9696, 9191, 9292, 8773, 8774, 8775, 8776)
INTERVAL, FALL, ADVERT = 1, 2, 1  # seconds; polls; seconds

CLUSTER = """\
cluster: {name}
lab: only
ssh: {{user: root}}
additions: [stats-socket, drain, server-state, idle-close]
nodes:
  lb1: {{address: 10.15.85.32, priority: 102}}
  lb2: {{address: 10.15.85.33, priority: 101}}
  lb3: {{address: 10.15.85.34, priority: 100}}
controllers:
  mesa-virt-01: 10.15.85.141
  mesa-virt-02: 10.15.85.142
  mesa-virt-03: 10.15.85.143
packages: [haproxy, keepalived, psmisc]
sysctl: {{net.ipv4.ip_nonlocal_bind: 1}}
keepalived:
  vrrp_script:
    haproxy-check: {{script: killall -0 haproxy, interval: 1, fall: 2, rise: 2, weight: 10}}
  vrrp_instance:
    openstack-vip:
      state: BACKUP
      interface: eth0
      virtual_router_id: 47
      advert_int: 1
      virtual_ipaddress: [10.15.85.31]
      track_script: [haproxy-check]
haproxy:
  global: |
    daemon
  defaults: |
    mode http
    maxconn 10000
    timeout connect 10s
    timeout client 10s
    timeout server 10s
  service_defaults: {{balance: roundrobin, check: inter 10s}}
  services:
    keystone-admin: 35357
    keystone-public: 5000
    quantum: 9696
    glance: 9191
    glance-registry: 9292
    nova-ec2: 8773
    nova-compute: 8774
    nova-metadata: 8775
    cinder: 8776
files:
  /opt/note: {{content: "hello\\n"}}
"""
NOTE = "/opt/note"
HEAT = ("    cinder: 8776\n", "    cinder: 8776\n    heat: 8004\n")
FOURTH = "  mesa-virt-04: 10.15.85.144\n"
ALLOW_ALL = "drift,shrink,split,tie,vip-removed"

# candidates, copies, a policy that forbids nothing
PASSIVE = frozenset({"stage", "txn", "/usr/sbin/policy-rc.d"})

# what an apply leaves for a moment and must not leave for good
_LEFT = """
cd /var/lib/lbctl || exit 0
for f in armed undoing txn stage former server-state; do [ ! -e $f ] || echo "$f"; done
nft list tables 2>/dev/null | grep lbctl
grep -Hv 0 /proc/sys/net/ipv4/conf/eth*/arp_ignore /proc/sys/net/ipv4/conf/eth*/arp_announce
[ "$(cat drain 2>/dev/null || echo 0)" = 0 ] || echo "drain $(cat drain)"
find /etc -name '.*.lbctl-*'
ls /usr/sbin/policy-rc.d 2>/dev/null
ls -d /run/lbctl-take.* 2>/dev/null
ip -o addr show dev lo | grep -v -e ' 127[.]' -e ' ::1/'
echo 'show servers state' | socat -t 5 - UNIX-CONNECT:/run/haproxy/admin.sock 2>/dev/null |
  awk 'int($7 / 8) % 2 { print "drained " $2 "/" $4 }'
:"""


def cluster_text(name: str, *changes: tuple[str, str]) -> str:
    """The guide's cluster with an advert a second, each change an old and a new text in it."""
    text = CLUSTER.format(name=name)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def four(text: str) -> str:
    """The same with a fourth controller."""
    line = "  mesa-virt-03: 10.15.85.143\n"
    return text.replace(line, line + FOURTH)


def with_files(text: str, *lines: str) -> str:
    """The same with these lines in its `files:` part, which is the last."""
    return text + "".join(f"  {line}\n" for line in lines)


@dataclass(frozen=True)
class Done:
    """A finished lbctl. `seconds` is its wall time."""

    code: int
    out: str
    err: str
    seconds: float = 0.0

    @property
    def document(self) -> Any:
        """The JSON document that it wrote."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON lines that an apply wrote."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def report(self) -> Any:
        return next(line for line in self.lines if line["event"] == "report")

    def steps(self, event: str = "done") -> list[tuple[str, str]]:
        """Node and step of the events of one sort, in order."""
        return [(line["node"], line["step"]) for line in self.lines if line["event"] == event]


@dataclass(frozen=True)
class Site:
    """A workspace, and the lab that its cluster lives in."""

    name: str
    root: Path
    lab: Lab

    @property
    def file(self) -> Path:
        return self.root / "cluster.yaml"

    @property
    def text(self) -> str:
        """The cluster file that most tests begin with."""
        return cluster_text(self.name)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "lbctl", *words]

    def environment(self) -> dict[str, str]:
        code = str(Path(__file__).parents[3])
        return {**os.environ, "PYTHONPATH": code, "NO_COLOR": "1", "LBCTL_LAB": self.lab.spec.prefix}

    def lbctl(self, *words: str, code: int | None = 0) -> Done:
        """Run lbctl in the workspace, without a terminal; `code` is what it has to end with (None: any)."""
        began = time.monotonic()
        ran = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
        )
        done = Done(ran.returncode, ran.stdout, ran.stderr, time.monotonic() - began)
        said = f"{' '.join(words)} ended with {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, said
        assert code is None or done.code == code, said
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        """lbctl in a process group of its own, as a shell starts it: Ctrl-C reaches it, always."""
        return subprocess.Popen(
            ["env", "--default-signal=INT", *self.command(*words)],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def plan(self, *words: str) -> Any:
        return self.lbctl("plan", "--json", *words).document

    def apply(self, *words: str, code: int | None = 0) -> Done:
        return self.lbctl("apply", "--yes", "--json", *words, code=code)

    def base(self) -> None:
        """Everything as the cluster file of most tests says, the VIP on lb1, nothing left behind."""
        self.write(self.text)
        if self.plan()["changes"]:
            self.apply("--allow", ALLOW_ALL)
        eventually(lambda: self.holders() == ("lb1",), 20)

    def sh(self, node: str, script: str, *, check: bool = True) -> str:
        return self.lab.sh(node, script, check=check)

    def put(self, node: str, path: str, text: str) -> None:
        self.lab.exec(node, ["sh", "-c", 'cat >"$1"', "sh", path], stdin=text.encode())

    def holders(self, vip: str = VIP) -> tuple[str, ...]:
        """Who holds the VIP now."""
        return tuple(status(self.lab).holders(vip))

    def answers(self, address: str = VIP, ports: Sequence[int] = PORTS) -> list[int]:
        """The ports that answer a client with 200."""
        code = "import sys,urllib.request as u\nfor p in sys.argv[2:]:\n try:\n"
        code += "  print(p) if u.urlopen(f'http://{sys.argv[1]}:{p}/',timeout=3).status==200 else 0\n"
        code += " except OSError: pass"
        words = [sys.executable, "-c", code, address, *map(str, ports)]
        return [int(line) for line in self.lab.exec("client", words).text.split()]

    def listens(self, node: str, ports: Sequence[int] = PORTS) -> bool:
        """Does this node's HAProxy run, and listen on the VIP's ports, whoever has the VIP?"""
        said = self.sh(node, "systemctl is-active haproxy; ss -Hltn", check=False)
        return said.startswith("active") and all(f" {VIP}:{port} " in said for port in ports)

    def load(self) -> Load:
        """New, kept-alive and slow requests to every port of the VIP, until it is stopped."""
        return self.lab.load(targets=[f"{VIP}:{port}" for port in PORTS], clients=20, pause=0.005)

    def became_master(self, node: str) -> float:
        """When keepalived said so last, in seconds since the epoch."""
        said = self.sh(node, "journalctl -q -o short-unix -u keepalived | grep 'Entering MASTER' | tail -n 1")
        return float(said.split()[0])

    def left_behind(self) -> dict[str, str]:
        """By node: what of an apply is still there that should not be."""
        found = {node.name: self.sh(node.name, _LEFT) for node in self.lab.spec.nodes}
        return {node: said for node, said in found.items() if said}

    def at_work(self) -> dict[str, set[str]]:
        """The same of one that was cut off, without what does nothing and goes with the next apply."""
        found = {node: set(said.splitlines()) - PASSIVE for node, said in self.left_behind().items()}
        return {node: said for node, said in found.items() if said}

    def snapshot(self, node: str) -> str:
        """What an apply may change on a node, as one text: two that are equal say that nothing was."""
        script = """
        for d in /etc/haproxy /etc/keepalived /etc/sysctl.d /etc/systemd/system /opt; do
          find $d -type f -exec stat -c '%n %a %U:%G' {} + ; find $d -type f -exec sha256sum {} +
        done | sort
        sysctl net.ipv4.ip_nonlocal_bind
        systemctl is-enabled haproxy keepalived; systemctl is-active haproxy keepalived
        cat /var/lib/lbctl/owner.json 2>/dev/null
        dpkg-query -W haproxy keepalived psmisc 2>/dev/null; :"""
        return self.sh(node, script, check=False)

    def pids(self, node: str, unit: str) -> str:
        return self.sh(node, f"systemctl show -p MainPID --value {unit}")

    def files(self) -> Iterator[Path]:
        """Everything that lbctl keeps in the workspace."""
        for part in ("plans", "state"):
            yield from (path for path in (self.root / part).rglob("*") if path.is_file())


def tell(*lines: str) -> None:
    """Figures for whoever runs the tests with -s."""
    sys.stdout.write("\n  ".join(["", *lines]) + "\n")


def settle_bound() -> float:
    """Seconds in which another node must have the VIP after haproxy's death, one for the polls themselves."""
    return INTERVAL * FALL + 3 * ADVERT + 1


def eventually(true: Callable[[], bool], seconds: float) -> float:
    """Wait until it is; how long that took. Fails when it takes longer."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - began


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C: to everything in the terminal's foreground."""
    os.killpg(process.pid, signal.SIGINT)


def run_until(process: subprocess.Popen[str], event: str, step: str, node: str) -> list[Any]:
    """Read an apply's JSON lines up to this one."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if (seen[-1]["event"], seen[-1].get("step"), seen[-1].get("node")) == (event, step, node):
            return seen
    raise AssertionError(f"it ended without {event} {step} on {node}: {seen[-3:]}")


def make_site(root: Path, name: str, boot: str, up: Callable[[LabSpec], Lab]) -> Site:
    """Boot the lab of a cluster file's text (`boot`) and make the workspace, with the usual file in it."""
    root.mkdir(parents=True, exist_ok=True)
    file = root / "boot.yaml"
    file.write_text(boot)
    lab = up(from_cluster(load(file, secrets=False), Options(prefix="x")))
    site = Site(name, root, lab)
    site.write(site.text)
    return site


def by_address(items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(item["address"]): item for item in items}
