"""The project's figures, measured side by side with other tools on a lab's nodes: `python -m bench`.

Ratios of paired runs (A B A B …), because a machine's own speed moves more than any of them. No test: it
prints what it found, within or missed, and ends with 0. What each row means is in docs/bench.md.
"""
