# Callweave. `make help` lists what you can type. Needs Python 3.11 or newer, make, and for `lock` also uv.

PYTHON   ?= $(shell command -v python3.11 || command -v python3)
VENV     := .venv
PY       := $(VENV)/bin/python
# Offline: `make wheels` on a machine with a network, then `make setup PIP_ARGS="--no-index --find-links wheels"`.
PIP_ARGS ?=
PIP      := $(PY) -m pip install -qq --disable-pip-version-check --no-input --require-hashes $(PIP_ARGS)
RUN      := $(VENV)/.run-stamp
DEV      := $(VENV)/.dev-stamp
# Least branch coverage of `make test`, in percent.
COVERAGE_FLOOR ?= 85

# Deploy: code in PREFIX, replaced each time; settings, flows and prompts in SITE, written once and never overwritten.
DESTDIR  ?=
PREFIX   ?= /opt/callweave
SITE     ?= /srv/callweave
STATE    ?= /var/lib/callweave
UNITS    ?= /etc/systemd/system
SYSUSERS ?= /usr/lib/sysusers.d
APP      := ivr esl_app.py dialplan requirements setup.cfg LICENSE tools

.DEFAULT_GOAL := help
.PHONY: help setup demo test check golden picture serve fast bench live deploy clean lock wheels

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(PY):
	@test -n "$(PYTHON)" || { echo "No python3 on PATH: install Python 3.11 or newer." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: type make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No virtual environment: on Debian, apt-get install python3-venv" >&2; exit 1; }

$(RUN): requirements/run.lock setup.cfg tools/link_venv.py | $(PY)
	@echo "Installing what Callweave runs on (once)"
	@$(PIP) -r requirements/run.lock
	@$(PY) tools/link_venv.py $(VENV)
	@touch $@

$(DEV): requirements/dev.lock setup.cfg tools/link_venv.py | $(PY)
	@echo "Installing what Callweave runs on, and its tests (once)"
	@$(PIP) -r requirements/dev.lock
	@$(PY) tools/link_venv.py $(VENV)
	@touch $@ $(RUN)

setup: $(DEV)  ## Make .venv with everything that is needed, tests included

demo: $(RUN)  ## Fourteen scripted callers, and two campaigns to four hundred people: what came of them
	@$(PY) -m ivr.cli.demo

test: check  ## Everything in `check`, then all tests with branch coverage
	@$(PY) tools/run_tests.py --floor $(COVERAGE_FLOOR) -q

check: $(DEV)  ## Format, lint, types, layering
	@$(PY) -m ruff format --check -q .
	@$(PY) -m ruff check -q .
	@$(PY) -m mypy --strict ivr $(wildcard esl_app.py)
	@$(PY) -m pytest -q tests/unit/test_layering.py

golden: $(DEV)  ## Rewrite the golden files; read the diff before you commit it
	@GOLDEN=1 $(PY) -m pytest -q tests; $(PY) tools/cli_docs.py docs/cli.md; $(PY) tools/schema_docs.py docs; git --no-pager diff --stat

picture: $(DEV)  ## Make docs/img/report.png anew, from example data (needs Chromium)
	@mkdir -p build && rm -f build/example.db*
	@$(VENV)/bin/ivr results example --db sqlite:///build/example.db
	@$(VENV)/bin/ivr report service --db sqlite:///build/example.db --out build/report.html
	@$(PY) tools/browser.py build/report.html docs/img/report.png --width 1200 --height 1000

serve: $(RUN)  ## Build the prompts and take calls from FreeSWITCH
	@$(VENV)/bin/ivr prompts build
	@$(PY) esl_app.py

fast: $(DEV)  ## Compile the call path to machine code; servers take it when they start
	@$(PY) tools/compile.py

bench: $(DEV)  ## Measure calls beside greenswitch, a year of answers beside bare SQL (docs/benchmarks.md)
	@$(PY) tools/compile.py --if-possible
	@$(PY) -m benchmarks

live: $(DEV)  ## The scripted calls through a real FreeSWITCH on this machine
	@$(PY) -m pytest -q -m live tests/live

deploy:  ## Install under DESTDIR with systemd units (docs/deploy.md)
	@test -n "$(PYTHON)" || { echo "No python3 on PATH: install Python 3.11 or newer." >&2; exit 1; }
	install -d "$(DESTDIR)$(PREFIX)" "$(DESTDIR)$(SITE)" "$(DESTDIR)$(UNITS)" "$(DESTDIR)$(SYSUSERS)"
	rm -rf "$(DESTDIR)$(PREFIX)/app.new" && mkdir "$(DESTDIR)$(PREFIX)/app.new"
	cp -R $(APP) "$(DESTDIR)$(PREFIX)/app.new"
	if test -d build/compiled; then mkdir "$(DESTDIR)$(PREFIX)/app.new/build" && \
	  cp -R build/compiled "$(DESTDIR)$(PREFIX)/app.new/build"; fi
	find "$(DESTDIR)$(PREFIX)/app.new" -name __pycache__ -prune -exec rm -rf {} +
	"$(PYTHON)" -m venv "$(DESTDIR)$(PREFIX)/venv"
	"$(DESTDIR)$(PREFIX)/venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input \
	  --require-hashes $(if $(DESTDIR),--no-compile) $(PIP_ARGS) -r requirements/run.lock
	"$(DESTDIR)$(PREFIX)/venv/bin/python" tools/link_venv.py "$(DESTDIR)$(PREFIX)/venv" \
	  --source "$(PREFIX)/app" --python "$(PREFIX)/venv/bin/python"
	rm -rf "$(DESTDIR)$(PREFIX)/app" && mv "$(DESTDIR)$(PREFIX)/app.new" "$(DESTDIR)$(PREFIX)/app"
	sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@SITE@|$(SITE)|g' -e 's|@STATE@|$(STATE)|g' \
	  deploy/callweave@.service.in > "$(DESTDIR)$(UNITS)/callweave@.service"
	install -m 644 deploy/callweave.sysusers "$(DESTDIR)$(SYSUSERS)/callweave.conf"
	for d in flows surveys campaigns prompts; do test -e "$(DESTDIR)$(SITE)/$$d" || cp -R $$d "$(DESTDIR)$(SITE)/$$d"; done
	test -e "$(DESTDIR)$(SITE)/callweave.yaml" || \
	  sed -e 's|@STATE@|$(STATE)|g' deploy/callweave.yaml.in > "$(DESTDIR)$(SITE)/callweave.yaml"
	@echo "Installed. Next: docs/deploy.md, \"First start\"."

lock:  ## Pin the dependencies of setup.cfg again, with hashes (needs uv)
	uv pip compile -q setup.cfg --python-version 3.11 --python-platform linux --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/run.lock
	uv pip compile -q setup.cfg --extra dev --python-version 3.11 --python-platform linux --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/dev.lock

wheels: $(PY)  ## Fetch every pinned package into wheels/, for machines without a network
	$(PY) -m pip wheel -q --disable-pip-version-check --require-hashes -r requirements/dev.lock -w wheels

clean:  ## Remove what was built; settings, databases and recordings stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
