"""What else on a node has a hand in what the daemons do: the files that HAProxy is started with, and who sets
the addresses of the interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lbctl.host.command_line import command_line
from lbctl.host.facts import lines
from lbctl.model.command import Answers, Probe

# of a folder HAProxy reads what ends in .cfg
_LOADS = """ | {
  last=
  while IFS= read -r word; do
    case $last in -f|--)
      if [ -d "$word" ]; then ls -d "${word%/}"/*.cfg 2>/dev/null; else printf '%s\\n' "$word"; fi ;;
    esac
    [ "$last" = -- ] || last=$word
  done
}; :"""

# `systemd-networkd INTERFACE KEEP`: what it configures, by its own state files, and its KeepConfiguration=
# (the last one counts, drop-ins come after the file); `NetworkManager INTERFACE STATE` as nmcli says it
_CLAIMED = """(
links=/run/systemd/netif/links
if [ -d $links ] && systemctl -q is-active systemd-networkd; then
  for index in /sys/class/net/*/ifindex; do
    interface=${index%/ifindex} link=$links/$(cat "$index")
    file=$(sed -n 's/^NETWORK_FILE=//p' "$link" 2>/dev/null)
    [ -n "$file" ] && ! grep -q '^ADMIN_STATE=unmanaged' "$link" || continue
    echo "systemd-networkd ${interface##*/} $(systemd-analyze cat-config "systemd/network/${file##*/}" |
      sed -n 's/^KeepConfiguration *= *//p' | tail -n 1)"
  done
fi
if [ -d /run/NetworkManager ] && systemctl -q is-active NetworkManager; then
  nmcli -t -f DEVICE,STATE device | sed -n 's/^\\([^:]*\\):/NetworkManager \\1 /p'
fi
)"""

# where they leave addresses alone that they have not set
_LEAVES = {
    "systemd-networkd": ("static", "yes", "true", "on", "1"),
    "NetworkManager": ("unmanaged", "connected (externally)", "unavailable", "disconnected"),
}

PROBES: tuple[Probe, ...] = (
    Probe("loads", command_line("haproxy") + _LOADS),
    Probe("claimed", _CLAIMED),
)


def loads(answers: Answers) -> frozenset[str]:
    """The files that HAProxy is started with; nothing where that is not known."""
    return frozenset(lines(answers, "loads"))


def claimed(answers: Answers) -> Mapping[str, str]:
    """By interface, the daemon that sets its addresses and takes others' away."""
    return {interface: daemon for daemon, interface in _claims(answers)}


def _claims(answers: Answers) -> Iterator[tuple[str, str]]:
    for line in lines(answers, "claimed"):
        daemon, interface, *words = line.split(" ", 2)
        said = "".join(words).strip().lower()
        if not said.startswith(_LEAVES[daemon]):
            yield daemon, interface
