"""The bench's table: what is held against a limit, and how it is told."""

from __future__ import annotations

from bench.figures import Figure, lines


def test_the_median_is_held_against_the_limit() -> None:
    figure = Figure("plan", "ssh", 2.0, "×", (1.5, 9.0, 1.9))
    assert figure.within
    assert figure.cells() == ("plan", "ssh", "2×", "1.50×", "1.90×", "9.00×", "within")


def test_one_failed_request_is_not_averaged_away() -> None:
    figure = Figure("apply", "failed requests", 0, "", (0.0, 0.0, 1.0), worst=True, digits=0)
    assert figure.verdict == "missed"


def test_a_row_has_its_note_below_it_and_columns_are_aligned() -> None:
    figures = [
        Figure("short", "x", 1.0, " s", (0.5,), "medians: 0.50 s"),
        Figure("longer name", "y", 150, " MB", (50.0,), digits=0),
    ]
    head, first, note, second = lines(figures)
    assert note.strip() == "medians: 0.50 s"
    assert head.index("against") == first.index("x ") == second.index("y ")


def test_json_has_the_verdict_beside_the_values() -> None:
    shown = Figure("plan", "ssh", 2.0, "×", (1.0, 3.0)).as_json()
    assert (shown["min"], shown["median"], shown["max"], shown["verdict"]) == (1.0, 2.0, 3.0, "within")
    assert shown["values"] == (1.0, 3.0)


def test_the_peers_values_are_shown_and_held_against_nothing() -> None:
    figure = Figure("apply", "failed requests", 0, "", (0.0,), worst=True, digits=0, peer=(40.0,))
    assert figure.within
    assert figure.as_json()["peer"] == (40.0,)
