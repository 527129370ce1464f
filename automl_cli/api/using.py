"""Uses what was found from Python: `automl_cli.build`, `automl_cli.export` and `automl_cli.predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from automl_cli.api.given import name_of
from automl_cli.api.words import Place

if TYPE_CHECKING:
    from automl_cli.api.result import SearchResult
    from automl_cli.api.training import TrainingResult
    from automl_cli.jobs.export import Exported
    from automl_cli.jobs.loading import Loaded
    from automl_cli.jobs.predict import Predictions


def build(named: "Place | SearchResult | Loaded", **settings: Any) -> Any:
    """Return what an artifact, a published name or a formula stands for as an object that computes.

    `Loaded.build` says which settings each kind takes. Raises UserError for an unknown name and for settings that do not fit.
    """
    from automl_cli.jobs.loading import load

    return load(name_of(named)).build(**settings)


def export(
    named: "Place | SearchResult | TrainingResult | Loaded",
    *,
    out: Place | None = None,
    format: str | None = None,  # noqa: A002
    overwrite: bool = False,
) -> "Exported":
    """Write a model, an activation function, an update rule or a policy without this tool, as `automl export` does.

    Without `out` it is written into `export`, beside the artifact. Raises UserError for a format that the kind does not have,
    and for files that are there already.
    """
    from automl_cli.jobs.export import export as write
    from automl_cli.jobs.export import place_beside, to_export

    opened = to_export(name_of(named))
    return write(opened, Path(name_of(out)) if out else place_beside(opened), format=format, overwrite=overwrite)


def predict(
    model: "Place | TrainingResult",
    *places: Place,
    top: int | None = None,
    logits: bool = False,
    skip_broken: bool = False,
    array: str | None = None,
    layout: Literal["nhwc", "nchw"] | None = None,
    pixel_range: tuple[float, float] | None = None,
) -> "Predictions":
    """Name the classes of pictures, of all pictures below folders, and of arrays in files, as `automl predict` does.

    All classes come with their probabilities, the most probable first, or the `top` ones. Raises DataError for places that are
    missing, and for pictures that cannot be read unless they are skipped.
    """
    from automl_cli.data.unlabelled_arrays import ArrayOptions
    from automl_cli.jobs.predict import predict as named
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.model_file import model_file

    path = model_file(Path(name_of(model)))
    options = ArrayOptions(array=array, layout=layout, pixel_range=pixel_range)
    set_up_lone_process()
    return named(path, [Path(place) for place in places], options, top=top, skip_broken=skip_broken, logits=logits)
