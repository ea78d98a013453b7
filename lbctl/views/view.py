"""The protocol behind which the views stand: workflows return values and yield events, a view shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from lbctl.errors import LbctlError, NodeError, Problem
from lbctl.model.adoption import Adoption, Merged, Proposed
from lbctl.model.election import ElectionTable
from lbctl.model.event import Event
from lbctl.model.facts import Facts
from lbctl.model.finding import LintReport, Rule
from lbctl.model.plan import Plan
from lbctl.model.record import KeptRun, Pack
from lbctl.model.report import ApplyReport, DrainReport, DriftReport, ForgetReport, HandoverReport

NodeStatus = Mapping[str, Facts | NodeError]
"""What was gathered, or why it could not be, by the node's name in the cluster file's order."""


class View(Protocol):
    """Shows the nouns of the model. Of a file's content it shows what is masked already, never the bytes."""

    def plan(self, plan: Plan, *, text: bool = False) -> None:
        """A plan, whole. `text` adds the unified diff of each file as it may be shown."""
        ...

    def event(self, event: Event) -> None:
        """What happens just now."""
        ...

    def report(self, report: ApplyReport) -> None:
        """The outcome of an apply; its last line is the outcome in one sentence."""
        ...

    def drift(self, report: DriftReport, *, text: bool = False) -> None:
        """What drift found. Says nothing where nobody watches and there is nothing to say."""
        ...

    def status(self, cluster: str, nodes: NodeStatus, vips: Sequence[str], notes: Mapping[str, str]) -> None:
        """How each node stands, those that could not be read too; `vips` without prefix.

        `notes` are what is to be said of a node beside what was found on it.
        """
        ...

    def election(self, cluster: str, table: ElectionTable) -> None:
        """Who holds each VIP for every combination of dead nodes and dead HAProxys."""
        ...

    def drained(self, report: DrainReport) -> None:
        """A node that is out of the election now, or back in it, and where the VIPs are."""
        ...

    def handed_over(self, report: HandoverReport) -> None:
        """A node that has given its VIPs away, and where they are."""
        ...

    def runs(self, runs: Sequence[KeptRun]) -> None:
        """The runs of which there is evidence, oldest first."""
        ...

    def packed(self, pack: Pack) -> None:
        """A run's evidence that was packed: what is in it, and where it is."""
        ...

    def imported(self, adoption: Adoption) -> None:
        """A live cluster that was taken into a workspace: what was found, taken and left."""
        ...

    def merged(self, files: Sequence[Merged]) -> None:
        """What was changed by hand on nodes and is in the workspace's files now; none = nothing was."""
        ...

    def proposed(self, proposal: Proposed) -> None:
        """Services in place of haproxy.cfg: what the file would say, and what would change on the nodes."""
        ...

    def forgotten(self, report: ForgetReport) -> None:
        """A node that the others' records name no longer."""
        ...

    def problems(self, problems: Sequence[Problem]) -> None:
        """Located findings of a file, one after the other, and how many there are."""
        ...

    def findings(self, report: LintReport) -> None:
        """What lint found, each in its place; its last line counts them."""
        ...

    def rules(self, rules: Sequence[Rule], *, whole: bool) -> None:
        """What codes mean: a line each, or (`whole`) everything that is known."""
        ...

    def warnings(self, problems: Sequence[Problem]) -> None:
        """Findings that stop nothing; on standard error."""
        ...

    def error(self, error: LbctlError) -> None:
        """What went wrong and what to do; on standard error."""
        ...

    def note(self, text: str) -> None:
        """A line for a person: what was saved where. Never part of a JSON document."""
        ...

    def raw(self, data: bytes) -> None:
        """A file as it may be shown (render): to the byte, unless a terminal would obey what is in it."""
        ...

    def close(self) -> None:
        """Take down whatever is drawn live; safe to call twice."""
        ...
