# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

NOX := .cache/venv/bin/nox
PYTHON := .cache/venv/bin/python
# The value in noxfile.py.
MAIN_CORE = $(shell sed -n 's/^MAIN_CORE = "\(.*\)"/\1/p' noxfile.py)

.DEFAULT_GOAL := help
.PHONY: help setup lint test-unit test-targets test-sanity test-artifact test-molecule test-cores test \
	check test-others test-importer test-coverage test-browser test-runner test-documents demo docs pictures release bench hosts hosts-down clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

setup: $(NOX) ## Find a Python and install nox into .cache/venv

$(NOX): tests/requirements/nox.txt
	"$$(tests/find_python.sh)" -m venv --clear .cache/venv
	$(PYTHON) -m pip install --quiet --requirement $<
	@touch $@

lint: $(NOX) ## Formatters, linters, types, changelog, licences
	$(NOX) --session lint

test-unit: $(NOX) ## Unit tests with the main ansible-core
	$(NOX) --session "unit($(MAIN_CORE))"

test-targets: $(NOX) ## Unit tests and faults of the target side with the oldest Python
	$(NOX) --session targets

test-sanity: $(NOX) ## ansible-test sanity of the main ansible-core
	$(NOX) --session "sanity($(MAIN_CORE))"

test-artifact: $(NOX) ## Build, install and use what users get
	$(NOX) --session "artifact($(MAIN_CORE))"

test-molecule: $(NOX) ## All Molecule scenarios; one step of one: nox -s molecule -- converge -s default
	$(NOX) --session molecule

test-cores: $(NOX) ## The scenarios' plays with the oldest and the newest ansible-core
	$(NOX) --session cores

test: $(NOX) ## Everything above, until something fails; KEEP=1 keeps what was started
	@$(PYTHON) tests/run.py test

check: $(NOX) ## What 'make test' has no time for: docs, the seven below, and each ansible-core
	@$(PYTHON) tests/run.py check

test-others: $(NOX) ## The scenarios' plays with each other ansible-core
	$(NOX) --session others

test-importer: $(NOX) ## What Galaxy does with an upload
	$(NOX) --session importer

test-coverage: $(NOX) ## How many lines of the plugins' units are run by unit tests and faults
	$(NOX) --session coverage

test-browser: $(NOX) ## The page of a timeline in Chromium, which is installed if it is missing (Debian, root)
	$(NOX) --session browser

test-runner: $(NOX) ## Two nodes of a workflow in ansible-runner
	$(NOX) --session runner

test-documents: $(NOX) ## The scenarios of the reference documents
	$(NOX) --session documents

demo: $(NOX) ## A look at the collection at work
	@tests/demo.sh

docs: $(NOX) ## The documentation as HTML, checked: .cache/docs/html/index.html
	$(NOX) --session docs

pictures: $(NOX) ## Run what the documentation shows, and put outputs and pictures into it
	$(NOX) --session record

release: $(NOX) ## Build and check a release, and say what is left; REPOSITORY= and DOCUMENTATION= set the addresses
	@$(PYTHON) tests/release.py --repository "$(REPOSITORY)" --documentation "$(DOCUMENTATION)"

bench: $(NOX) ## Measure for half an hour and write docs/benchmarks.md; nox -s bench -- --help
	$(NOX) --session bench

hosts: $(NOX) ## Start three hosts for manual work and print their inventory
	@$(PYTHON) tests/hosts/hosts.py up

hosts-down: $(NOX) ## Remove these hosts, and the Docker engine if 'make hosts' started it
	@$(PYTHON) tests/hosts/hosts.py down stop-engine

clean: ## Remove everything that was generated
	[ ! -x $(PYTHON) ] || $(PYTHON) tests/hosts/hosts.py down stop-engine
	rm -rf .cache .nox .ansible tests/output
