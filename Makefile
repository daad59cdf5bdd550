# Paths are relative and programs start as `python -m`: the project's own path may hold spaces or
# be too long for the first line of a script.
PYTHON ?= python3.11
PORT ?= 8000
RESET ?=
PYTEST_ARGS ?=
PY := .venv/bin/python

.PHONY: help demo test test-demo check install install-dev chromium tiny-model demo-model \
  compare-statistics messages clean

help:
	@echo 'make demo        start everything and say where it is (PORT=8000; RESET=1 starts over)'
	@echo 'make test        the tests; make test-demo: the slower ones; make check: lint, types, rules'
	@echo 'make tiny-model  train the small model of the tests and the demo again'
	@echo 'make demo-model  train the model of 135 million parameters again; below an hour on two cores'
	@echo 'make compare-statistics  our figures beside those of other packages, in docs/statistics.md'
	@echo 'make messages    German for raters: find new texts, compile what is translated'
	@echo 'make install     .venv with the pinned packages; make clean: remove caches'

# `exec`, so that `make` is the parent: the launcher ends when it is killed.
demo: install
	@exec env MOODEVAL_ENDS_WITH_PARENT=1 $(PY) -m mood_eval.launcher --port $(PORT) \
	  $(if $(filter-out 0 no,$(RESET)),--reset)

test: install-dev chromium
	@$(PY) -m pytest -m 'not demo' $(PYTEST_ARGS)

test-demo: install-dev chromium
	@$(PY) -m pytest -m demo $(PYTEST_ARGS)

check: install-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy manage.py mood_eval inference annotations tests demo
	$(PY) -m pytest -q tests/test_imports.py
	$(PY) manage.py makemigrations --check --dry-run
	@echo '$(PY) manage.py check --deploy (production settings)'
	@MOODEVAL_MODE=production ALLOWED_HOSTS=moodeval.example \
	  SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(60))')" \
	  DATABASE_URL=postgresql://moodeval@localhost/moodeval REDIS_URL=redis://localhost/0 \
	  $(PY) manage.py check --deploy --fail-level WARNING

tiny-model: install
	$(PY) -m inference.training.tiny

demo-model: install
	$(PY) -m inference.training.demo

# Packages to compare with stay out of .venv; they see what is installed there, torch not twice.
compare-statistics: install-dev
	@test -x .venv-compare/bin/python || $(PY) -m venv .venv-compare
	@$(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > .venv-compare/lib/python3.11/site-packages/main.pth
	@.venv-compare/bin/python -m pip install --quiet -r requirements-compare.txt
	@.venv-compare/bin/python tools/compare_statistics.py --write

# With GNU gettext. What it compiles is committed, so that nothing else needs it.
messages: install
	$(PY) manage.py makemessages -l de --no-location \
	  --ignore=.venv --ignore=.venv-compare --ignore=var --ignore=tests
	$(PY) manage.py compilemessages -l de --ignore=.venv --ignore=.venv-compare --ignore=var

install:
	@PYTHON='$(PYTHON)' sh tools/install.sh requirements.txt

install-dev:
	@PYTHON='$(PYTHON)' sh tools/install.sh requirements-dev.txt

chromium:
	@command -v chromium >/dev/null || { \
	  echo 'The tests drive a real browser, and chromium was not found. Install it' \
	    '(Debian: apt-get install chromium).' >&2; \
	  exit 1; }

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
