"""python -m bench: print the table, as text or JSON. Root; the machine's own speed is in every absolute."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from bench import peers
from bench.bench import Bench
from bench.figures import Figure, lines
from bench.measure import BenchError
from bench.place import place
from bench.rows import ROWS
from lbctl.errors import LbctlError


def main(words: Sequence[str]) -> int:
    """0 when everything was measured, whatever it showed; 1 when something could not be."""
    given = _parse(words)
    # a kill ends the lab too
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        figures = _measure(given.runs, given.only or list(ROWS))
    except (BenchError, LbctlError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(
        json.dumps([one.as_json() for one in figures], indent=2) if given.json else "\n".join(lines(figures))
    )
    return 0


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", "-n", type=int, default=5, help="pairs that count, after one that does not")
    parser.add_argument("--only", action="append", choices=list(ROWS), help="repeatable; default: all rows")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    given.runs = min(max(given.runs, 1), 100)
    return given


def _measure(runs: int, names: Sequence[str]) -> list[Figure]:
    peers.install(_say)
    with place(_say) as found:
        bench = Bench(found, peers.prepare(found), runs, _say)
        return [figure for name in names for figure in ROWS[name](bench)]


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
