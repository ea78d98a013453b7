"""Try the documents' properties on random texts: `python tests/fuzz/fuzz_documents.py --seconds 600`.

With LBCTL_CORPUS set, files from there are changed as well. A failure prints the text and its seed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.fuzz import edits, properties, texts


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    corpus = {name: _corpus(name) for name in texts.PIECES}
    ends = time.monotonic() + options.seconds
    cases, slowest = 0, 0.0
    while time.monotonic() < ends:
        for name, tongue in (("haproxy", properties.HAPROXY), ("keepalived", properties.KEEPALIVED)):
            seed = options.seed + cases
            chance = random.Random(seed)
            data = texts.text(chance, name)
            if corpus[name] and chance.random() < 0.2:
                data = texts.changed(chance, chance.choice(corpus[name]), name)
            started = time.monotonic()
            if not _holds(tongue, data, texts.changed(chance, data, name), seed):
                return 1
            slowest = max(slowest, time.monotonic() - started)
            cases += 1
    sys.stdout.write(
        f"{cases} cases in {options.seconds:.0f} s, the slowest took {slowest:.2f} s, none failed\n"
    )
    return 0


def _holds(tongue: properties.Tongue, data: bytes, after: bytes, seed: int) -> bool:
    try:
        properties.check(tongue, data)
        edits.check(tongue, data)
        properties.check_pair(tongue, data, after)
        properties.check_word(tongue, data[:20].decode("utf-8", "surrogateescape"))
    except Exception:  # whatever it is, the text that causes it must be shown
        sys.stdout.write(f"seed {seed}\n{data!r}\n{after!r}\n{traceback.format_exc()}")
        return False
    return True


def _corpus(name: str) -> list[bytes]:
    folder = os.environ.get("LBCTL_CORPUS")
    files = sorted((Path(folder) / name).glob("*")) if folder else []
    return [data for data in (file.read_bytes() for file in files) if len(data) < 20000]


if __name__ == "__main__":
    sys.exit(main())
