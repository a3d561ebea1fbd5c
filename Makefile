# What people do with this project, one word each; `make` alone lists it. Without make, see docs/install.md.

PYTHON ?= python3
VENV ?= .venv
STEPS ?=
LAB_FLAGS ?=

# The folder's name as it was typed: a dollar sign in it is no variable, and a space separates nothing.
override PHOTOS := $(value PHOTOS)
export PHOTOS

BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)

.PHONY: help lab test notebooks docs audit

help:
	@echo 'make lab                      open JupyterLab on the first notebook'
	@echo 'make lab PHOTOS="my photos"   the same, on the pictures of a folder of yours'
	@echo 'make test                     run every check and every test'
	@echo 'make test STEPS="lint unit"   run some of them: lint format types javascript unit notebooks browser'
	@echo 'make notebooks                run the notebooks again and store what they show'
	@echo 'make docs                     build the site: build/docs/index.html'
	@echo 'make audit                    look for known vulnerabilities of what is installed; needs the network'
	@echo
	@echo 'VENV=folder      the virtual environment to make and use (now $(VENV))'
	@echo 'PYTHON=program   the Python to make it with, 3.11 or newer (now $(PYTHON))'

lab: $(VENV)/.installed-lab
	@$(BIN)/python tools/start_lab.py --photos "$$PHOTOS" $(LAB_FLAGS)

test: $(VENV)/.installed-test
	@$(BIN)/python tools/run_tests.py $(STEPS)

notebooks: $(VENV)/.installed-test
	@$(BIN)/python tools/regenerate_notebooks.py

docs: $(VENV)/.installed-test
	@$(BIN)/python tools/build_docs.py

audit: $(VENV)/.installed-test $(VENV)/.installed-audit
	@$(BIN)/python tools/audit_dependencies.py

# Empty files say what is installed already, so that a second run starts at once.
$(VENV)/.installed-%: pyproject.toml $(VENV)/.created
	@echo 'Installing imgdup_nb[$*] into $(VENV); the first time this takes a minute or two.'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { \
	  echo 'There is no $(PYTHON) here. Install Python 3.11 or newer, or name yours: make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imgdup_nb needs Python 3.11 or newer, and \
	$(PYTHON) is %d.%d. Name a newer one: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)
	@touch $@
