"""Networks for density matching: one for each fold of the training examples, trained without a policy.

They are made once, and kept among the prepared data (`data.cache`) under a digest of all that they depend on: data, child,
fold, epochs, seed, engine, code, timing table, versions and CPU. A process that needs one waits for the one that makes it; one
that is missing or torn is made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from automl_cli import __version__
from automl_cli.core.errors import RunFailed
from automl_cli.core.numbers import LARGEST
from automl_cli.core.protocols import Diverged
from automl_cli.core.random_streams import stream_seed
from automl_cli.plugins.roles import filling_of, typed_dataset, value_of
from automl_cli.store.encoding import line
from automl_cli.store.timings_in_force import digest_in_force
from automl_cli.system.machine import cpu_model, installed_version
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.children.density import HeldOutExamples
    from automl_cli.data import ImageData


def without_policy(child: Child) -> Child:
    """Return the child with its augmentation as it is without a policy: what the networks are trained with."""
    filling = child.roles["augmentation"]
    return child.filled(augmentation=filling_of(filling.kind, replace(value_of(filling), policy=None)))


class FoldModels:
    """The networks of a child whose roles are all filled, and the examples that each was not trained on.

    `child` has no policy, `data` are its data. Making a network trains it for `epochs`.
    """

    def __init__(self, child: Child, data: ImageData, *, epochs: int, seed: int, engine: EngineName) -> None:
        self._child = child
        self._data = data
        self._epochs = epochs
        self._seed = seed
        self._engine: EngineName = engine

    def examples(self, number: int) -> HeldOutExamples:
        """Return the network of a fold with its held-out examples. Raises RunFailed where its training diverges."""
        from automl_cli.children.density import HeldOutExamples, unpacked
        from automl_cli.children.network import module_of

        model, data = module_of(self._child, seed=0), self._data.fold(number, seed=self._seed)
        weights = unpacked(self.weights(number), model)
        held_out = data.validation
        return HeldOutExamples(model, weights, images=held_out.images, labels=held_out.labels, moments=(data.mean, data.std))

    def weights(self, number: int) -> np.ndarray:
        """Return the weights of the network of a fold, one after the other; train it first where they are not there."""
        from automl_cli.children.density import packed_size
        from automl_cli.children.network import module_of
        from automl_cli.data.cache import load_or_prepare

        def write(arrays: Mapping[str, np.ndarray]) -> None:
            arrays["weights"][:] = self._trained(number)

        layout = {"weights": ((packed_size(module_of(self._child, seed=0)),), "float32")}
        return load_or_prepare("fold-model", self._key(number), layout, write)["weights"]

    def _trained(self, number: int) -> np.ndarray:
        from automl_cli.children.density import packed
        from automl_cli.children.prediction import weights_of
        from automl_cli.children.trainer import Trainer
        from automl_cli.problems.image_learning import ImageLearningTask

        learning = ImageLearningTask(self._child, self._data.fold(number, seed=self._seed))
        trainer = Trainer(self._child, engine=self._engine, learning=learning)
        seed = stream_seed(self._seed, "fold model", number) % LARGEST
        try:
            trained = trainer.train(self._child, epochs=self._epochs, seed=seed)
        except Diverged as error:
            raise RunFailed(
                f"the network of fold {number + 1} cannot score policies, since its training diverged: {error}. Give another "
                "--network, or a lower learning rate in the preset of the space"
            ) from error
        return packed(weights_of(trained.arrays))

    def _key(self, number: int) -> str:
        import jax

        from automl_cli.data.cache import key_of
        from automl_cli.data.opening import open_source
        from automl_cli.nn.program_cache import VERSIONED_PACKAGES, sources

        made_from = {
            "source": open_source(typed_dataset(self._child.problem)).identity(),
            "child": self._child,
            "fold": number,
            "epochs": self._epochs,
            "seed": self._seed,
            "engine": self._engine,
            "version": __version__,
            "code": sources(),
            "timings": digest_in_force(),
            "packages": [installed_version(name) for name in (*VERSIONED_PACKAGES, "flax")],
            "cpu": cpu_model(),
            "device": jax.default_backend(),
        }
        return key_of(("fold model", line(made_from).decode()))
