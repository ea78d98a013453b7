"""What is wrong with values: numbers that keepalived does not take, passwords that are none."""

from __future__ import annotations

import re
from collections.abc import Callable

from lbctl.keepalived.reader import decimal, last
from lbctl.keepalived.words import scan
from lbctl.lint.part import Found, alone, texts
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject

# Numbers out of these are not taken (measured with 2.2.7): smallest, largest, what counts instead; whether
# fractions are, which are cut off otherwise.
_RANGES = {
    ("vrrp_script", "interval"): (1.0, 1e9, "1", False),
    ("vrrp_script", "timeout"): (1.0, 1e9, "1", False),
    ("vrrp_script", "fall"): (1.0, 2147483647.0, "1", False),
    ("vrrp_script", "rise"): (1.0, 2147483647.0, "1", False),
    ("vrrp_instance", "advert_int"): (0.01, 255.0, "1", True),
}
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]*)?")


def numbers(subject: Subject) -> Found:
    """Numbers that keepalived does not take, and what it takes instead."""
    for machine, text in texts(subject):
        for path, one in text.document.walk():
            known = _RANGES.get((path[0].keyword, one.keyword)) if len(path) == 1 else None
            if known and _NUMBER.fullmatch(one.name) and (instead := _instead(float(one.name), *known)):
                said = f"{one.keyword} {one.name} of {path[0].name}: keepalived takes {instead}"
                mend = f"{'a' if known[3] else 'a whole'} number from {known[0]:g} to {known[1]:g}"
                yield machine.name, problem("out-of-range", said, text.place(one.line), mend)


def _instead(number: float, least: float, most: float, default: str, fractions: bool) -> str:
    """What counts, "" = the number as it is."""
    if not least <= number <= most:
        return default
    return "" if fractions or number == int(number) else str(int(number))


def fractions(subject: Subject) -> Found:
    """Version 2 has whole seconds."""
    for part in alone(subject):
        said, meant = decimal(last(part.block, "advert_int")), part.instance.advert_int
        least, most, *_ = _RANGES["vrrp_instance", "advert_int"]
        if said and part.instance.version == 2 and said != meant and least <= said <= most:
            words = (
                f"{part.name} has advert_int {said:g}, which keepalived rounds to {meant:g}: VRRP version "
                "2 has whole seconds"
            )
            yield part.node, problem("advert-int-rounded", words, part.place)


def ignored_authentication(subject: Subject) -> Found:
    for part in alone(subject):
        if part.instance.version == 3 and part.block.find("authentication"):
            said = f"{part.name} speaks VRRP version 3, which has no authentication: keepalived ignores it"
            yield part.node, problem("auth-ignored", said, part.place)


def commented_passwords(subject: Subject) -> Found:
    """`#` or `!` within a password begins a comment."""
    for machine, text in texts(subject):
        for line in text.document.lines:
            if "auth_pass" not in line.words:
                continue
            mark = scan(line.raw).comment
            if 0 < mark < len(line.raw.rstrip()) and line.raw[mark - 1 : mark] not in (b" ", b"\t", b"}"):
                length = len(line.words[-1]) if line.words[-1] != "auth_pass" else 0
                said = f"the password ends after {length} characters, where a # or ! begins a comment"
                yield machine.name, problem("auth-pass-comment", said, text.place(line.number))


CHECKS: tuple[Callable[[Subject], Found], ...] = (
    numbers,
    fractions,
    ignored_authentication,
    commented_passwords,
)
