"""Each room imports only from floors below its own, and keeps to the house's sizes.

The floors are drawn here once; docs and reviews refer to this table. `local` stands one floor below the rooms
that run commands on this machine (desired, store, lab, workflows): they are siblings or above, and share it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent / "lbctl"

# Top to bottom. Rooms on one floor are siblings and do not import each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("workflows", "views", "lab"),
    ("rollout",),
    ("desired", "gather", "store"),
    ("local",),
    ("planning", "adopt"),
    ("lint",),
    ("kinds",),
    ("haproxy", "keepalived", "host"),
    ("document",),
    ("transport",),
    ("model",),
    ("errors",),
    ("",),  # lbctl/__init__.py: the version
)

# Narrower than their floor allows: pure rooms, and a view that must not reach anything that acts.
PURE = frozenset({"document", "model", "errors", ""})
DAEMONS = frozenset({"haproxy", "keepalived", "host"})
ONLY: Mapping[str, frozenset[str]] = {
    "views": PURE | {"planning", "lint"},
    "lab": PURE | DAEMONS | {"desired", "local", "transport"},
    "desired": PURE | DAEMONS | {"local"},
    "store": frozenset({"local", "model", "errors", ""}),
    "adopt": PURE | DAEMONS,
    "planning": PURE | DAEMONS | {"kinds", "lint"},
    "lint": PURE | DAEMONS,
    "kinds": PURE | DAEMONS,
    **dict.fromkeys(sorted(DAEMONS), PURE),
    "document": PURE,
}


@dataclass(frozen=True, order=True)
class Arrow:
    """One import from a room into another, with one place where it stands."""

    source: str
    target: str
    place: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}  ({self.place})"


def arrows(root: Path) -> list[Arrow]:
    """Every arrow between two rooms of the tree once; imports in functions and for types count too."""
    found: dict[tuple[str, str], Arrow] = {}
    for path in sorted(root.rglob("*.py")):
        source = _room(path.relative_to(root))
        for line, module in _imports(path):
            target = _target(module)
            if target != source:
                place = f"{path.relative_to(root.parent)}:{line}"
                found.setdefault((source, target), Arrow(source, target, place))
    return sorted(found.values())


def wrong(arrow: Arrow) -> str:
    """Why an arrow must not be, "" when it may."""
    floors = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    for room in (arrow.source, arrow.target):
        if room not in floors:
            return f"{room} has no floor: add it to FLOORS"
    if floors[arrow.target] < floors[arrow.source]:
        return "points up"
    if floors[arrow.target] == floors[arrow.source]:
        return "points sideways"
    if arrow.target not in ONLY.get(arrow.source, {arrow.target}):
        return f"{arrow.source} imports only {', '.join(sorted(filter(None, ONLY[arrow.source])))}"
    return ""


def _room(path: Path) -> str:
    name = path.parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


def _target(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """The modules of lbctl that a file names, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if _ours(a.name))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import in full"
            if node.module == "lbctl":
                yield from ((node.lineno, _submodule(a.name)) for a in node.names)
            elif node.module and _ours(node.module):
                yield node.lineno, node.module


def _ours(module: str) -> bool:
    return module == "lbctl" or module.startswith("lbctl.")


def _submodule(name: str) -> str:
    """`from lbctl import views` names a room; `from lbctl import __version__` does not."""
    rooms = {room for rooms in FLOORS for room in rooms}
    return f"lbctl.{name}" if name in rooms else "lbctl"


def test_no_arrow_points_up_or_sideways() -> None:
    found = arrows(ROOT)
    print(*found, sep="\n")  # noqa: T201  # the drawing of the house, shown when this fails or with -s
    assert [f"{arrow}: {wrong(arrow)}" for arrow in found if wrong(arrow)] == []


SYNTHETIC = {
    "from lbctl.views import human": "store -> views  (lbctl/store/x.py:1): points up",
    "import lbctl.gather": "store -> gather  (lbctl/store/x.py:1): points sideways",
    "from lbctl import rollout": "store -> rollout  (lbctl/store/x.py:1): points up",
    "from lbctl.transport import ssh": (
        "store -> transport  (lbctl/store/x.py:1): store imports only errors, local, model"
    ),
    "def f():\n    from lbctl.cli import app": "store -> cli  (lbctl/store/x.py:2): points up",
    "if TYPE_CHECKING:\n    from lbctl.lab.lab import L": "store -> lab  (lbctl/store/x.py:2): points up",
    "from lbctl.outlets import x": (
        "store -> outlets  (lbctl/store/x.py:1): outlets has no floor: add it to FLOORS"
    ),
}


@pytest.mark.parametrize("source", SYNTHETIC)
def test_an_arrow_that_points_up_is_found(tmp_path: Path, source: str) -> None:
    room = tmp_path / "lbctl" / "store"
    room.mkdir(parents=True)
    (room / "x.py").write_text(f"{source}\n")
    assert [f"{arrow}: {wrong(arrow)}" for arrow in arrows(tmp_path / "lbctl")] == [SYNTHETIC[source]]


def test_arrows_that_point_down_may_be(tmp_path: Path) -> None:
    room = tmp_path / "lbctl" / "store"
    room.mkdir(parents=True)
    (room / "x.py").write_text("from lbctl import __version__, errors\nfrom lbctl.model.plan import Plan\n")
    assert [wrong(arrow) for arrow in arrows(tmp_path / "lbctl")] == ["", "", ""]


MOST_LINES_OF_A_FUNCTION = 50
MOST_LINES_OF_A_FILE = 400


def _too_long(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > MOST_LINES_OF_A_FILE:
            yield f"{path.relative_to(root.parent)}: {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    yield f"{path.relative_to(root.parent)}:{node.lineno}: {node.name} has {lines} lines"


def test_functions_and_files_stay_small() -> None:
    assert list(_too_long(ROOT)) == []


def test_a_function_that_grew_is_found(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("def f():\n" + "    pass\n" * 50 + "#\n" * 400)
    assert len(list(_too_long(tmp_path))) == 2
