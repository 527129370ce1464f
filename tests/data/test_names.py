"""Names: aliases, misspellings answered at once, names against paths."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from automl_cli.core.errors import DataError
from automl_cli.data import image_facts
from automl_cli.data.catalogue import ALIASES, EMBEDDED, MIRROR_SENSITIVE, TFDS_IMAGE_SETS, UNLABELLED_TEST
from automl_cli.values.dataset import DatasetReference


@pytest.mark.parametrize(
    ("written", "meant"), [("cifra10", "cifar10"), ("CIFAR1O", "cifar10"), ("digit", "digits"), ("mnits", "mnist")]
)
def test_a_misspelt_name_is_answered_with_the_nearest(written, meant):
    with pytest.raises(DataError, match=f"unknown data set '{written}'. Did you mean '{meant}'?.*folder of class folders"):
        image_facts(DatasetReference(source=written))


def test_no_name_at_all_is_no_folder():
    with pytest.raises(DataError, match="unknown data set ''"):
        image_facts(DatasetReference(source=""))


def test_a_misspelt_name_is_answered_without_importing_anything_heavy():
    code = (
        "import sys\n"
        "from automl_cli.values.dataset import DatasetReference\n"
        "from automl_cli.data import image_facts\n"
        "try: image_facts(DatasetReference(source='cifra10'))\n"
        "except ValueError: print([m for m in ('numpy', 'PIL', 'tensorflow_datasets', 'jax') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


def test_aliases_lead_to_known_sets_and_tables_name_known_sets():
    assert set(ALIASES.values()) <= set(TFDS_IMAGE_SETS)
    assert not set(ALIASES) & set(TFDS_IMAGE_SETS)
    assert {*TFDS_IMAGE_SETS, *EMBEDDED} >= MIRROR_SENSITIVE
    assert set(TFDS_IMAGE_SETS) >= UNLABELLED_TEST
    assert len(set(TFDS_IMAGE_SETS)) == len(TFDS_IMAGE_SETS)


def test_the_shipped_names_are_names_of_the_installed_tfds():
    import tensorflow_datasets as tfds

    root = Path(tfds.__file__).parent
    modules = [*(root / "image_classification").rglob("*.py"), *root.rglob("image/*.py")]
    classes = [name for path in modules for name in re.findall(r"^class (\w+)\(", path.read_text(), re.MULTILINE)]
    folders = [path.parent.name for path in root.glob("datasets/*/*_dataset_builder.py")]
    assert set(TFDS_IMAGE_SETS) <= {*map(tfds.core.naming.camelcase_to_snakecase, classes), *folders}


def test_a_folder_in_the_working_directory_is_found_by_its_bare_name(pictures, tmp_path, monkeypatch):
    pictures(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert image_facts(DatasetReference(source="mine")).classes == ("cat", "dog", "owl")


def test_a_known_name_wins_over_a_folder_of_that_name_unless_it_is_written_as_a_path(pictures, tmp_path, monkeypatch):
    pictures(tmp_path / "mnist")
    monkeypatch.chdir(tmp_path)
    assert image_facts(DatasetReference(source="./mnist")).image_shape == (4, 4, 3)
    with pytest.raises(DataError, match="mnist is not prepared"):
        image_facts(DatasetReference(source="mnist", data_dir=str(tmp_path / "nothing")))
