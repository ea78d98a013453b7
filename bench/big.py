"""A large configuration, written once; then, in a process that is measured whole, parsed twice and compared.

python -m bench.big FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from lbctl import haproxy
from lbctl.planning.semantic import diff

BACKENDS, SERVERS = 500, 20
CHANGED = "server s7 10.1.250.7:8080 "
EXPECT = "1 change"
HOME = Path(__file__).parent.parent  # from where `-m bench.big` is found


def write(folder: Path) -> None:
    """Two configurations that differ in one server's words."""
    text = "global\n    daemon\n\ndefaults\n    mode http\n    timeout connect 10s\n\n"
    text += "".join(_backend(number) for number in range(BACKENDS))
    (folder / "before.cfg").write_text(text)
    (folder / "after.cfg").write_text(text.replace(CHANGED, CHANGED + "weight 10 "))


def _backend(number: int) -> str:
    net = f"10.{1 + number // 256}.{number % 256}"
    lines = [f"    server s{each} {net}.{each}:8080 check inter 10s\n" for each in range(SERVERS)]
    return f"backend api-{number}\n    balance roundrobin\n{''.join(lines)}\n"


def main(folder: Path) -> None:
    before, after = (haproxy.parse((folder / f"{name}.cfg").read_bytes()) for name in ("before", "after"))
    found = diff(before, after)
    print(f"{len(found)} change")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
