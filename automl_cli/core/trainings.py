"""How networks of stacked cells are trained to the end, by skeleton and preset (NASNet, arXiv 1707.07012, appendix A).

`paper` is the published training, number for number: on ImageNet that of the authors' released code for the mobile network, 50
replicas of 32 images, their learning rate times the replicas. `quick` keeps what a few epochs on one machine can use: momentum
with a cosine, clipped gradients, no regularisation that only pays after hundreds of epochs. On ImageNet both take Inception's
crops and mixed precision; the paper does not mention the latter.

Differs from the paper: batch norm keeps 0.9 of its running statistics at each step and adds 1e-5 to variances on ImageNet too,
where the released code has 0.9997 and 1e-3; and weight decay is applied to batch norm's parameters and biases as well.
"""

from collections.abc import Mapping

from msgspec import Struct

from automl_cli.core.recipes import Recipe


class FinalTraining(Struct, frozen=True):
    """A recipe and how long it is followed."""

    recipe: Recipe
    epochs: int


TRAININGS: Mapping[str, Mapping[str, FinalTraining]] = {
    "cifar": {
        "quick": FinalTraining(
            Recipe(batch_size=32, learning_rate=0.025, nesterov=False, weight_decay=5e-4, schedule="cosine", gradient_clip=5.0),
            30,
        ),
        "paper": FinalTraining(
            Recipe(
                batch_size=32,
                learning_rate=0.025,
                nesterov=False,
                weight_decay=5e-4,
                schedule="cosine",
                gradient_clip=5.0,
                auxiliary_weight=0.4,
                drop_path_keep=0.6,
            ),
            600,
        ),
    },
    "imagenet": {
        "quick": FinalTraining(
            Recipe(
                batch_size=32,
                learning_rate=0.05,
                nesterov=False,
                weight_decay=4e-5,
                schedule="cosine",
                augmentation="inception",
                gradient_clip=5.0,
                precision="mixed",
            ),
            30,
        ),
        "paper": FinalTraining(
            Recipe(
                batch_size=1600,
                learning_rate=2.0,
                nesterov=False,
                optimizer="rmsprop",
                weight_decay=4e-5,
                schedule="exponential",
                augmentation="inception",
                gradient_clip=10.0,
                label_smoothing=0.1,
                auxiliary_weight=0.4,
                dropout=0.5,
                average_decay=0.9999,
                precision="mixed",
            ),
            312,
        ),
    },
}
"""`paper` on ImageNet ends after 250,000 steps, with which the released code's schedules end: 312 epochs of 801 steps."""
