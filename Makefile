# Everything from a clean clone on a fresh Debian 12: git and make are enough, the rest is installed.

VENV := .venv/.complete
LABS := $(shell nproc)
PIP_FLAGS := --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo check test faults lossless elections findings imports corpus bench lab-up lab-down clean lab-packages root

help:
	@echo "make demo      boot the example cluster here, change it under load, show what that costs"
	@echo "make check     lint, format, types, unit tests: no root, about five minutes"
	@echo "make test      check, and the tests on real nodes in the lab (root)"
	@echo "make faults    every fault at every step on every node, LABS=2 side by side: forty minutes (root)"
	@echo "make lossless  no failed request in 100,000 a run, for every change that moves a VIP or need not: an hour and a half (root)"
	@echo "make elections every combination of dead nodes and HAProxys, many variants of keepalived.conf, against the table: eight minutes (root)"
	@echo "make findings  what lint warns of, shown on real daemons, and not once it is mended: ten minutes (root)"
	@echo "make imports   seven clusters that others set up, and five of LBCTL_CORPUS, taken over under load: a quarter of an hour (root)"
	@echo "make corpus    real configurations in LBCTL_CORPUS: every edit, and what HAProxy 3.0 and keepalived read in them (root)"
	@echo "make bench     the figures, side by side with other tools (root)"
	@echo "make lab-up    boot the cluster of cluster.yaml on this machine (root)"
	@echo "make lab-down  take it down again"
	@echo "make clean     remove what make made; the lab's images stay in the cache"

demo: root lab-packages $(VENV)
	PATH="$(CURDIR)/.venv/bin:$$PATH" sh tools/demo

check: $(VENV)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/pytest tests/unit --quiet --numprocesses auto

test: root lab-packages check
	.venv/bin/pytest tests/lab --numprocesses 2 --dist loadfile

faults: root lab-packages $(VENV)
	LBCTL_REQUIRE_LAB=1 LBCTL_FAULTS=all .venv/bin/pytest tests/lab/faults --numprocesses $(LABS) --maxschedchunk 1

lossless: root lab-packages $(VENV)
	LBCTL_REQUIRE_LAB=1 LBCTL_LOSSLESS=all .venv/bin/pytest tests/lab/lossless

elections: root lab-packages $(VENV)
	LBCTL_REQUIRE_LAB=1 LBCTL_ELECTIONS=all .venv/bin/pytest tests/lab/elections

findings: root lab-packages $(VENV)
	LBCTL_REQUIRE_LAB=1 LBCTL_LINT=all .venv/bin/pytest tests/lab/lint

imports: root lab-packages $(VENV)
	LBCTL_REQUIRE_LAB=1 LBCTL_IMPORTS=all .venv/bin/pytest tests/lab/adopt

corpus: root lab-packages $(VENV)
	@test -d "$(LBCTL_CORPUS)" || { echo "LBCTL_CORPUS names no directory of real configurations" >&2; exit 1; }
	LBCTL_REQUIRE_LAB=1 LBCTL_CORPUS_TRY=all .venv/bin/pytest tests/unit/test_corpus.py tests/unit/test_corpus_edits.py tests/lab/corpus

bench: root lab-packages $(VENV)
	.venv/bin/python -m bench

lab-up: root lab-packages $(VENV)
	.venv/bin/lbctl lab up

lab-down: root $(VENV)
	.venv/bin/lbctl lab down

clean:
	rm -rf .venv .bench-venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV): pyproject.toml constraints.txt
	tools/setup venv
	python3 -m venv .venv
	.venv/bin/pip install $(PIP_FLAGS) --config-settings editable_mode=compat --editable '.[dev]'
	touch $@

lab-packages:
	@tools/setup lab

root:
	@test "$$(id -u)" -eq 0 || { echo "this boots real nodes: run it as root" >&2; exit 1; }
