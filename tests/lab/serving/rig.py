"""A workspace with a lab of its own, and what lbctl says and does there."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lbctl.__main__ import run
from lbctl.lab import Lab

SUDO_PASSWORD = "pass w0rd#'\"!"

_COMMON = """\
additions: [stats-socket, drain, server-state, idle-close]
packages: [haproxy, keepalived]
"""
_HAPROXY = """\
haproxy:
  global: |
    daemon
  defaults: |
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
  service_defaults: {balance: roundrobin, check: inter 1s}
"""
TWO_VIPS = f"""\
cluster: two-vips
lab: only
{_COMMON}sysctl: {{net.ipv4.ip_nonlocal_bind: 1}}
nodes:
  lb1: {{address: 10.20.0.11, priority: {{internal: 102, public: 101}}}}
  lb2: {{address: 10.20.0.12, priority: {{internal: 101, public: 102}}}}
controllers: {{c1: 10.20.0.21, c2: 10.20.0.22}}
vips: {{internal: 10.20.0.5/24, public: 10.20.0.6/24}}
keepalived:
  vrrp_instance:
    internal:
      state: BACKUP
      interface: eth0
      virtual_router_id: 51
      advert_int: 1
      virtual_ipaddress: [10.20.0.5/24]
    public:
      state: BACKUP
      interface: eth0
      virtual_router_id: 52
      advert_int: 1
      virtual_ipaddress: [10.20.0.6/24]
{_HAPROXY}  services:
    keystone: {{port: 5000, bind: [internal, public]}}
    glance: {{port: 9292, bind: [internal]}}
    horizon: {{port: 6080, bind: [public]}}
"""
# one VIP spelt as nobody prints it: the kernel, ss and keepalived say fd00:20::5
IPV6_ONLY = f"""\
cluster: ipv6-only
lab: only
ssh: {{user: ops, become: sudo}}
{_COMMON}sysctl: {{net.ipv6.ip_nonlocal_bind: 1}}
nodes:
  lb1: {{address: "fd00:20::11", priority: 102}}
  lb2: {{address: "fd00:20::12", priority: 101}}
controllers: {{c1: "fd00:20::21", c2: "fd00:20::22"}}
vips: {{api: "fd00:0020:0::5/128"}}
keepalived:
  vrrp_instance:
    api:
      state: BACKUP
      interface: eth0
      virtual_router_id: 51
      advert_int: 1
      virtual_ipaddress: ["fd00:0020:0::5/128"]
{_HAPROXY}  services:
    keystone: 5000
    glance: 9292
"""
DUAL_STACK = f"""\
cluster: dual-stack
lab: only
ssh: {{user: ops, become: sudo, become_password: {{env: RIG_SUDO_PASSWORD}}}}
{_COMMON}sysctl: {{net.ipv4.ip_nonlocal_bind: 1, net.ipv6.ip_nonlocal_bind: 1}}
nodes:
  lb1: {{address: 10.21.0.11, ssh: {{host: 10.99.0.11}}, priority: 102}}
  lb2: {{address: 10.21.0.12, ssh: {{host: 10.99.0.12}}, priority: 101}}
controllers: {{c1: 10.21.0.21, c2: 10.21.0.22}}
vips: {{api: [10.21.0.5/24, "fd00:21::5/64"]}}
keepalived:
  vrrp_instance:
    api4:
      state: BACKUP
      interface: eth0
      virtual_router_id: 51
      advert_int: 1
      virtual_ipaddress: [10.21.0.5/24]
    api6:
      state: BACKUP
      interface: eth0
      virtual_router_id: 61
      advert_int: 1
      virtual_ipaddress: ["fd00:21::5/64"]
{_HAPROXY}  services:
    keystone: 5000
    glance: 9292
"""

# All that an lbctl may have written: files with their modes, units, addresses, listeners. The lock's own two
# files come and go with it, and say nothing of the node.
_MARK = """
cd /
find etc var/lib/lbctl -type f ! -path '*/lbctl/lock' ! -path '*/lbctl/lock.info' 2>/dev/null |
  sort | tr '\\n' '\\0' | xargs -0 sha256sum
find etc var/lib/lbctl ! -path 'var/lib/lbctl' ! -path '*/lbctl/lock' ! -path '*/lbctl/lock.info' \
  -printf '%p %y %m %u %g %l\\n' 2>/dev/null | sort
systemctl show -p Id -p ActiveState -p MainPID -p UnitFileState haproxy keepalived
sysctl -n net.ipv4.ip_nonlocal_bind net.ipv6.ip_nonlocal_bind
"""


@dataclass(frozen=True)
class Said:
    """What a finished lbctl left."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class Rig:
    """A workspace, and the lab of the cluster in it."""

    folder: Path
    lab: Lab
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "cluster.yaml"

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.lab.spec.nodes)

    def run(self, *words: str, file: Path | None = None) -> Said:
        """Run lbctl here, in this process and without a terminal. Nothing but an exit may come of it."""
        out, err = io.StringIO(), io.StringIO()
        arguments = [*words] if words[0] == "show" else [words[0], "-f", str(file or self.file), *words[1:]]
        with self._environment(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(arguments)
        return Said(code, out.getvalue(), err.getvalue())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start lbctl in a process of its own; whoever starts it waits for it."""
        env = {**os.environ, **self._own(), "PYTHONPATH": str(Path(__file__).parents[3])}
        argv = [sys.executable, "-m", "lbctl", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )

    def marks(self, *but: str) -> dict[str, str]:
        """What each node is, to be compared with what it is later."""
        return {name: self.lab.sh(name, _MARK) for name in self.nodes if name not in but}

    @contextlib.contextmanager
    def changed(self, old: str, new: str) -> Iterator[None]:
        """The cluster file with one text replaced by another, for a while."""
        before = self.file.read_text()
        assert old in before, old
        self.file.write_text(before.replace(old, new))
        try:
            yield
        finally:
            self.file.write_text(before)

    @contextlib.contextmanager
    def known_hosts(self, address: str, key: str) -> Iterator[None]:
        """Another host key for an address, or none, in the operator's known hosts, for a while."""
        path = self.lab.paths.known_hosts
        before = path.read_text()
        lines = [line for line in before.splitlines() if not line.startswith(f"{address} ")]
        assert len(lines) < len(before.splitlines())
        path.write_text("\n".join([*lines, *([f"{address} {key}"] if key else [])]) + "\n")
        try:
            yield
        finally:
            path.write_text(before)

    def refused(self, *words: str, but: str = "", file: Path | None = None) -> str:
        """What lbctl says when it refuses: exit code 1, one message, and no node has changed."""
        before = self.marks(*but.split())
        said = self.run(*words, file=file)
        assert said.code == 1, said.all
        told = "Error: " in said.err or "Nothing was changed: " in said.out
        assert told and "Traceback" not in said.all, said.all
        assert self.marks(*but.split()) == before
        return said.all

    def sh(self, node: str, script: str) -> str:
        return self.lab.sh(node, script)

    def _own(self) -> dict[str, str]:
        return {**self.env, "LBCTL_LAB": self.lab.spec.prefix, "NO_COLOR": "1"}

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ.update(self._own())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
