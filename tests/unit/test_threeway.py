"""Desired, applied, live: whose difference is it, and what follows."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from lbctl.gather import gather_node, write_owner
from lbctl.model.change import Action, Change, Standing
from lbctl.model.cluster import ManagedFile, Node
from lbctl.model.content import Content, plain
from lbctl.model.facts import Facts
from lbctl.model.owner import Owner
from lbctl.model.resource import Unknown
from lbctl.planning.threeway import compare
from tests.unit.fake_node import HAPROXY
from tests.unit.test_rollout_walk import KEY, PROXY, applied, cluster

TABLE = (  # desired, applied, live (None: not there) → standing and action; None = no change
    ("a", "a", "a", None),
    ("b", "a", "a", (Standing.PENDING, Action.UPDATE)),
    ("a", "a", "b", (Standing.DRIFT, Action.UPDATE)),
    ("b", "a", "b", (Standing.RECORDED, Action.RECORD)),
    ("c", "a", "b", (Standing.BOTH, Action.UPDATE)),
    ("a", "a", None, (Standing.DRIFT, Action.CREATE)),
    ("b", "a", None, (Standing.BOTH, Action.CREATE)),
    ("a", None, None, (Standing.PENDING, Action.CREATE)),
    ("a", None, "a", (Standing.RECORDED, Action.RECORD)),
    ("a", None, "b", (Standing.PENDING, Action.UPDATE)),
)


def node(content: str, **changes: object) -> Node:
    first = cluster(content).nodes[0]
    files = tuple(replace(f, **changes) if f.path == HAPROXY else f for f in first.files)  # type: ignore[arg-type]
    # the keywords are a ManagedFile's own fields, in this file
    return replace(first, files=files)


def facts(wanted: Node, was: str | None, live: str | None) -> Facts:
    """A node on which the last apply left `was`, and that now has `live`."""
    transport = applied(cluster(was or ""))
    fake = transport.nodes["lb1"]
    if was is None:
        kept = Owner("c", "id", 1, "old", KEY, ())
        fake.state.owner = write_owner(kept, ())
    if live is None:
        del fake.state.files[HAPROXY]
    else:
        fake.state.files[HAPROXY] = (live.encode(), "0644", "root:root")
    return gather_node(wanted, transport)


def change_of(wanted: Node, found: Facts, path: str = HAPROXY) -> Change | None:
    return next((c for c in compare(wanted, found)[0] if c.address.name == path), None)


class TestTable:
    @pytest.mark.parametrize(("desired", "was", "live", "expected"), TABLE)
    def test_row(
        self, desired: str, was: str | None, live: str | None, expected: tuple[Standing, Action] | None
    ) -> None:
        wanted = node(desired)
        change = change_of(wanted, facts(wanted, was, live))
        assert (change and (change.standing, change.action)) == expected

    def test_content_that_nobody_watches_is_no_drift_but_pending_still(self) -> None:
        wanted = node("a", watch=False)
        assert change_of(wanted, facts(wanted, "a", "b")) is None
        wanted = node("c", watch=False)
        change = change_of(wanted, facts(wanted, "a", "b"))
        assert change is not None and change.standing is Standing.BOTH

    def test_an_attribute_that_is_new_in_the_file_is_pending(self) -> None:
        first = node("a")
        gone = replace(first, files=(ManagedFile(HAPROXY, plain(b""), absent=True),))
        change = change_of(gone, facts(gone, "a", "a"))
        assert change is not None and (change.standing, change.action) == (Standing.PENDING, Action.DELETE)

    def test_a_link_is_an_error_and_no_change(self) -> None:
        wanted = node("a")
        found = facts(wanted, "a", "a")
        resources = tuple(
            Unknown(r.address, "it is a symbolic link") if r.address.name == HAPROXY else r
            for r in found.resources
        )
        changes, problems = compare(wanted, replace(found, resources=resources))
        assert not [c for c in changes if c.address.name == HAPROXY]
        assert [problem.code for problem in problems] == ["unknown"]


class TestDropped:
    def without(self, originals: tuple[str, ...] = (), live: str | None = "a") -> Change | None:
        wanted = node("a")
        found = facts(wanted, "a", live)
        assert found.owner is not None
        found = replace(found, owner=replace(found.owner, originals=originals))
        dropped = replace(wanted, files=tuple(f for f in wanted.files if f.path != HAPROXY))
        return change_of(dropped, found)

    def test_what_lbctl_made_is_deleted(self) -> None:
        change = self.without()
        assert change is not None and (change.action, change.standing) == (Action.DELETE, Standing.PENDING)

    def test_what_was_there_is_given_back(self) -> None:
        change = self.without(originals=(HAPROXY,))
        assert change is not None and change.action is Action.RESTORE

    def test_what_is_gone_is_forgotten(self) -> None:
        change = self.without(live=None)
        assert change is not None and change.action is Action.FORGET

    def test_what_somebody_changed_is_drift(self) -> None:
        change = self.without(live="b")
        assert change is not None and (change.action, change.standing) == (Action.DELETE, Standing.DRIFT)


class TestSecrets:
    def test_without_a_key_of_the_node_digests_are_of_what_may_be_shown(self) -> None:
        content = Content(b"secret", b"***")
        wanted = replace(node("a"), files=(ManagedFile("/opt/s", content),))
        transport = applied(cluster(PROXY))
        transport.nodes["lb1"].state.owner = b"none"
        changes, _ = compare(wanted, gather_node(wanted, transport))
        after = [d.after for c in changes for d in c.differences if d.attribute == "content"]
        assert after == [plain(b"***").digest("")]

    def test_live_bytes_of_what_not_everybody_may_read_are_never_shown(self) -> None:
        transport = applied(cluster(PROXY))
        fake = transport.nodes["lb1"]
        for path, mode in (("/opt/public", "0644"), ("/opt/private", "0640")):
            fake.state.files[path] = (b"what is there", mode, "root:root")
        files = tuple(ManagedFile(path, plain(b"x")) for path in ("/opt/public", "/opt/private"))
        wanted = replace(node("a"), files=files)
        found = gather_node(wanted, copy.deepcopy(transport))
        contents = {r.address.name: getattr(r, "content", None) for r in found.resources}
        assert contents["/opt/public"] is not None and contents["/opt/public"].shown == b"what is there"
        assert contents["/opt/private"] is not None and contents["/opt/private"].shown == b"***\n"
