"""What stands in the body of each kind of artifact: frozen plain data, unknown fields forbidden.

Adding a kind is one struct here and one line in `artifact.KINDS`. A changed field is a new version of the kind, with an upgrade
function for files of the old one. Wall-clock figures live in the journal and in reports made from it, never in what a search
found.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from automl_cli.core.decisions import Choice, Genotype
from automl_cli.core.numbers import LARGEST
from automl_cli.core.plugins import SpaceReference
from automl_cli.core.trials import Costs, EvaluatorSpec, Limits
from automl_cli.system.machine import Environment
from automl_cli.values.dataset import DatasetReference, ImageFacts
from automl_cli.values.engine import EngineName
from automl_cli.values.network import Network
from automl_cli.values.recipe import Recipe

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
Seed = Annotated[int, Meta(ge=0, le=LARGEST)]
"""Root seeds: whole numbers that every reader of JSON holds exactly."""
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""SHA-256 of a file's bytes, as `sha256sum` prints it."""


class TransferSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the winner of a search is scaled to (`--transfer`): a data set, the stack `N@P`, and filters where they override it.

    `problem` says why the data could not be read when the search was started; then the network is written and not trained.
    Otherwise it is trained for `epochs` by the recipe that `preset` means for stacks of cells; `augmentation` takes the place
    of the recipe's where that crops pictures and the data are arrays.
    """

    dataset: DatasetReference
    image_shape: tuple[int, int, int]
    classes: Positive
    stack: str
    filters: Positive | None
    preset: str
    epochs: Positive
    problem: str | None
    augmentation: Literal["standard"] | None = None


class StudySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The resolved configuration of a search (`study.json`): everything that decides its trials, and how it is run.

    `evaluator.settings` is complete: a worker needs nothing else. The study rounds `in_flight` up to whole minibatches.
    On resume only `trials`, `workers`, `executor` and `time_budget_seconds` may change.
    """

    command: str
    preset: str
    space: SpaceReference
    dataset: DatasetReference | None
    facts: ImageFacts | None
    recipe: Recipe | None
    evaluator: EvaluatorSpec
    strategy: str
    strategy_settings: dict[str, Any]
    seed: Seed
    trials: Positive
    epochs: Positive
    in_flight: Positive
    reward_exponent: Annotated[float, Meta(gt=0)]
    reuse: bool
    limits: Limits
    retrain_top: Count
    retrain_epochs: Positive
    max_failures: Positive
    trial_timeout_seconds: float | None
    time_budget_seconds: float | None
    executor: str
    workers: Positive
    published_cost: str
    environment: Environment
    transfer: TransferSettings | None = None


class RetrainedCandidate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the best of a search, trained longer on a new seed. `retrained_score` is None when that training failed."""

    trial: Count
    search_score: float
    retrained_score: float | None


class Retraining(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`--retrain-top`: both scores of every candidate, and Spearman's rank correlation between them (None: undefined)."""

    epochs: Positive
    candidates: tuple[RetrainedCandidate, ...]
    rank_correlation: float | None


class Architecture(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network that a search found: the genotype, what it stands for in words, and how well it did.

    `validation_scores` has one score per epoch; `validation_score` is the maximum over the last min(5, epochs) of them, and
    `reward` that score to the power `reward_exponent`. `costs` are exact for `image_shape` (height, width, channels) and
    `classes`. `dataset` carries no path of the machine that searched.
    """

    space: SpaceReference
    genotype: Genotype
    choices: dict[str, Choice]
    tokens: tuple[str, ...]
    network: Network
    image_shape: tuple[int, int, int] | None
    classes: Positive | None
    costs: Costs | None
    trial: Count
    validation_scores: tuple[float, ...]
    validation_score: float
    reward: float
    reward_exponent: float
    dataset: DatasetReference | None
    epochs: Positive
    recipe: Recipe | None
    strategy: str
    seed: Seed
    retraining: Retraining | None = None


class Training(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The resolved configuration of `automl train` (`training.json`): everything that decides the weights.

    `with_validation` trains on the validation examples too; then nothing is left to validate with. `engine` decides the low
    bits (`values.engine`); trainings in which it does not stand were all those of `whole`.
    """

    network: Network
    dataset: DatasetReference
    facts: ImageFacts
    recipe: Recipe
    epochs: Positive
    seed: Seed
    with_validation: bool
    environment: Environment
    engine: EngineName = "whole"

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        validation = self.facts.validation_examples if self.with_validation else 0
        return self.recipe.steps(self.facts.train_examples + validation)


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trained network: its weights (a safetensors file beside the artifact, with the SHA-256 of its bytes) and its scores.

    An input is (value - mean) / std, per channel, in the data's own units: 0 to 255 where pixels are bytes; with the standard
    augmentation the network is shown the centre crop of that, upsampled (`nn.augment.centre_crop`); with Inception's, the image
    itself is the middle of a picture (`data.crops`). The test split was read once, for the test scores; `test_top5_accuracy` is
    None with five classes or fewer. `validation_accuracy` is that of the last epoch, in the data set's metric; None where the
    validation examples were trained on. `dataset` carries no data directory of the machine that trained. `engine` is what it
    was trained by.
    """

    weights_file: str
    weights_digest: Digest
    network: Network
    dataset: DatasetReference
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    recipe: Recipe
    epochs: Positive
    seed: Seed
    parameters: Positive
    multiply_adds: Positive
    validation_accuracy: float | None
    test_accuracy: float
    test_balanced_accuracy: float
    test_top5_accuracy: float | None = None
    engine: EngineName = "whole"
