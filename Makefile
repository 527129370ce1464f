.PHONY: check test lint format golden

check:  ## what CI runs
	python tests/check.py

test:  ## the tests alone
	python tests/check.py pytest

lint:  ## everything but the tests
	python tests/check.py ruff format mypy imports

format:
	ruff check --fix . && ruff format .

golden:  ## write the golden files again, after a wanted change
	AUTOML_WRITE_GOLDEN=1 python -m pytest -q -p no:cacheprovider tests/contracts
