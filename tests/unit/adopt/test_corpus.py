"""Clusters of other people (LBCTL_CORPUS), imported from their files: rendered they are the same bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lbctl.desired import load
from tests.unit.adopt.nodes import imported, node

CORPUS = os.environ.get("LBCTL_CORPUS", "")
CLUSTERS = sorted(Path(CORPUS, "clusters").iterdir()) if CORPUS else []


@pytest.mark.skipif(not CORPUS, reason="LBCTL_CORPUS names no corpus")
@pytest.mark.parametrize("root", CLUSTERS, ids=lambda path: path.name)
def test_every_byte_comes_back(tmp_path: Path, root: Path) -> None:
    nodes = sorted(root.iterdir())
    found = [
        node(number, (one / "haproxy.cfg").read_bytes(), (one / "keepalived.conf").read_bytes())
        for number, one in enumerate(nodes, 1)
    ]
    imported(tmp_path, *found)
    cluster = load(tmp_path / "cluster.yaml")
    for made, one in zip(cluster.nodes, nodes, strict=True):
        for daemon, name in (("haproxy", "haproxy.cfg"), ("keepalived", "keepalived.conf")):
            rendered = made.file_of(daemon)
            assert rendered and rendered.content.data == (one / name).read_bytes()


FILES = sorted(Path(CORPUS).glob("[hk]*/*")) if CORPUS else []


@pytest.mark.skipif(not CORPUS, reason="LBCTL_CORPUS names no corpus")
@pytest.mark.parametrize("folder", ["haproxy", "keepalived"])
def test_every_file_alone_comes_back(tmp_path: Path, folder: str) -> None:
    """As one node's: import proves each to the byte, or raises."""
    for number, path in enumerate(one for one in FILES if one.parent.name == folder):
        data = path.read_bytes()
        found = node(1, data, None) if folder == "haproxy" else node(1, b"global\n", data)
        imported(tmp_path / str(number), found)
