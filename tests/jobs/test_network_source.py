"""Networks as source: what the files compute, that they read well, and what they need."""

import ast
import subprocess
import sys

import numpy as np
import pytest

from automl_cli.jobs.network_source.graph import graph_of
from automl_cli.jobs.network_source.preparation import Preparation, preprocess_text
from automl_cli.jobs.network_source.source import network_source
from automl_cli.references import open_any
from automl_cli.values.expert_networks import resnet, wide_resnet
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.skeleton import Stack, cell_network
from tests.jobs.exported_networks import CLASSES, PREPARATION, SMALL, activation, expected, imported, logits, searched, written

LARGEST_DIFFERENCE = 1e-4
"""Of logits, as a share of the largest one."""

LIBRARIES = ("flax", "torch")


@pytest.mark.parametrize("name", SMALL)
def test_the_file_gives_the_logits_of_the_network(name, tmp_path):
    network, image, act = SMALL[name]
    weights, images, wanted = expected(network, image, act)
    assert np.abs(wanted - wanted[:, :1]).max() > 1e-2
    for library in LIBRARIES:
        file = written(tmp_path, network, image, act, weights, library)
        if library == "torch":
            pytest.importorskip("torch", reason="PyTorch is not installed: the file for Flax was compared")
        found = logits(file, images, library)
        assert np.abs(found - wanted).max() <= LARGEST_DIFFERENCE * np.abs(wanted).max(), library


def test_files_are_formatted_checked_and_import_one_library(tmp_path):
    allowed = {"flax": {"jax", "flax"}, "torch": {"torch", "safetensors"}}
    for number, (network, image, act) in enumerate(SMALL.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        weights = _Zeros()
        for library in LIBRARIES:
            text, _ = network_source(
                network, image, CLASSES, activation(act), weights, library, preprocess=preprocess_text(PREPARATION, library)
            )
            (folder / f"network_{library}.py").write_text(f'"""Doc."""\n\n{text}', encoding="utf-8")
            nodes = list(ast.walk(ast.parse(text)))
            modules = [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
            modules += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
            assert {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) == allowed[library]
    for arguments in (
        ("format", "--diff"),
        ("check", "--select", "E,W,F,I,UP,B,N,C4,SIM,PIE,RET,RUF", "--ignore", "N812,RET504"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache", "--target-version", "py311", tmp_path],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


class _Zeros(dict[str, np.ndarray]):
    """Weights that are zero, whatever they are called; of reductions without an even path too."""

    def __contains__(self, name: object) -> bool:
        return False

    def __missing__(self, name: str) -> np.ndarray:
        return np.zeros((12, 1), np.float32)


def source(network: Network, image, library: str) -> str:
    preprocess = preprocess_text(PREPARATION, library)
    return network_source(network, image, CLASSES, activation("relu"), _Zeros(), library, preprocess=preprocess)[0]


def classes_in(text: str) -> list[str]:
    return [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_repeated_structure_is_written_once(library):
    cells = open_any("nasnet-a").artifact.body.value
    few, many = (
        source(cell_network(cells, Stack("cifar", repeats, 4, 12), (32, 32, 3)), (32, 32, 3), library) for repeats in (3, 30)
    )
    assert [name for name in classes_in(few) if "Cell" in name] == ["FirstNormalCell", "NormalCell", "ReductionCell"]
    assert classes_in(few) == classes_in(many)
    assert len(many.splitlines()) - len(few.splitlines()) < 25
    assert "for cell in self.cells:" in many
    large, small = (source(resnet(depth), (32, 32, 3), library) for depth in (110, 20))
    assert abs(len(large.splitlines()) - len(small.splitlines())) < 15
    assert {"ResidualBlock", "ResidualBlockWithShortcut"} <= set(classes_in(large))


@pytest.mark.parametrize("skips", [False, True])
def test_the_stem_of_imagenet_and_the_wide_skeleton_are_written_as_loops(skips):
    cells = open_any("nasnet-a").artifact.body.value
    network = cell_network(cells, Stack("imagenet", 2, 8, 32, skip_reduction_input=skips), (65, 65, 3))
    text = source(network, (65, 65, 3), "torch")
    assert text.count("self.reduction1(x, previous)") == skips
    assert "for cell in self.cells" in text


def test_both_files_have_the_same_classes_and_members():
    for network, image, _ in SMALL.values():
        texts = [source(network, image, library) for library in LIBRARIES]
        found = [set(classes_in(text)) - {"SameConv2d", "EvenConv2d"} for text in texts]
        assert found[0] == found[1]


def test_the_fully_connected_layers_of_a_pooled_network_are_a_block():
    network = searched("pooling", 7, 1)
    groups = {node.name for node in graph_of(network, (16, 16, 3)).nodes if not node.layers}
    assert {"layer1.output", "layer7.output"} <= groups
    text = source(network, (16, 16, 3), "flax")
    assert text.count("DenseBlock(channels=") == 7
    assert text.count("MaxPool((2, 2), (2, 2))") < 3 * 4


def test_groups_that_cannot_be_classes_are_written_line_by_line(tmp_path):
    blocks = (
        Block("g.a", ConvolutionUnit((1, 1), 3), (IMAGE,)),
        Block("g.b", ConvolutionUnit((3, 3), 3), ("g.a",)),
        Block("h", ConvolutionUnit((1, 1), 3), ("g.a",)),
        Block("g.x", ConvolutionUnit((1, 1), 2), ("g.b", "h")),
        Block("g.class", ConvolutionUnit((1, 1), 2), ("g.x", "g.a")),
    )
    network = Network(blocks, ("g.class", "g.b"))
    weights, images, wanted = expected(network, (4, 4, 1), "relu")
    found = logits(written(tmp_path, network, (4, 4, 1), "relu", weights, "flax"), images, "flax")
    assert np.abs(found - wanted).max() <= LARGEST_DIFFERENCE * np.abs(wanted).max()


def prepared(library: str, preparation: Preparation, images: np.ndarray, folder) -> np.ndarray:
    """What `preprocess` of a file returns, channels last."""
    network = wide_resnet(10, 1)
    text, _ = network_source(
        network,
        preparation.shape,
        CLASSES,
        activation("relu"),
        _Zeros(),
        library,
        preprocess=preprocess_text(preparation, library),
    )
    file = folder / f"prepared_{library}_{preparation.resize}_{preparation.share:g}.py"
    file.write_text(text, encoding="utf-8")
    if library == "torch":
        return imported(file).preprocess(images).permute(0, 2, 3, 1).numpy()
    import jax

    with jax.numpy_rank_promotion("allow"):
        return np.asarray(imported(file).preprocess(images))


@pytest.mark.parametrize("library", LIBRARIES)
def test_pictures_of_another_size_are_prepared_as_for_training(library, tmp_path):
    """Pillow's own resampling is the oracle; it rounds to bytes, so that few pixels differ by one level."""
    if library == "torch":
        pytest.importorskip("torch")
    from automl_cli.data.crops import CENTRE, central_box
    from automl_cli.data.resizing import Image, fit

    pictures = np.random.default_rng(0).integers(0, 256, (2, 23, 31, 3), dtype=np.uint8)
    shape, unit = (9, 12, 3), {"mean": (0.0,) * 3, "std": (1.0,) * 3, "zoom": None, "margin": (10, 20, 30)}
    for how in ("crop", "pad", "squash"):
        made = prepared(library, Preparation(shape=shape, resize=how, share=1.0, **unit), pictures, tmp_path)
        wanted = np.stack([fit(picture, shape[:2], how=how, margin=(10, 20, 30)) for picture in pictures])
        assert np.abs(made - wanted).max() <= 1
        assert (made != wanted).mean() < 0.02
    box = central_box(23, 31, aspect=12 / 9)
    resized = [Image.fromarray(picture).resize((12, 9), Image.Resampling.BILINEAR, box=box) for picture in pictures]
    made = prepared(library, Preparation(shape=shape, resize="crop", share=CENTRE, **unit), pictures, tmp_path)
    assert np.abs(made - np.stack(resized)).max() <= 1
    with pytest.raises(ValueError, match="only bytes are brought to it"):
        prepared(library, Preparation(shape=shape, resize="crop", share=1.0, **unit), pictures / 255, tmp_path)


def test_names_of_classes_stand_in_the_file_as_they_are():
    text = source(resnet(8), (8, 8, 3), "torch")
    assigned = next(node for node in ast.parse(text).body if isinstance(node, ast.Assign))
    assert ast.literal_eval(assigned.value) == CLASSES
