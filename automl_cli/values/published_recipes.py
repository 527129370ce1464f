"""Recipes for training networks of stacked cells, by published network and preset (NASNet, arXiv 1707.07012, appendix A),
and of networks made by experts (`EXPERT_TRAININGS`).

`paper` on CIFAR is the published training, number for number. On ImageNet it is that of the authors' released code, which has
one for the mobile network (50 replicas of 32 images, learning rate 0.04 x 50) and one for the large one (100 replicas of 16,
0.015 x 100). `quick` keeps what a few epochs on one machine can use: momentum with a cosine, clipped gradients, no
regularisation that only pays after hundreds of epochs. On ImageNet all take Inception's crops and mixed precision.

Differs from the paper: on ImageNet batch norm keeps 0.9 of its running statistics at each step and adds 1e-5 to variances, as
on CIFAR, where the released code has 0.9997 and 1e-3; mixed precision, which the paper does not mention; one machine instead of
50 workers and 3 in reserve; weight decay is applied to batch norm's parameters and biases as well; and on both
data sets a tenth of the training examples is held out unless `--with-validation` is given: as many epochs, a tenth fewer steps.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from automl_cli.values.operations import Shape
from automl_cli.values.recipe import Recipe
from automl_cli.values.skeleton import WIDE, skeleton_for


class FinalTraining(Struct, frozen=True):
    """A recipe, how long it is followed, and the other roles by name (activation: ReLU)."""

    recipe: Recipe
    epochs: int
    optimizer: str = "momentum"
    augmentation: str = "standard"
    activation: str = "relu"


_CIFAR = Recipe(batch_size=32, learning_rate=0.025, weight_decay=5e-4, schedule="cosine", gradient_clip=5.0)

_QUICK_IMAGENET = FinalTraining(
    Recipe(
        batch_size=32,
        learning_rate=0.05,
        weight_decay=4e-5,
        schedule="cosine",
        gradient_clip=5.0,
        precision="mixed",
    ),
    30,
    augmentation="inception",
)

_MOBILE = Recipe(
    batch_size=50 * 32,
    learning_rate=0.04 * 50,
    weight_decay=4e-5,
    schedule="exponential",
    gradient_clip=10.0,
    label_smoothing=0.1,
    auxiliary_weight=0.4,
    dropout=0.5,
    average_decay=0.9999,
    precision="mixed",
)

_LARGE = replace(_MOBILE, batch_size=100 * 16, learning_rate=0.015 * 100, weight_decay=5e-5, drop_path_keep=0.7)

IMAGENET_EPOCHS = 312
"""Of 800 whole batches each, 249,600 steps, where all training examples are trained on; of 720, 224,640 steps, where a tenth is
held out for validation. The released code's schedules end with 250,000."""


def _published(recipe: Recipe) -> FinalTraining:
    return FinalTraining(recipe, IMAGENET_EPOCHS, optimizer="rmsprop-tf", augmentation="inception")


TRAININGS: Mapping[str, Mapping[str, FinalTraining]] = {
    "cifar": {
        "quick": FinalTraining(_CIFAR, 30),
        "paper": FinalTraining(replace(_CIFAR, auxiliary_weight=0.4, drop_path_keep=0.6), 600),
    },
    "mobile": {"quick": _QUICK_IMAGENET, "paper": _published(_MOBILE)},
    "large": {"quick": _QUICK_IMAGENET, "paper": _published(_LARGE)},
}
"""The trainings by published network, then by preset. Those on ImageNet differ only in the recipe of `paper`."""


EXPERT_TRAININGS: Mapping[str, FinalTraining] = {
    "quick": FinalTraining(_CIFAR, 30),
    "paper": FinalTraining(
        Recipe(batch_size=128, learning_rate=0.1, weight_decay=5e-4, schedule="cosine", gradient_clip=5.0),
        200,
        optimizer="nesterov",
    ),
}
"""Of networks made by experts, by preset. `paper` is how AutoAugment's authors trained WRN-28-10 (arXiv 1805.09501)."""


def expert_trainings_for(image: Shape) -> Mapping[str, FinalTraining]:
    """By preset, how a network made by experts is trained on such images. Large ones take Inception's crops, as stacks do."""
    if skeleton_for(image) == "cifar":
        return EXPERT_TRAININGS
    paper = FinalTraining(EXPERT_TRAININGS["paper"].recipe, 200, optimizer="nesterov", augmentation="inception")
    return {"quick": _QUICK_IMAGENET, "paper": paper}


def trainings_for(image: Shape, *, width: int = 0) -> Mapping[str, FinalTraining]:
    """Return, by preset, how a stack of cells is trained on such images; `width` is the number of channels of its last cell."""
    if skeleton_for(image) == "cifar":
        return TRAININGS["cifar"]
    return TRAININGS["large" if width >= WIDE else "mobile"]
