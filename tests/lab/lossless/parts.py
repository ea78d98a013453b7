"""The parts of a handover, at each of which the operator's machine may die; and how each is met. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of a handover. It is reached when `until` is true on the node, in a shell, and `after` was so
    before it, if there is one."""

    name: str
    step: str
    node: str
    until: str
    after: str = ""

    def __str__(self) -> str:
        return f"{'there' if self.step == 'handover' else 'back'}, {self.name}"

    def script(self, vip: str) -> str:
        """Waits for it, to some milliseconds."""
        waits = [f"until {one}; do :; done" for one in (self.after, self.until) if one]
        return "; ".join(waits).format(vip=vip)


_TABLE = "nft list table ip lbctl_handover >/dev/null 2>&1"
_HAS = 'ip -o addr show dev {dev} | grep -qF " {{vip}}/"'
# nothing is started for it: the removal takes milliseconds, and after the last part of all comes the confirm.
# Read byte by byte, as sh does, such a file ends after its number: `read` misses the line's end, and fails
_ARP = 'read -r arp </proc/sys/net/ipv4/conf/eth0/arp_ignore; [ "$arp" = {} ]'


def parts() -> tuple[Part, ...]:
    """Of the way there, on which lb1 gives the VIP to lb2, and of the way back."""
    found = []
    for step, old, new, drain in (("handover", "lb1", "lb2", -253), ("undrain", "lb2", "lb1", 0)):
        found += [
            Part("armed", step, "lb3", "[ -e /var/lib/lbctl/armed ]"),
            Part("a table", step, new, _TABLE),
            Part("on lo", step, old, _HAS.format(dev="lo")),
            Part("the election", step, "lb1", f'[ "$(cat /var/lib/lbctl/drain)" = {drain} ]'),
            Part("moved", step, new, _HAS.format(dev="eth0")),
            Part("a soft stop", step, old, '[ "$(pgrep -xc haproxy)" -gt 2 ]'),
            Part("the removal", step, old, _ARP.format(0), after=_ARP.format(1)),
        ]
    return tuple(found)
