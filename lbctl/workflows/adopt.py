"""import: a live cluster as a workspace. Reads the nodes, writes to none; overwrites nothing here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lbctl.adopt import live
from lbctl.adopt.adopt import CLUSTER_FILE, adopt, obstacle
from lbctl.adopt.clusterfile import Value
from lbctl.adopt.files import paths_wanted
from lbctl.adopt.folders import folder_probes, inside
from lbctl.adopt.live import File, Live
from lbctl.adopt.nodes import Subject, subjects
from lbctl.desired import load
from lbctl.errors import InputError, LbctlError, LocalError, NodeError, Place, Problem, RefusedError
from lbctl.model.adoption import Adoption, Written
from lbctl.model.cluster import Cluster, ManagedFile
from lbctl.model.event import Gathering, NodeGathered
from lbctl.store.place import place, staged
from lbctl.transport.at_once import at_once
from lbctl.transport.protocol import Reader
from lbctl.workflows.init import prepared
from lbctl.workflows.read import Emit

_IGNORE = Written("secrets/.gitignore", b"*\n", private=True)


@dataclass(frozen=True)
class Wishes:
    """What the command line says: how the cluster file begins, names by host, whether to take other files.

    `named` = the cluster's name was given; otherwise that of the nodes' own records comes first.
    """

    head: Mapping[str, Value]
    names: Mapping[str, str]
    files: bool = True
    named: bool = False


def read(hosts: Sequence[str], reader: Reader, emit: Emit) -> list[Live]:
    """Every host as it is. Raises NodeError, or LbctlError naming every one that could not be read."""
    emit(Gathering(tuple(hosts)))

    def one(host: str) -> Live | NodeError:
        began = time.monotonic()
        try:
            return _read(host, reader)
        except NodeError as error:
            return error
        finally:
            emit(NodeGathered(host, time.monotonic() - began))

    found = at_once(one, hosts)
    errors = [one for one in found if isinstance(one, NodeError)]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        summary = f"{len(errors)} of {len(hosts)} hosts could not be read"
        raise LbctlError(summary, detail="\n".join(map(str, errors)))
    return [one for one in found if isinstance(one, Live)]


def _read(host: str, reader: Reader) -> Live:
    """One host, in at most four questions: each needs what the one before has found."""
    found = live.first(host, reader.ask(host, live.first_probes()))
    if why := obstacle(found):
        raise NodeError(host, "it cannot be taken over", detail=why)
    if probes := live.piece_probes(found):
        pieces = live.pieces(reader.ask(host, probes))
        files = _files(host, [one.path for one in pieces], reader)
        found = replace(found, pieces=pieces, files={**found.files, **files})
    named = live.all_named(found)
    paths = [one.path for one in (*found.pieces, *named)]
    if not paths:
        return found
    answers = reader.ask(host, [live.kind_probe(paths), *folder_probes(named)])
    within = {one: kind for one, kind in inside(named, answers) if one.path not in found.files}
    named = (*named, *within)
    kinds = live.kinds(paths, answers) | {one.path: kind for one, kind in within.items()}
    files = _files(host, list(paths_wanted(named, kinds)), reader)
    return replace(found, named=named, kinds=kinds, files={**found.files, **files})


def _files(host: str, paths: Sequence[str], reader: Reader) -> Mapping[str, File]:
    return live.files(paths, reader.ask(host, live.file_probes(paths))) if paths else {}


def take(found: Sequence[Live], wishes: Wishes) -> tuple[Adoption, list[Subject]]:
    """What the workspace will be. Raises InputError where the nodes cannot be told apart."""
    nodes, problems = subjects(found, wishes.names)
    if problems:
        raise InputError(problems)
    recorded = {one.cluster for one in found}
    known = recorded.pop() if len(recorded) == 1 and not wishes.named else ""
    head = {**wishes.head, "cluster": known} if known else wishes.head
    return adopt(nodes, head, files=wishes.files), nodes


def write(directory: Path, adoption: Adoption, nodes: Sequence[Subject]) -> Adoption:
    """Write the workspace, once it is proved to say what is on the nodes; with what its files' reader says.

    Raises UsageError where a file is there already, RefusedError where the nodes have what no cluster file
    can say, LocalError where something would not come back as it is.
    """
    ignored = (directory / ".gitignore").exists()
    files = [*([_IGNORE] if ignored else []), *adoption.files]
    files.sort(key=lambda file: file.path == CLUSTER_FILE)  # it comes last: without it there is no workspace
    with staged(directory, files) as stage:
        cluster = _proved(stage, nodes)
        for _ in prepared(directory):
            pass
        place(stage, directory, files)
    return replace(adoption, problems=tuple(_moved(one, stage, directory) for one in cluster.problems))


def _proved(stage: Path, nodes: Sequence[Subject]) -> Cluster:
    """The staged cluster, which has every file as it is on its node."""
    try:
        cluster = load(stage / CLUSTER_FILE)
    except InputError as error:
        said = [str(_moved(problem, stage, Path())) for problem in error.problems if problem.level == "error"]
        raise RefusedError(
            "what is on the nodes cannot be said in a cluster file; nothing was written",
            detail="\n".join(said),
        ) from error
    for node in nodes:
        for file in cluster.node(node.name).files:
            _same(node, file)
    return cluster


def _same(node: Subject, file: ManagedFile) -> None:
    was = node.live.files[file.path]
    if file.content.data != was.data:
        pairs = zip(file.content.data.split(b"\n"), was.data.split(b"\n"), strict=False)
        line = next((n for n, (one, two) in enumerate(pairs, 1) if one != two), 0)
        where = f"line {line}" if line else "its end"
        _broken(node, f"{file.path}: {where} would not come back as it is")
    said, is_now = (file.mode, file.owner, file.group), (was.mode, was.owner, was.group)
    if said != is_now:
        _broken(node, f"{file.path}: it is {' '.join(is_now)}, and would become {' '.join(said)}")


def _broken(node: Subject, text: str) -> None:
    mend = "nothing was written; this is a fault of lbctl's: please report it, with that line"
    raise LocalError(f"{node.name}: {text}", mend=mend)


def _moved(problem: Problem, stage: Path, directory: Path) -> Problem:
    """A problem that was found in the stage, as one of the place that its file has now."""
    place, root = problem.place, f"{stage}/"
    if place and place.file.startswith(root):
        path = directory / place.file.removeprefix(root)
        return replace(problem, place=Place(str(path), place.line, place.column))
    return problem
