# Two commands do everything on a fresh machine with git, make and Python 3.10 to 3.13:
#   make train   the main job: a six-stage network on synthetic people, ten to fourteen minutes
#   make test    all tests but the longest
# Others: make install (the environment alone), make check (formatter, linter and type checker),
# make quick (the fast tests), make thorough (the longest tests), make format, make clean; make
# extras (packages for exports), make demo (joints in the browser, served on this machine).

VENV := .venv
RUN := $(VENV)/bin/python
# The first Python that fits; name another with: make train PYTHON=/path/to/python3.12
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { echo $$p; break; }; done)

.PHONY: train test thorough check quick install format clean extras demo

train: $(VENV)/installed
	$(RUN) bin/train.py --stages=6 --xla

# Two processes: TensorFlow itself uses all cores, but much of a test is tracing on one. The report
# is what python -m tests.reliability --report reads; one of an earlier run would mislead it.
test: $(VENV)/installed
	@rm -f build/tests.xml
	$(RUN) -m pytest -n 2 --dist loadfile --doctest-modules -m "not thorough" \
		--junitxml=build/tests.xml ops cpm tests

# Full-size networks, two hosts, exports, the browser, the benchmark.
thorough: $(VENV)/installed
	$(RUN) -m pytest -n 2 --dist loadfile -m thorough tests

check: $(VENV)/installed
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

quick: $(VENV)/installed
	$(RUN) -m pytest -n 2 --dist loadfile --doctest-modules -m "not slow and not thorough" ops cpm tests

install: $(VENV)/installed

format: $(VENV)/installed
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

extras: $(VENV)/extras

demo: $(VENV)/extras
	$(RUN) bin/demo.py

clean:
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache .mypy_cache

$(VENV)/installed: requirements.txt requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.10 to 3.13 found; install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet -r requirements-dev.txt
	@touch $@

$(VENV)/extras: $(VENV)/installed requirements-export.txt
	$(RUN) -m pip install --quiet -r requirements-export.txt
	@touch $@
