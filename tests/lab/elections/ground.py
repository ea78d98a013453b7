"""The nodes that the combinations are tried on: what is killed, who holds what then, and since when."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from lbctl.lab import Lab
from lbctl.model.election import ElectionTable, Holders, NodeState, RouterTable, States, Why
from lbctl.planning.elections.combinations import combinations
from lbctl.planning.elections.table import table
from tests.lab.conftest import Labs, guide_spec
from tests.lab.elections.variants import DRAIN, DRAINED, NODES, Batch
from tests.lab.sampler import Sampler, Span, sampled

BUSY = 1.0
"""Seconds that the daemons' own work may take on a busy machine."""
AGAIN = 0.7
"""And a recovery beside its elections: a link comes up, a check succeeds again."""
MOMENT = 0.1
"""For so many seconds, at most, one more holds a VIP of which the table says that it does not settle."""
TRIES = 3
"""Of a combination that does not end as the table says while a keepalived is held up."""

_HAPROXY = "/etc/haproxy/elections.cfg"
_INSTALL = f"""
set -e
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
apt-get -qq update && apt-get -qq -y install haproxy keepalived psmisc >/dev/null
mkdir -p {DRAIN.rpartition("/")[0]}
cat >{_HAPROXY} <<'.'
defaults
  timeout connect 1s
  timeout client 1s
  timeout server 1s
listen some
  bind :5000
.
"""
# without systemd, which would start it again
_START = f"haproxy -D -f {_HAPROXY}"
_KILL = "killall -q -9 haproxy"


@dataclass(frozen=True)
class Result:
    """One combination of one variant: what the table says, and what was seen.

    The failures are not made in one instant: it was so `within` so many seconds of the first of them, and
    `after` so many of the last one, which is less.
    """

    variant: str
    vip: str
    states: str
    expected: str
    seen: str
    soonest: float
    latest: float
    after: float
    within: float
    back: str
    seen_back: str
    settles: bool
    spans: str
    tries: int = 1

    @property
    def good(self) -> bool:
        return self.seen in self.expected.split(" | ") and self.in_time and self.came_back

    @property
    def timed(self) -> bool:
        """Did somebody take over, in a time that the table promises?"""
        return self.within > 0 and self.settles

    @property
    def in_time(self) -> bool:
        """Neither before the protocol lets it, nor later than it demands; where the table says that it does
        not settle, it promises no time."""
        return not self.timed or (self.early <= 0 and self.late <= BUSY)

    @property
    def early(self) -> float:
        """Seconds before the soonest moment; negative = after it."""
        return self.soonest - self.within

    @property
    def late(self) -> float:
        """Seconds after the latest moment; negative = before it."""
        return self.after - self.latest

    @property
    def came_back(self) -> bool:
        return self.seen_back in self.back.split(" | ")

    def __str__(self) -> str:
        return (
            f"{self.variant} ({self.vip}), {self.states}: {self.seen} after {self.after:.2f} to "
            f"{self.within:.2f} s, then {self.seen_back}; the table says {self.expected} after "
            f"{self.soonest:.2f} to {self.latest:.2f} s, then {self.back} ({self.spans})"
        )


@dataclass
class Ground:
    """One lab for all batches."""

    labs: Labs
    lab: Lab | None = None
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(len(NODES)))

    def up(self) -> Lab:
        if self.lab is None:
            self.lab = self.labs.up(guide_spec(controllers=(), client=None, vips=()))
            self.everywhere(dict.fromkeys(NODES, _INSTALL))
        return self.lab

    def everywhere(self, scripts: Mapping[str, str]) -> None:
        """Run a script on each of these nodes, all at once."""
        assert self.lab is not None
        list(self.pool.map(self.lab.sh, scripts, scripts.values()))

    def write(self, batch: Batch) -> None:
        """The batch's files, and both daemons started anew."""
        texts = [batch.conf(node) for node in range(len(NODES))]
        scripts = [
            f"{_KILL}; systemctl stop keepalived; set -e; echo {drain} >{DRAIN}; {_START}\n"
            f"cat >/etc/keepalived/keepalived.conf <<'.'\n{text}.\nsystemctl start keepalived"
            for text, drain in zip(texts, DRAINED, strict=True)
        ]
        self.everywhere(dict(zip(NODES, scripts, strict=True)))

    def run(self, batch: Batch, most: Sequence[States]) -> list[Result]:
        """Every one of these combinations, one after the other, each from what the last one has left."""
        lab = self.up()
        self.write(batch)
        tables = _Tables(batch)
        with sampled(lab) as sampler:
            trial = _Trial(self, batch, tables, sampler)
            time.sleep(2 * tables.longest)
            return [result for states in most for result in trial.tried(states)]


@dataclass
class _Tables:
    """The table by who holds every VIP at first; each made once."""

    batch: Batch
    made: dict[Holders, ElectionTable] = field(default_factory=dict)

    def of(self, holders: Holders) -> ElectionTable:
        if holders not in self.made:
            self.made[holders] = table(self.batch.parties(), dict.fromkeys(self.batch.vips, holders))
        return self.made[holders]

    def router(self, vip: str, holders: Holders) -> RouterTable:
        router = self.of(holders).router(vip)
        assert router is not None
        return router

    @property
    def longest(self) -> float:
        """Seconds that any takeover takes at most, and an election where nobody holds the VIP."""
        routers = self.of(()).routers
        takeovers = [row.outcome.seconds for router in routers for row in router.rows]
        waits = [one.patience for party in self.batch.parties() for one in party.candidates().values()]
        return max(*takeovers, *waits)


@dataclass
class _Trial:
    ground: Ground
    batch: Batch
    tables: _Tables
    sampler: Sampler

    def tried(self, states: States) -> list[Result]:
        """What came of a combination; of the last try, where a keepalived was held up in those before.

        One that by its own word did not run when its timers were due missed adverts, or sent none: none of
        the failures that are in the table.
        """
        for number in range(1, TRIES + 1):
            began = time.time()
            found = [replace(one, tries=number) for one in self.run(states)]
            if all(one.good for one in found) or not self.held_up(began):
                break
        return found

    def held_up(self, since: float) -> bool:
        """Has a keepalived said so?"""
        assert self.ground.lab is not None
        said = f"journalctl -q -o cat -u keepalived --since=@{since:.0f} | grep 'timer expired' || :"
        return any(self.ground.lab.sh(node, said) for node in NODES)

    def run(self, states: States) -> Iterator[Result]:
        """Have what shall be dead die at once, look, let it come back, and look again."""
        before = {vip: self.holders(vip) for vip in self.batch.vips}
        routers = {vip: self.tables.router(vip, holders) for vip, holders in before.items()}
        dead = {node for node, one in zip(NODES, states, strict=True) if one is NodeState.DEAD}
        began = time.time()
        self.kill(states)
        ended = time.time()
        time.sleep(self.tables.longest + BUSY)
        seen = {vip: self.since(vip, dead, _settles(router, states)) for vip, router in routers.items()}
        self.revive(states)
        time.sleep(self.tables.longest + BUSY + AGAIN)
        for vip, router in routers.items():
            outcome = router.outcome(states)
            assert outcome is not None
            holders, at = seen[vip]
            came = self.spans(vip, _settles(router, (NodeState.ALIVE,) * len(NODES)))[-1].holders
            yield Result(
                self.batch.vips[vip].name,
                vip,
                f"{_said((before[vip],))} of {_said(router.normal)} before, {', '.join(map(str, states))}",
                _said(outcome.ends),
                _said((holders,)),
                outcome.soonest,
                outcome.seconds,
                max(at - ended, 0.0),
                max(at - began, 0.0),
                _said(outcome.back),
                _said((came,)),
                _settles(router, states),
                self.told(vip, began),
            )

    def kill(self, states: States) -> None:
        assert self.ground.lab is not None
        acts: list[Future[object]] = []
        for node, state in zip(NODES, states, strict=True):
            if state is NodeState.DEAD:
                acts.append(self.ground.pool.submit(self.ground.lab.link_down, node))
            elif state is NodeState.HAPROXY_DEAD:
                acts.append(self.ground.pool.submit(self.ground.lab.sh, node, _KILL))
        for act in acts:
            act.result()

    def revive(self, states: States) -> None:
        assert self.ground.lab is not None
        for node, state in zip(NODES, states, strict=True):
            if state is NodeState.DEAD:
                self.ground.lab.link_up(node)
            elif state is NodeState.HAPROXY_DEAD:
                self.ground.lab.sh(node, _START)

    def holders(self, vip: str) -> Holders:
        return self.sampler.timeline(vip).spans[-1].holders

    def spans(self, vip: str, settles: bool) -> list[Span]:
        """Who held it one after the other; without moments, where the table says that it does not settle."""
        return [one for one in self.sampler.timeline(vip).spans if settles or one.seconds > MOMENT]

    def told(self, vip: str, start: float) -> str:
        """Who held it, each with since when, from the failures to now."""
        spans = [one for one in self.spans(vip, True) if one.at + one.seconds > start]
        return ", ".join(f"{one.at - start:.2f} s {_said((one.holders,))}" for one in spans)

    def since(self, vip: str, dead: set[str], settles: bool) -> tuple[Holders, float]:
        """Who of the living holds it, and since when."""
        spans = self.spans(vip, settles)
        holders = _living(spans[-1].holders, dead)
        at = spans[-1].at
        for span in reversed(spans):
            if _living(span.holders, dead) != holders:
                break
            at = span.at
        return holders, at


def _settles(router: RouterTable, states: States) -> bool:
    outcome = router.outcome(states)
    assert outcome is not None
    return Why.UNSETTLED not in outcome.why


def _living(holders: Holders, dead: set[str]) -> Holders:
    return tuple(one for one in holders if one not in dead)


def _said(ends: Sequence[Holders]) -> str:
    return " | ".join(" and ".join(holders) or "nobody" for holders in ends)


def every() -> tuple[States, ...]:
    return tuple(combinations(NODES, len(NODES)))


def selection() -> tuple[States, ...]:
    """A few that differ the most."""
    alive, ill, dead = NodeState
    return (
        (ill, alive, alive),
        (dead, alive, alive),
        (dead, ill, alive),
        (ill, dead, alive),
        (ill, ill, ill),
        (dead, dead, dead),
    )
