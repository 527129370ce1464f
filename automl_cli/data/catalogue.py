"""The names of data sets: embedded sets, image-classification sets of TFDS, and common aliases.

Plain tables, so that a misspelt name is answered without importing anything.
"""

from difflib import get_close_matches

from automl_cli.core.errors import DataError

EMBEDDED = ("digits",)
"""Sets that need no file and no network."""

ALIASES = {
    "birds": "caltech_birds2010",
    "cars": "cars196",
    "cats-vs-dogs": "cats_vs_dogs",
    "cifar-10": "cifar10",
    "cifar-100": "cifar100",
    "fashion-mnist": "fashion_mnist",
    "flowers": "tf_flowers",
    "food-101": "food101",
    "ilsvrc2012": "imagenet2012",
    "imagenet": "imagenet2012",
    "inaturalist": "i_naturalist2021",
    "pcam": "patch_camelyon",
    "pets": "oxford_iiit_pet",
    "places365": "places365_small",
    "quickdraw": "quickdraw_bitmap",
    "svhn": "svhn_cropped",
}
"""Common name of a set -> its name in TFDS."""

TFDS_IMAGE_SETS = (
    "beans", "bee_dataset", "binary_alpha_digits", "caltech101", "caltech_birds2010", "caltech_birds2011", "cars196",
    "cassava", "cats_vs_dogs", "cifar10", "cifar100", "cifar100_n", "cifar10_1", "cifar10_corrupted", "cifar10_h",
    "cifar10_n", "citrus_leaves", "cmaterdb", "coil100", "colorectal_histology", "controlled_noisy_web_labels",
    "curated_breast_imaging_ddsm", "deep_weeds", "diabetic_retinopathy_detection", "dmlab", "domainnet",
    "downsampled_imagenet", "dtd", "emnist", "eurosat", "fashion_mnist", "food101", "geirhos_conflict_stimuli",
    "horses_or_humans", "i_naturalist2017", "i_naturalist2018", "i_naturalist2021", "imagenet2012", "imagenet2012_corrupted",
    "imagenet2012_fewshot", "imagenet2012_real", "imagenet2012_subset", "imagenet_a", "imagenet_lt", "imagenet_r",
    "imagenet_resized", "imagenet_sketch", "imagenet_v2", "imagenette", "imagewang", "kmnist", "malaria", "mnist",
    "mnist_corrupted", "omniglot", "oxford_flowers102", "oxford_iiit_pet", "patch_camelyon", "pet_finder", "places365_small",
    "placesfull", "plant_leaves", "plant_village", "plantae_k", "pneumonia_mnist", "quickdraw_bitmap", "resisc45",
    "rock_paper_scissors", "siscore", "smallnorb", "so2sat", "stanford_dogs", "stanford_online_products", "stl10", "sun397",
    "svhn_cropped", "symmetric_solids", "tf_flowers", "uc_merced", "visual_domain_decathlon", "wake_vision",
)  # fmt: skip
"""Image-classification sets of TFDS 4.9.10. Asking TFDS itself for the list is slow and needs TensorFlow."""

MIRROR_SENSITIVE = frozenset({
    "binary_alpha_digits", "cmaterdb", "digits", "dmlab", "emnist", "kmnist", "mnist", "mnist_corrupted", "omniglot",
    "smallnorb", "svhn_cropped",
})  # fmt: skip
"""Sets in which a mirrored image means something else, or nothing: digits, letters, left against right."""

UNLABELLED_TEST = frozenset(
    {"i_naturalist2017", "i_naturalist2018", "imagenet2012", "places365_small", "placesfull", "visual_domain_decathlon"}
)
"""Sets whose split `test` was published without labels; papers report their split `validation`."""


def canonical_name(source: str) -> str:
    """Return the name with an alias replaced; a configuration or version behind `/` or `:` stays.

    >>> canonical_name("imagenet"), canonical_name("cifar-10:3.0.2"), canonical_name("imagenet_resized/32x32")
    ('imagenet2012', 'cifar10:3.0.2', 'imagenet_resized/32x32')
    """
    base = base_name(source)
    return ALIASES.get(base.lower(), base) + source[len(base) :]


def base_name(source: str) -> str:
    """Return the name without configuration and version.

    >>> base_name("imagenet_resized/32x32:0.1.0")
    'imagenet_resized'
    """
    return source.split("/")[0].split(":")[0]


def unknown_dataset(source: str) -> DataError:
    """Return the error for an unknown name, with the nearest known name and the accepted forms."""
    near = get_close_matches(source.lower(), sorted({*EMBEDDED, *TFDS_IMAGE_SETS, *ALIASES}), n=1, cutoff=0.6)
    suggestion = f" Did you mean {near[0]!r}?" if near else ""
    return DataError(
        f"unknown data set {source!r}.{suggestion} A data set is {', '.join(EMBEDDED)}, an image set of TFDS by name, "
        "a folder of class folders, a .csv file that names pictures, or an .npz file; `automl datasets` lists them"
    )
