"""Uses what was found from Python: `automl_cli.build`, `automl_cli.export` and `automl_cli.predict`."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from automl_cli.api.given import name_of
from automl_cli.api.words import Images, Place
from automl_cli.core.errors import UserError
from automl_cli.core.plugin_calls import type_in_words
from automl_cli.system.jax_settings import usual_jax

if TYPE_CHECKING:
    from automl_cli.api.result import SearchResult
    from automl_cli.api.training import TrainingResult
    from automl_cli.data.unlabelled_arrays import ArrayOptions, UnlabelledArray
    from automl_cli.jobs.export import Exported
    from automl_cli.jobs.loading import Loaded
    from automl_cli.jobs.predict import Predictions


def build(named: "Place | SearchResult | Loaded", **settings: Any) -> Any:
    """Return what an artifact, a published name or a formula stands for as an object that computes.

    `Loaded.build` says which settings each kind takes. Raises UserError for an unknown name and for settings that do not fit.
    """
    from automl_cli.jobs.loading import load

    return load(name_of(named)).build(**settings)


@usual_jax()
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


@usual_jax()
def predict(
    model: "Place | TrainingResult",
    *places: Place | Images | Sequence[Place | Images],
    top: int | None = None,
    logits: bool = False,
    skip_broken: bool = False,
    array: str | None = None,
    layout: Literal["nhwc", "nchw"] | None = None,
    pixel_range: tuple[float, float] | None = None,
) -> "Predictions":
    """Name the classes of pictures, of all pictures below folders, and of arrays, as `automl predict` does.

    A place is a path, an array of images (examples, height, width, channels) or (examples, height, width), or a list of these.
    All classes come with their probabilities, the most probable first, or the `top` ones. Raises DataError for places that are
    missing, and for pictures that cannot be read unless they are skipped; UserError for no place, and what is none.
    """
    from automl_cli.data.unlabelled_arrays import ArrayOptions
    from automl_cli.jobs.predict import predict as named
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.model_file import model_file

    path = model_file(Path(name_of(model)))
    options = ArrayOptions(array=array, layout=layout, pixel_range=pixel_range)
    opened = _opened(places, options)
    set_up_lone_process()
    return named(path, opened, options, top=top, skip_broken=skip_broken, logits=logits)


def _opened(places: Sequence[Any], options: "ArrayOptions") -> "list[Path | UnlabelledArray]":
    """Return places as paths and opened arrays. Raises UserError for none, and for what is neither."""
    from automl_cli.data.unlabelled_arrays import held_unlabelled

    wanted = "give paths of pictures, folders or array files, or arrays of images"
    if not (given := list(_flat(places))):
        raise UserError(f"predict: nothing is to be named; {wanted}")
    found: list[Path | UnlabelledArray] = []
    for number, place in enumerate(given):
        if isinstance(place, str | PathLike):
            found.append(Path(place))
        elif hasattr(place, "__array__"):
            found.append(held_unlabelled(place, "array" if len(given) == 1 else f"array {number}", options))
        else:
            raise UserError(f"predict: place {number} is {type_in_words(place)}; {wanted}")
    return found


def _flat(places: Sequence[Any]) -> Iterator[Any]:
    """Yield places, and those in lists of them, in order."""
    for place in places:
        yield from _flat(place) if isinstance(place, list | tuple) else (place,)
