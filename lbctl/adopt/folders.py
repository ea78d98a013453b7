"""The files of a folder that a configuration names: of certificates HAProxy reads all that are in it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from lbctl.adopt.references import OURS, Named
from lbctl.host import facts
from lbctl.model.command import Answers, Probe

MOST_FILES = 200
"""A folder of more is left as it is."""


def folder_probes(found: Sequence[Named]) -> list[Probe]:
    """What is in those of these paths that are folders: file or link, and its path, one a line."""
    words = " ".join(shlex.quote(one.path.rstrip("/")) for one in found if one.path.startswith(OURS))
    kind = 'if [ -L "$f" ]; then echo "link $f"; elif [ -f "$f" ]; then echo "file $f"; fi'
    each = f'[ -L "$d" ] || for f in "$d"/*; do {kind}; done'
    return [Probe("folders", f"for d in {words}; do {each}; done")] if words else []


def inside(found: Sequence[Named], answers: Answers) -> Iterator[tuple[Named, str]]:
    """What is in the folders among these paths, as if it were named itself, each with its kind."""
    daemons = {one.path.rstrip("/"): one.daemon for one in found}
    rows = [line.partition(" ") for line in facts.lines(answers, "folders")]
    count = Counter(path.rpartition("/")[0] for _, _, path in rows)
    known = {one.path for one in found}
    for kind, _, path in rows:
        folder = path.rpartition("/")[0]
        if folder in daemons and count[folder] <= MOST_FILES and path not in known:
            yield Named(path, daemons[folder], script=False), kind
