"""Augmentations as files: what stands in them, and that the file of Python works alone and does what this package does."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from automl_cli.core.errors import UserError
from automl_cli.data.pillow_policy import Policy
from automl_cli.jobs.export_policy import export_policy
from automl_cli.kinds.augmentation_policy import NAMED, AugmentationPolicyBody, words
from automl_cli.references import Opened, open_any
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import AppliedOperation, RandomOperations, SubPolicies
from automl_cli.values.policy_settings import FIELDS, settings_of
from tests.store.found_formulas import FOUND

ALONE = """
import sys, numpy as np
from augmentation import SETTINGS, augment
image = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
made = [augment(image, np.random.default_rng(seed), image[::-1]) for seed in range(40)]
np.save("made.npy", np.stack(made))
assert not [name for name in sys.modules if name.startswith(("automl_cli", "jax", "msgspec", "torch"))]
"""


@pytest.fixture
def found(tmp_path):
    """Writes an augmentation as the best of a run; what is opened there."""

    def write(value):
        path = tmp_path / "my-run" / "best.json"
        path.parent.mkdir(exist_ok=True)
        artifact = artifact_of(AugmentationPolicyBody(value=value, words=words(value), found=FOUND))
        return Opened(artifact, str(path), write_artifact(path, artifact))

    return write


@pytest.mark.parametrize("name", ["autoaugment-cifar10", "autoaugment-imagenet", "randaugment", "flip-crop-cutout"])
def test_the_file_of_python_works_alone_and_does_what_the_package_does(name, tmp_path):
    file = export_policy(open_any(name), tmp_path, "pillow", overwrite=False)
    assert file == tmp_path / "augmentation.py"
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    image = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    policy = Policy(settings_of(NAMED[name], flip=True))
    wanted = [policy(image, np.random.default_rng(seed), image[::-1]) for seed in range(40)]
    np.testing.assert_array_equal(np.load(tmp_path / "made.npy"), np.stack(wanted))
    assert len({one.tobytes() for one in wanted}) > 10


def test_it_imports_pillow_numpy_and_the_standard_library_only(tmp_path):
    module = ast.parse(export_policy(open_any("autoaugment-svhn"), tmp_path, "pillow", overwrite=False).read_bytes())
    imported = {
        name.split(".")[0]
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    }
    assert imported - set(sys.stdlib_module_names) == {"numpy", "PIL"}


@pytest.mark.parametrize("format_", ["pillow", "json"])
def test_a_found_policy_says_how_it_was_found(found, tmp_path, format_):
    opened = found(Augmentation(baseline="flip-crop", policy=SubPolicies(((AppliedOperation("Rotate", 0.7, 3),),))))
    file = export_policy(opened, tmp_path / "out", format_, overwrite=False)
    text = file.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) if format_ == "pillow" else " ".join(json.loads(text)["about"]["source"])
    said = " ".join(said.split())
    assert f"my-run/best.json of {opened.artifact.tool}, found by the strategy evolution in the space" in said
    assert opened.digest in text
    assert opened.artifact.tool in text
    assert str(tmp_path) not in text


def test_json_spells_every_argument_out_and_is_settings_of_the_file_of_python(tmp_path):
    rows = (AppliedOperation("TranslateX", 0.3, 9), AppliedOperation("Posterize", 1.0, 9), AppliedOperation("Invert", 0.1, 7))
    value = Augmentation(baseline="none", policy=SubPolicies((rows,)), cutout=0.25)
    opened = Opened(artifact_of(AugmentationPolicyBody(value=value, words=words(value))), "p.json", "0" * 64)
    document = json.loads(export_policy(opened, tmp_path, "json", overwrite=False).read_bytes())
    share = 9 * (150 / 331) / 9
    assert document["sub_policies"] == [
        [
            ["TranslateX", 0.3, 9, {"one_of": [share, -share], "times": "width", "rounding": "none"}],
            ["Posterize", 1.0, 9, {"one_of": [4.0]}],
            ["Invert", 0.1, 7, None],
        ]
    ]
    assert document["about"]["fields"] == dict(FIELDS)
    assert set(document) - {"about"} == set(FIELDS) == set(settings_of(value, flip=True))
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    wanted = Policy(settings_of(value, flip=True))
    for seed in range(10):
        made = Policy(document)(image, np.random.default_rng(seed))
        np.testing.assert_array_equal(made, wanted(image, np.random.default_rng(seed)))


def docstring(opened, folder):
    text = export_policy(opened, folder, "pillow", overwrite=True).read_text(encoding="utf-8")
    return " ".join(ast.get_docstring(ast.parse(text)).split())


def test_what_is_left_to_the_loader_is_said(tmp_path):
    said = docstring(open_any("autoaugment-imagenet"), tmp_path)
    assert "Not in this file: the baseline 'inception' (windows of random area and aspect" in said
    assert "Do that in your loader, before this." in said
    assert "Not in this file" not in docstring(open_any("autoaugment-cifar10"), tmp_path)
    assert 'set "flip" in SETTINGS to False' in docstring(open_any("autoaugment-cifar10"), tmp_path)


def test_sample_pairing_is_said_to_need_a_second_picture(found, tmp_path):
    policy = RandomOperations(operations=("SamplePairing", "Invert"), levels=(3.0,), count=2)
    said = docstring(found(Augmentation(baseline="none", policy=policy)), tmp_path)
    assert "augment(picture, rng, partner)" in said
    assert "sub-policies: 2, of which 2 are drawn, one after the other, for each picture" in said


def test_nothing_is_written_twice_nor_of_what_changes_no_picture(tmp_path):
    for name in ("none", "inception"):
        with pytest.raises(UserError, match=f"{name}: '{name}' leaves nothing to export"):
            export_policy(open_any(name), tmp_path / "out", "pillow", overwrite=False)
    assert not (tmp_path / "out").exists()
    export_policy(open_any("flip-crop"), tmp_path, "json", overwrite=False)
    with pytest.raises(UserError, match=r"augmentation\.json exists already: replace it with --overwrite"):
        export_policy(open_any("flip-crop"), tmp_path, "json", overwrite=False)


def test_the_command_writes_both_formats(automl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert automl("export", "randaugment-2-9", "--out", "e").stdout == f"{Path('e', 'augmentation.py')}\n"
    done = json.loads(automl("export", "randaugment-2-9", "--out", "e", "--format", "json", "--json").stdout)
    assert (done["kind"], done["format"], done["file"]) == ("augmentation-policy", "json", str(Path("e", "augmentation.json")))
    assert json.loads(Path("e", "augmentation.json").read_bytes())["about"]["name"] == "randaugment-2-9"
