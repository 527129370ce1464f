"""The exported file of a policy as a transform in a DataLoader of PyTorch: batches, workers that differ, runs that repeat."""

import importlib
import sys

import numpy as np
import pytest
from PIL import Image

from automl_cli.jobs.export_policy import export_policy
from automl_cli.references import open_any

torch = pytest.importorskip("torch")

EXAMPLES, BATCH, SIDE = 24, 6, 16


@pytest.fixture(scope="module")
def augment(tmp_path_factory):
    """What the file defines, imported by a name under which worker processes can import it too."""
    folder = tmp_path_factory.mktemp("exported")
    export_policy(open_any("autoaugment-cifar10"), folder, "pillow", overwrite=False)
    (folder / "augmentation.py").rename(folder / "exported_augmentation.py")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("exported_augmentation").augment
    finally:
        sys.path.remove(str(folder))


class Pictures(torch.utils.data.Dataset):
    """One picture, again and again, augmented."""

    def __init__(self, transform):
        self.transform = transform
        pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        self.picture = Image.fromarray(pixels)

    def __len__(self):
        return EXAMPLES

    def __getitem__(self, index):
        return torch.from_numpy(np.array(self.transform(self.picture))).permute(2, 0, 1), index


def epochs(augment, seed, *, workers):
    """Two epochs of batches."""
    torch.manual_seed(seed)
    loader = torch.utils.data.DataLoader(Pictures(augment), batch_size=BATCH, num_workers=workers)
    return [[images.numpy() for images, _ in loader] for _ in range(2)]


def test_workers_differ_epochs_differ_and_a_seed_repeats_them(augment):
    first, second = epochs(augment, 1, workers=2)
    assert [batch.shape for batch in first] == [(BATCH, 3, SIDE, SIDE)] * (EXAMPLES // BATCH)
    assert first[0].dtype == np.uint8
    # batches 0 and 1 come from different workers
    assert not np.array_equal(first[0], first[1])
    assert not any(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    for one, other in zip(epochs(augment, 1, workers=2), (first, second), strict=True):
        for pair in zip(one, other, strict=True):
            np.testing.assert_array_equal(*pair)


def test_a_generator_of_seed_and_index_gives_the_same_whatever_the_workers(augment):
    class Seeded(Pictures):
        def __getitem__(self, index):
            return torch.from_numpy(self.transform(np.array(self.picture), np.random.default_rng((7, index))))

    data = Seeded(augment)
    alone, shared = (torch.cat(list(torch.utils.data.DataLoader(data, BATCH, num_workers=count))) for count in (0, 2))
    assert torch.equal(alone, shared)
    assert len({one.numpy().tobytes() for one in alone}) > EXAMPLES // 2
