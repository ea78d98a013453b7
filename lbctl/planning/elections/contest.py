"""VRRP played between a few nodes, until nothing changes any more. Pure.

The rules are those of keepalived's states, with the times of RFC 3768 and 5798: a backup that has not
accepted an advert for down_timer_adverts (3) × advert_int and a skew makes itself master; a master that hears
a better one gives up; one that goes into FAULT announces it, and the others wait for the skew alone. A sync
group is master with all its instances, or with none. A master begins its advert_int anew with each advert
that comes, also with one that it discards: two that discard each other's hold each other up, and a third
takes over for moments. Of two sync groups that are due at once, and better in one instance each, neither
stays, for some rounds.
Held against keepalived 2.2.7 by tests/lab/elections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lbctl.keepalived.election import FAULT, accepts, skew
from lbctl.model.election import Why
from lbctl.planning.election import Candidate

Key = tuple[str, str]
"""A node's name and an instance's."""
STEPS, TIES = 60, 5
"""So many changes of masters are played: what has not settled by then does not. Of so many ties, one after
the other, every way is played; of more only one."""
CLOSE = 0.05
"""Of two that are due within so many seconds, either may be first: on two busy cores one that was to be
first by 4 ms was second in three elections of eight, and by 39 ms in one of eight."""


@dataclass(frozen=True)
class Elector:
    """What is master on one node, or is not: a sync group's instances, or an instance of none."""

    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Field:
    """Who takes part, whom each hears, whose adverts come to it and are discarded, and what decides between
    two masters of the same priority."""

    electors: tuple[Elector, ...]
    hears: Mapping[Key, frozenset[Key]]
    discards: Mapping[Key, frozenset[Key]]
    addresses: Mapping[Key, int]


@dataclass(frozen=True)
class News:
    """From a moment on, in seconds, a node's candidates are these."""

    at: float
    candidates: Mapping[Key, Candidate]


@dataclass(frozen=True)
class Ending:
    """The masters when nothing changes any more, and since when. `doubts` = why another might have been
    first: TIE, CLOSE."""

    masters: frozenset[Elector]
    at: float
    doubts: frozenset[Why] = frozenset()
    settled: bool = True


def play(
    field: Field,
    masters: frozenset[Elector],
    candidates: Mapping[Key, Candidate],
    news: Sequence[News] = (),
    *,
    early: bool = False,
    close: float = CLOSE,
    paces: Mapping[Key, float] | None = None,
) -> frozenset[Ending]:
    """Every way in which it may end. Whoever is not among the candidates is dead, without a word.

    `early` = the last advert of before was sent a whole advert_int ago, and not just now. Of two that are due
    within less than `close` seconds, either may be first. `paces` are the intervals by which backups have
    gone until now, where they are not their own.
    """
    game = _Game(field, dict(candidates), sorted(news, key=lambda one: one.at), early, close)
    game.paces = dict(paces or {})
    game.masters = masters.intersection(game.standing)
    game.settle()
    return game.end()


class _Game:
    """The moving parts. `standing` are alive, with no instance in FAULT; `due` is when each backup that has
    accepted no advert has waited long enough."""

    def __init__(
        self, field: Field, candidates: dict[Key, Candidate], news: list[News], early: bool, close: float
    ) -> None:
        self.field = field
        self.candidates = candidates
        self.news = news
        self.early = early
        self.close = close
        self.standing = [one for one in field.electors if self.stands(one)]
        self.masters: frozenset[Elector] = frozenset()
        self.due: dict[Key, float] = {}
        self.paces: dict[Key, float] = {}
        self.now = 0.0
        self.since = 0.0
        self.ties = 0
        self.doubts: frozenset[Why] = frozenset()
        self.clashed = False
        self.steps = 0

    def copy(self) -> _Game:
        other = _Game(self.field, dict(self.candidates), list(self.news), self.early, self.close)
        other.masters, other.due, other.paces = self.masters, dict(self.due), dict(self.paces)
        other.now, other.since, other.ties, other.steps = self.now, self.since, self.ties + 1, self.steps
        other.doubts, other.clashed = self.doubts, self.clashed
        return other

    def end(self) -> frozenset[Ending]:
        """Play on; where two are due at once, or nearly, either may be the first."""
        while self.steps < STEPS:
            claims = self.claims()
            first = min(claims.values(), default=None)
            if self.news and (first is None or self.news[0].at <= first):
                self.hear(self.news.pop(0))
            elif first is None:
                settled = not self.clashed and not self.restless()
                return frozenset({Ending(self.masters, self.since, self.doubts, settled)})
            else:
                self.now = first
                rivals = self.rivals(claims, first)
                if len(rivals) > 1 and self.ties < TIES:
                    exact = sum(claims[one] == first for one in rivals) > 1
                    self.doubts |= {Why.TIE if exact else Why.CLOSE}
                    self.clashed |= exact and any(
                        self.beats(one, rivals[0]) and self.beats(rivals[0], one) for one in rivals[1:]
                    )
                    return frozenset(ending for one in rivals for ending in self.copy().won(one).end())
                self.won(rivals[0])
        return frozenset({Ending(self.masters, self.since, self.doubts, settled=False)})

    def stands(self, elector: Elector) -> bool:
        """Is it alive, and no instance of it in FAULT?"""
        found = [self.candidates.get(key) for key in elector.keys]
        return all(one is not None and one.priority != FAULT for one in found)

    def claims(self) -> dict[Elector, float]:
        """When each that is no master, and waits for no one any more, makes itself one."""
        due = self.due
        return {
            elector: max(due[key] for key in elector.keys)
            for elector in self.standing
            if elector not in self.masters and all(key in due for key in elector.keys)
        }

    def rivals(self, claims: Mapping[Elector, float], at: float) -> list[Elector]:
        """The first; whoever is due with it, and hears it or is heard by it; and whoever is due so soon after
        that it may be the first, and would keep it from becoming master then."""
        first = next(one for one, due in claims.items() if due == at)
        return [first] + [
            one
            for one, due in claims.items()
            if one is not first
            and (
                (due == at and (self.hears(one, first) or self.hears(first, one)))
                or (at < due < at + self.close and self.keeps(one, first))
            )
        ]

    def keeps(self, one: Elector, other: Elector) -> bool:
        """Once it is master, does the other take one of its adverts for its master's?"""
        heard = (
            (key, master) for key in other.keys for master in self.field.hears[key].intersection(one.keys)
        )
        return any(self.takes(key, master) for key, master in heard)

    def restless(self) -> bool:
        """Is there one that waits for masters alone that others hold up?"""
        return any(
            elector not in self.masters and all(self.held_up(key) for key in elector.keys)
            for elector in self.standing
        )

    def held_up(self, key: Key) -> bool:
        """Are all adverts that it waits for put off by others, which their senders discard?"""
        masters = {one for master in self.masters for one in master.keys}
        paces = {one: self.candidates[one].advert_int for one in masters}
        return all(
            any(paces[other] <= paces[one] for other in masters & self.field.discards[one])
            for one in self.accepted(key)
        )

    def hears(self, one: Elector, other: Elector) -> bool:
        return any(not self.field.hears[key].isdisjoint(other.keys) for key in one.keys)

    def won(self, elector: Elector) -> _Game:
        """It makes itself master; whoever hears it and is not better gives up, or goes on waiting."""
        self.steps += 1
        self.masters |= {elector}
        self.since = self.now
        self.settle()
        return self

    def hear(self, news: News) -> None:
        """A node's priorities change. Masters that go into FAULT say so."""
        self.steps += 1
        self.now = max(self.now, news.at)
        for key in self.candidates.keys() & news.candidates.keys():
            one = news.candidates[key]
            if key in self.due:
                self.due[key] += self.skew(key, one) - self.skew(key, self.candidates[key])
            self.candidates[key] = one
        self.standing = [one for one in self.field.electors if self.stands(one)]
        up = {key for one in self.standing for key in one.keys}
        self.due = {key: at for key, at in self.due.items() if key in up}
        gone = self.masters.difference(self.standing)
        if gone:
            self.masters -= gone
            self.since = self.now
        self.settle({key for one in gone for key in one.keys})

    def settle(self, announced: Iterable[Key] = ()) -> None:
        """Masters that hear a better one give up; of the others those wait on that accept no advert."""
        while worse := [one for one in self.masters if self.beaten(one)]:
            self.masters -= {min(worse, key=self.rank)}
            self.since = self.now
        left = frozenset(announced)
        for elector in self.standing:
            for key in elector.keys:
                if elector in self.masters:
                    self.due.pop(key, None)
                else:
                    self.wait(key, left)

    def rank(self, elector: Elector) -> tuple[int, int]:
        key = elector.keys[0]
        return self.candidates[key].priority, self.field.addresses[key]

    def heard(self, key: Key) -> list[Key]:
        """The masters' instances that it hears."""
        hears = self.field.hears[key]
        return [one for master in self.masters for one in master.keys if one in hears]

    def accepted(self, key: Key) -> list[Key]:
        """Those of them that it takes for its master's."""
        return [one for one in self.heard(key) if self.takes(key, one)]

    def takes(self, key: Key, master: Key) -> bool:
        mine = self.candidates[key]
        return accepts(mine.priority, mine.nopreempt, self.candidates[master].priority)

    def beaten(self, master: Elector) -> bool:
        return any(self.beats(other, master) for other in self.masters)

    def beats(self, one: Elector, other: Elector) -> bool:
        """Of two masters the higher priority goes on, and of two equal ones the higher address."""

        def strength(key: Key) -> tuple[int, int]:
            return self.candidates[key].priority, self.field.addresses[key]

        return any(
            strength(mine) > strength(key)
            for key in other.keys
            for mine in self.field.hears[key].intersection(one.keys)
        )

    def wait(self, key: Key, announced: frozenset[Key]) -> None:
        mine, heard = self.candidates[key], self.heard(key)
        for other in self.accepted(key):
            self.due.pop(key, None)
            self.paces[key] = self.candidates[other if mine.version == 3 else key].advert_int
            return
        if not heard and not announced.isdisjoint(self.field.hears[key]):
            self.due[key] = self.now + self.skew(key, mine)
            return
        pace = self.pace(key)
        plain = (mine.down_timer_adverts - self.early) * pace + self.skew(key, mine)
        patience = plain + (mine.delay + pace if mine.delay and heard else 0)
        # what it waits for already it does not wait for anew; and nobody is left whom it would have spared
        self.due[key] = min(self.due.get(key, self.now + patience), self.now + patience)

    def pace(self, key: Key) -> float:
        """Version 3 goes by the last master's interval."""
        return self.paces.get(key, self.candidates[key].advert_int)

    def skew(self, key: Key, one: Candidate) -> float:
        return skew(one.priority, self.pace(key), one.version)
