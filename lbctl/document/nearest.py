"""The nearest known word for an unknown one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The one that looks most like it, "" where none does."""
    import difflib  # only a file with a mistake needs it

    return next(iter(difflib.get_close_matches(word, list(known), 1, 0.6)), "")


def did_you_mean(word: str, known: Iterable[str], what: str = "one of") -> str:
    """The mend for an unknown word: the nearest one, or all of them where there are few."""
    names = list(known)
    if close := nearest(word, names):
        return f"did you mean {close}?"
    return f"{what}: {', '.join(names)}" if 0 < len(names) <= 20 else ""
