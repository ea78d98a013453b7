"""lint: what is wrong with a cluster's configuration, on files or on the nodes. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lbctl.desired import load
from lbctl.desired.plain import is_cluster_file, nodes, unreadable
from lbctl.errors import InputError, Problem
from lbctl.lint import Machine, Subject, Text, between, find
from lbctl.model.cluster import Cluster
from lbctl.model.finding import Finding, LintReport
from lbctl.planning import subject as looked_at
from lbctl.transport.protocol import Reader
from lbctl.workflows.read import Emit, read_all


def files(paths: Sequence[Path]) -> LintReport:
    """Findings in cluster files (.yaml) and in daemons' own files; all of these together are one cluster."""
    return _files(
        [one for one in paths if is_cluster_file(one)], [one for one in paths if not is_cluster_file(one)]
    )


def cluster_file(path: Path) -> LintReport:
    """Findings in a cluster file, whatever its name is."""
    return _files([path], [])


def _files(clusters: Sequence[Path], plain: Sequence[Path]) -> LintReport:
    """Nothing is resolved, run or connected to. Raises InputError for what cannot be read; what keeps a
    cluster file from being rendered is a finding of level error.
    """
    if problems := [problem for path in clusters if (problem := unreadable(path))]:
        raise InputError(problems)
    found: list[Finding] = []
    subjects: list[Subject] = []
    for path in clusters:
        try:
            cluster = load(path, secrets=False)
        except InputError as error:
            found += [Finding(problem) for problem in error.problems]
            continue
        found += [Finding(problem) for problem in cluster.problems]
        subjects.append(looked_at.desired(cluster))
    if plain:
        subjects.append(_plain(plain))
    return _report(", ".join(map(str, [*clusters, *plain])), found, subjects)


def live(cluster: Cluster, reader: Reader, emit: Emit) -> LintReport:
    """Findings in what is on the nodes now. Raises LbctlError when one cannot be read."""
    return _report(
        f"cluster {cluster.name}, as its nodes are",
        [],
        [looked_at.live(cluster, read_all(cluster, reader, emit))],
    )


def _plain(paths: Sequence[Path]) -> Subject:
    machines = []
    for node in nodes(paths):
        texts = {daemon: Text(document) for daemon, document in node.documents.items()}
        machines.append(Machine(node.name, "", texts.get("haproxy"), texts.get("keepalived")))
    return Subject("", tuple(machines))


def _report(of: str, found: Sequence[Finding], subjects: Sequence[Subject]) -> LintReport:
    """The loader's findings and lint's; what both say is said once, with lint's nodes."""
    linted = [*(one for subject in subjects for one in find(subject)), *between(subjects)]
    said = {_same(one.problem) for one in linted}
    rest = [one for one in found if _same(one.problem) not in said]
    return LintReport(of, tuple(sorted([*rest, *linted], key=lambda one: one.order)))


def _same(problem: Problem) -> tuple[object, ...]:
    return problem.place, problem.code, problem.text
