# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-all lint format

help:  ## say what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

# ---- set-up ----------------------------------------------------------------------------------------------------------
$(VENV)/.installed: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

setup: $(VENV)/.installed  ## create .venv and install what is pinned in requirements.txt

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	@touch $@

# ---- the demo: each file is made once, so a second run reuses what is there ------------------------------------------
DEMO := submissions/fontchar
LINEAR_BUDGET ?= 60s
CNN_BUDGET    ?= 180s

demo: setup  ## prepare fontchar, run two kernels, score them, show the board (5 minutes on two cores)
	@$(MAKE) --no-print-directory demo-board

.PHONY: demo-board
demo-board: $(DEMO)/pixels_linear.csv $(DEMO)/fontchar_bottleneck.csv
	@$(BIN)/grader score $(DEMO) -c fontchar
	@$(BIN)/grader leaderboard -c fontchar
	@$(BIN)/grader publish -c fontchar --out site
	@echo
	@echo "Made: data/fontchar (the bundle), .grader (store and hidden labels), runs/fontchar (what the kernels wrote),"
	@echo "      submissions/fontchar (their CSVs) and site/index.html (the board; open it in a browser)."
	@echo "Next: $(BIN)/grader show fontchar"
	@echo "      $(BIN)/grader new-kernel my_idea --from fontchar_bottleneck"
	@echo "      $(BIN)/grader run my_idea -c fontchar --budget 2m"

data/fontchar/manifest.json:
	@$(BIN)/grader prepare fontchar

$(DEMO)/sample_submission.csv: data/fontchar/manifest.json
	@mkdir -p $(DEMO)
	@cp data/fontchar/sample_submission.csv $@

$(DEMO)/pixels_linear.csv: $(DEMO)/sample_submission.csv
	@$(BIN)/grader run pixels_linear -c fontchar --budget $(LINEAR_BUDGET)

$(DEMO)/fontchar_bottleneck.csv: $(DEMO)/pixels_linear.csv
	@$(BIN)/grader run fontchar_bottleneck -c fontchar --budget $(CNN_BUDGET)

# ---- habits ----------------------------------------------------------------------------------------------------------
test: $(VENV)/.installed-dev  ## install what the tests need and run them (under 10 minutes on two cores)
	$(BIN)/python -m pytest -n 2 -m "not slow"

# One at a time: some of them hold a budget of seconds, which a neighbour on the same cores would take away.
test-slow: $(VENV)/.installed-dev  ## only the longer proofs
	$(BIN)/python -m pytest -m slow

test-all: test test-slow  ## the longer proofs too

lint: $(VENV)/.installed-dev  ## ruff and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
