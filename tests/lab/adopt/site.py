"""A cluster that was set up by hand in a lab of its own, and lbctl beside it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbctl.lab import Lab
from lbctl.lab.lab import Load
from lbctl.lab.status import status
from tests.lab.adopt.clusters import MAIN, SUDO_VARIABLE, Ground
from tests.lab.job.steps import Done, Site, eventually

# everything that an import could have touched: bytes, modes, times of change, units, and what they run
_WHOLE = """
for d in /etc /opt /usr/local /var/lib/lbctl /root; do
  [ ! -e $d ] || find $d -type f -exec stat -c '%n %a %U:%G %Y %Z' {} + -exec sha256sum {} +
done | sort
systemctl show -p MainPID,NRestarts,ActiveEnterTimestampMonotonic,UnitFileState haproxy keepalived
cat /proc/sys/net/ipv4/ip_nonlocal_bind /proc/sys/net/ipv6/ip_nonlocal_bind
dpkg-query -W
"""

_INSTALL = """
export DEBIAN_FRONTEND=noninteractive
apt-get -q -y install haproxy keepalived psmisc >/dev/null 2>&1 && systemctl stop keepalived haproxy
"""

_START = """
systemctl -q enable haproxy keepalived
systemctl restart haproxy && systemctl restart keepalived && exit
{ haproxy -c -f /etc/haproxy/haproxy.cfg; journalctl -q -n 20 -u haproxy; } >&2
exit 1
"""


@dataclass(frozen=True)
class Adopted:
    """`site.root` is where the workspace is made."""

    ground: Ground
    site: Site

    @property
    def lab(self) -> Lab:
        return self.site.lab

    def set_up(self, certificate: bytes) -> None:
        """As a person does it: files, sysctls, daemons; then the VIP is there and answers."""
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda node: self._set_up(node, certificate), self.ground.nodes):
                pass
        eventually(lambda: len(self.holders()) == 1, 30)
        eventually(self.answers, 30)

    def _set_up(self, node: str, certificate: bytes) -> None:
        self.lab.sh(node, _INSTALL)
        files = list(self.ground.files(node))
        if self.ground.certificate:
            files.append((self.ground.certificate, certificate, 0o600))
        for path, data, mode in files:
            script = 'mkdir -p "${1%/*}"; cat >"$1"; chmod "$2" "$1"'
            self.lab.exec(node, ["sh", "-c", script, "sh", path, f"{mode:o}"], stdin=data)
        self.lab.sh(node, f"set -e; {self.ground.setup}\nsysctl -q --system >/dev/null 2>&1 || :")
        self.lab.sh(node, _START)

    def holders(self) -> tuple[str, ...]:
        return tuple(status(self.lab).holders(self.ground.vip))

    def answers(self) -> bool:
        """Does every port of the VIP answer a client?"""
        script = "import sys,urllib.request as u\nfor t in sys.argv[1:]: u.urlopen(f'http://{t}/',timeout=3)"
        words = ["python3", "-c", script, *self.ground.load]
        return self.lab.exec("client", words, check=False).status == 0

    def whole(self) -> dict[str, str]:
        """Each node, as one text; two that are equal say that nobody changed anything there."""
        return {node: self.lab.sh(node, _WHOLE) for node in self.ground.nodes}

    def import_(self, *words: str, code: int = 0) -> Done:
        login = ["--user", "ops", "--become", "sudo", "--become-password-env", SUDO_VARIABLE]
        words = ("--lab", "--cluster", self.ground.name, *(login if self.ground.sudo else ()), *words)
        return self.site.lbctl("import", *words, *self.ground.nodes, code=code)

    def load(self) -> Load:
        """New, kept-alive and slow requests, until it is stopped."""
        return self.lab.load(targets=self.ground.load, clients=10, pause=0.005)

    def unmarked(self) -> dict[str, str]:
        """The daemons' main files on each node, without the lines that lbctl's mark is on."""
        return {
            node: self.lab.sh(node, f"grep -v '# lbctl: ' {' '.join(MAIN)}") for node in self.ground.nodes
        }

    def plan(self, code: int = 0) -> Any:
        return self.site.lbctl("plan", "--json", "--detailed-exitcode", code=code).document

    def main_files(self) -> list[Path]:
        """haproxy.cfg, or each node's."""
        common = self.site.root / "haproxy.cfg"
        return [common] if common.exists() else sorted(self.site.root.glob("lb*/haproxy.cfg"))

    def add_a_server(self) -> None:
        """One line more in each file: the server's own, of another name and on the spare controller."""
        spare = self.ground.network.partition("/")[0].format(self.ground.controllers[-1])
        for path in self.main_files():
            text = path.read_bytes().decode()
            found = re.search(rf"(?m)^[ \t]*{re.escape(self.ground.server)}.*\r?\n", text)
            assert found, path
            line = re.sub(r"(server\s+)(\S+)(\s+)[0-9.]+:", rf"\g<1>\g<2>-new\g<3>{spare}:", found[0])
            assert line != found[0]
            path.write_bytes((text[: found.end()] + line + text[found.end() :]).encode())

    def with_additions(self, names: Sequence[str]) -> None:
        text = self.site.file.read_text()
        self.site.write(re.sub(r"(?m)^additions:.*$", f"additions: [{', '.join(names)}]", text))


def make_certificate(root: Path) -> bytes:
    """A self-signed one with its key, as HAProxy wants them in one file."""
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout key.pem -out crt.pem"
    subprocess.run(words.split(), cwd=root, check=True, capture_output=True)
    return (root / "crt.pem").read_bytes() + (root / "key.pem").read_bytes()
