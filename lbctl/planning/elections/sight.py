"""Which of keepalived's checks see that HAProxy is dead, as far as their words tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from lbctl.keepalived.views import Script, TrackProcess


class Sight(Enum):
    SEES = "sees"
    MAY = "may see"
    BLIND = "does not see"


Listens = Callable[[int], bool]
"""Does HAProxy on the node listen on this port?"""
ReadFile = Callable[[str], str | None]
"""The text of a file on the node, None where nobody knows it."""

_HAPROXY = re.compile(r"haproxy", re.IGNORECASE)
_PORT = re.compile(r"(?<![\w.])(\d{1,5})(?![\w.])")
_URL = re.compile(r"\b(https?)://(?:\[[^]]*\]|[^\s/:\"']+)(?=[/\s\"']|$)")
_URL_PORTS = {"http": 80, "https": 443}
# what asks something else, unless its words name HAProxy or one of its ports
_OTHERS = (
    *("[", "[[", "arping", "cat", "curl", "dig", "echo", "false", "fping", "grep", "ip", "kill", "killall"),
    *("nc", "ncat", "nslookup", "pgrep", "pidof", "ping", "ping6", "pkill", "service", "ss", "stat"),
    *("systemctl", "test", "true", "wget"),
)


def sight(script: Script, listens: Listens, read: ReadFile) -> Sight:
    """Does the script fail once HAProxy is dead?

    A command that names HAProxy, or asks a port that it listens on, does; of a script file the file's text
    decides, where it is known. A command of which the words say nothing may.
    """
    if _names(script.command, listens):
        return Sight.SEES
    words = script.command.replace('"', " ").replace("'", " ").split()
    texts = (read(word) for word in words if word.startswith("/"))
    if any(text is not None and _names(text, listens) for text in texts):
        return Sight.SEES
    asks_other = "</dev/tcp/" in script.command
    asks_other = asks_other or any(word.rpartition("/")[2] in _OTHERS for word in words[:1])
    return Sight.BLIND if asks_other else Sight.MAY


def process_sight(process: TrackProcess) -> Sight:
    return Sight.SEES if _HAPROXY.search(process.command) else Sight.BLIND


def _names(text: str, listens: Listens) -> bool:
    """Does it name HAProxy, or a port that HAProxy listens on?"""
    if _HAPROXY.search(text):
        return True
    ports = {int(found) for found in _PORT.findall(text)}
    ports |= {_URL_PORTS[scheme] for scheme in _URL.findall(text)}
    return any(listens(port) for port in ports)
