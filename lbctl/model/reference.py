"""How `${node.…}`, `${vip.…}` and `${secret.…}` are written in text, and what only looks like one."""

from __future__ import annotations

import re

REFERENCE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9._-]+)+)\}")
"""A name with a dot: without one it is the daemon's own. The first group is `$` where one more stands before
it: then it is no reference, and is read without that."""

NODE_NAMES = ("name", "address", "priority", "state", "interface", "peers")
"""What `${node.…}` has of its own; every other name is a variable of the node's."""


def escaped(text: str) -> str:
    """The text as it has to be written where references are replaced, so that it comes out as it is."""
    return REFERENCE.sub(lambda match: "$" + match[0], text) if "${" in text else text
