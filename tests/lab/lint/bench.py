"""The nodes that cases are tried on: given files, let settle, and looked at."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lbctl.lab import Lab
from tests.lab.lint.cases import Deed
from tests.lab.lint.texts import NODES, VIP, Texts

# Seconds without a change after which there will be none: longer than an election (0.8 s in version 3, 4 s in
# version 2), and after a deed longer than a failing check and one.
QUIET, QUIET_V2 = 1.2, 4.5
QUIET_AFTER = 2.4
LONGEST = 15.0

_HAPROXY = f"""\
global
    daemon
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend answers
    bind {VIP}:5000
    bind 127.0.0.1:5000
    http-request return status 200
"""
_ANSWERS = """\
#!/bin/bash
exec 9<>/dev/tcp/127.0.0.1/5000 || exit 1
printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&9
read -r -t 0.5 version status rest <&9 && test "$status" = 200
"""
_PREPARE = """\
apt-get install -y -q haproxy keepalived psmisc >/dev/null 2>&1
printf '%s' "$HAPROXY" >/etc/haproxy/haproxy.cfg
printf '%s' "$ANSWERS" >/opt/answers && chmod 755 /opt/answers
mkdir -p /var/lib/lbctl /etc/keepalived
sysctl -q -w net.ipv4.ip_nonlocal_bind=1
systemctl restart haproxy
"""
_CALM = """\
killall -q -CONT haproxy
rm -f /var/lib/lbctl/drain
systemctl start haproxy
systemctl stop keepalived
"""


@dataclass
class Bench:
    lab: Lab

    def install(self) -> None:
        for node in NODES:
            words = ["env", f"HAPROXY={_HAPROXY}", f"ANSWERS={_ANSWERS}", "sh", "-ec", _PREPARE]
            self.lab.exec(node, words)

    def each(self, script: str) -> None:
        """On all nodes at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: self.lab.sh(node, script), NODES))

    def begin(self, texts: Texts) -> None:
        """These files and no others, both daemons up, and everybody where they will stay."""
        self.each(_CALM)
        for node, text in texts.items():
            self.lab.exec(
                node, ["sh", "-c", "cat >/etc/keepalived/keepalived.conf"], stdin=str(text).encode()
            )
        for node in texts:
            # one after the other: with nopreempt the first one has it
            self.lab.sh(node, "systemctl start keepalived; sleep 0.4")
        self.settle(QUIET_V2 if any("version 2" in str(text) for text in texts.values()) else QUIET)

    def settle(self, quiet: float) -> tuple[str, ...]:
        """Who holds the VIP, when that has not changed for so many seconds."""
        began = since = time.monotonic()
        held = self.holders()
        while time.monotonic() - since < quiet:
            assert time.monotonic() - began < LONGEST, f"no rest within {LONGEST} s"
            time.sleep(0.1)
            if (now := self.holders()) != held:
                held, since = now, time.monotonic()
        return held

    def do(self, deed: Deed) -> None:
        """And what comes of it."""
        if deed in (Deed.STOP, Deed.STOP_ALL):
            for node in NODES if deed is Deed.STOP_ALL else NODES[:1]:
                self.lab.sh(node, "systemctl stop haproxy")
        elif deed is Deed.BLINK:
            self.lab.sh("lb1", "systemctl stop haproxy; sleep 1; systemctl start haproxy")
        elif deed is Deed.FREEZE:
            self.lab.sh("lb1", "killall -STOP haproxy")
        elif deed is Deed.KEEPALIVED:
            self.lab.sh("lb1", "systemctl stop keepalived; sleep 0.5; systemctl start keepalived")
        elif deed is Deed.DRAIN_ALL:
            self.each("echo -253 >/var/lib/lbctl/drain")
        if deed is not Deed.NOTHING:
            self.settle(QUIET_AFTER)

    def holders(self, vip: str = VIP) -> tuple[str, ...]:
        """The nodes whose interface has it."""
        return tuple(node for node in NODES if f" {vip}/" in self.lab.sh(node, "ip -o address show dev eth0"))

    def answers(self) -> bool:
        """Does the VIP answer a client?"""
        words = ["curl", "-s", "-m", "2", "-o", "/dev/null", f"http://{VIP}:5000/"]
        return self.lab.exec("client", words, check=False).status == 0
