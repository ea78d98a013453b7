"""What a daemon is started with: the command line of the one that runs, or else what its unit would say."""

from __future__ import annotations

_MAIN = {"haproxy": '-f "${CONFIG:-/etc/haproxy/haproxy.cfg}"', "keepalived": ""}
_WORDS = """(
  pid=$(systemctl show -p MainPID --value {unit}.service 2>/dev/null)
  if [ "${{pid:-0}}" != 0 ]; then tr '\\0' '\\n' </proc/$pid/cmdline; exit; fi
  for f in /etc/default/{unit} /etc/sysconfig/{unit}; do [ ! -r $f ] || . $f; done
  printf '%s\\n' {unit} {main} ${{EXTRAOPTS-}} ${{OPTIONS-}} ${{DAEMON_ARGS-}} ${{KEEPALIVED_OPTIONS-}}
)"""


def command_line(unit: str) -> str:
    """A sh fragment that prints the words, one a line."""
    return _WORDS.format(unit=unit, main=_MAIN[unit])
