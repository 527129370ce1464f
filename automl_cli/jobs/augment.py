"""Writes augmented copies of the pictures in a folder, with their boxes and masks, for people with another pipeline.

Everything is checked before the first file is written. A copy depends on the policy, the seed, the name of its picture and the
number of the copy, and on nothing else, save that SamplePairing mixes in another picture of the folder.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from automl_cli import __version__
from automl_cli.core.errors import DataError, UserError
from automl_cli.core.numbers import by_times
from automl_cli.core.random_streams import stream_seed
from automl_cli.jobs.coco import CocoFile, moved_annotations
from automl_cli.jobs.copies_record import RECORD, written_before
from automl_cli.jobs.export_policy import mirrors
from automl_cli.jobs.picture_files import PictureFile, encoded, listed, pictures_in, upright
from automl_cli.plugins.roles import value_of
from automl_cli.references import open_any, open_filling
from automl_cli.store.encoding import document
from automl_cli.store.files import ANOTHER_OUT, cannot_write, replace_file
from automl_cli.system.machine import available_cores
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy_settings import LEFT_TO_THE_LOADER, settings_of

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from automl_cli.data.pillow_policy import Policy, Step

BOXES, MASKS = "boxes.json", "masks"
"""Names in the folder of copies: the boxes of all copies, the folder of their masks."""

WAITING_THREADS = 8
"""Threads beside one per core: most of the time of a small file is spent waiting for the disk."""

_CocoRows = tuple[dict[str, Any], list[dict[str, Any]]]
"""A copy as one of the images of a file of COCO's form, and its annotations."""


class AugmentRequest(Struct, frozen=True, kw_only=True):
    """Request for augmented copies: a folder of pictures, the name or file of a policy, and the folder for `copies` of each.

    `mirror` says whether the baseline mirrors, None leaves it to the data that the policy was found on. `boxes` is a file of
    COCO's form, `masks` a folder with a mask for each picture.
    """

    folder: Path
    policy: str
    out: Path
    copies: int = 1
    seed: int = 0
    mirror: bool | None = None
    boxes: Path | None = None
    masks: Path | None = None
    overwrite: bool = False


class Augmented(Struct, frozen=True, kw_only=True):
    """Summary of what was written: `converted` counts pictures by the mode they had and have, `left_out` says what was not done
    of the policy."""

    out: Path
    pictures: int
    copies: int
    converted: dict[str, int]
    boxes: Path | None = None
    boxes_written: int = 0
    boxes_dropped: int = 0
    left_out: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The summary as `--json` writes it."""
        places = {"out": str(self.out), "boxes": None if self.boxes is None else str(self.boxes)}
        return {name: places.get(name, getattr(self, name)) for name in self.__struct_fields__}


class _Job(Struct, frozen=True, kw_only=True):
    """What is done, checked: the pictures, the policy, and what goes along."""

    request: AugmentRequest
    settings: dict[str, Any]
    left_out: str
    pictures: tuple[PictureFile, ...]
    masks: dict[str, Path]
    coco: CocoFile | None
    before: frozenset[str]


def augment_folder(request: AugmentRequest) -> Augmented:
    """Write the copies. Raises UserError for input that does not fit, before anything is written."""
    job = _checked(request)
    out, names = request.out, _names(job)
    _record(job, sorted({*names, *job.before}), complete=False)
    written = _write_copies(job)
    annotations = [annotation for _, found in written for annotation in found]
    if job.coco is not None:
        _write(out / BOXES, document(job.coco.copy_of([image for image, _ in written], annotations)))
    for name in job.before - set(names):
        (out / name).unlink(missing_ok=True)
    _record(job, sorted(names), complete=True)
    converted = Counter(picture.conversion for picture in job.pictures if picture.conversion)
    old_boxes = 0 if job.coco is None else sum(len(job.coco.annotations(picture.name)) for picture in job.pictures)
    return Augmented(
        out=out,
        pictures=len(job.pictures),
        copies=len(written),
        converted=dict(sorted(converted.items())),
        boxes=None if job.coco is None else out / BOXES,
        boxes_written=len(annotations),
        boxes_dropped=old_boxes * request.copies - len(annotations),
        left_out=job.left_out,
    )


def _write_copies(job: _Job) -> list[_CocoRows]:
    """Write all copies, several at a time, and return what a file of COCO's form says of each, in the order of the pictures."""
    from automl_cli.data.pillow_policy import Policy
    from automl_cli.data.prefetch import prefetch_map

    policy, copies = Policy(job.settings), job.request.copies
    items = ((picture, copy) for picture in job.pictures for copy in range(1, copies + 1))

    def work(item: tuple[int, tuple[PictureFile, int]]) -> _CocoRows:
        image_id, (picture, copy) = item
        return _write_copy(job, policy, picture, copy, image_id=image_id)

    threads = available_cores() + WAITING_THREADS
    return list(prefetch_map(enumerate(items, start=1), work, threads=threads, depth=2 * threads))


def _write_copy(job: _Job, policy: "Policy", picture: PictureFile, copy: int, *, image_id: int) -> _CocoRows:
    """Write one copy with its mask, and return what a file of COCO's form says of it."""
    from automl_cli.data.pillow_policy import apply

    request = job.request
    image = upright(picture.path, picture.mode)
    steps = policy.steps(_generator(request.seed, "augment", picture.name, copy), image.size)
    name, *masks = _written_for(job, picture, copy)
    partner = _partner(job, picture, copy) if policy.needs_partner else None
    copied = image
    for step in steps:
        copied = apply(step, copied, partner)
    _write(request.out / name, encoded(copied, picture.format))
    for mask in masks:
        _write(request.out / mask, encoded(_moved_mask(upright(job.masks[picture.name]), steps), "PNG"))
    if job.coco is None:
        return {}, []
    annotations = moved_annotations(job.coco.annotations(picture.name), steps, image.size, image_id=image_id)
    known = job.coco.images.get(picture.name, {})
    return {**known, "id": image_id, "file_name": name, "width": image.width, "height": image.height}, annotations


def _moved_mask(mask: "Image.Image", steps: "list[Step]") -> "Image.Image":
    """Return a mask after those steps that move pixels, by the same rule; what comes in from outside is 0."""
    from automl_cli.data.moved_shapes import for_mask, moves
    from automl_cli.data.pillow_policy import apply

    for step in filter(moves, steps):
        mask = apply(for_mask(step), mask)
    return mask


def _partner(job: _Job, picture: PictureFile, copy: int) -> "Image.Image":
    """Return another picture of the folder, drawn, in the size and mode of this one."""
    random = _generator(job.request.seed, "partner", picture.name, copy)
    other = picture
    while other is picture:
        other = job.pictures[int(random.integers(len(job.pictures)))]
    return upright(other.path, picture.mode).resize(picture.size)


def _generator(seed: int, purpose: str, name: str, copy: int) -> "np.random.Generator":
    import numpy as np

    return np.random.Generator(np.random.Philox(key=stream_seed(seed, purpose, name, copy)))


def _written_for(job: _Job, picture: PictureFile, copy: int | None = None) -> Iterator[str]:
    """Yield the names of the files for a copy of a picture, or for all of its copies."""
    copies = job.request.copies
    for number in range(1, copies + 1) if copy is None else (copy,):
        name = picture.copy_name(number if copies > 1 else None)
        yield name
        if job.masks:
            yield f"{MASKS}/{Path(name).with_suffix('.png').as_posix()}"


def _names(job: _Job) -> list[str]:
    """Return the names of all files beside the record. Raises UserError where two are the same, or one is in the way."""
    names = [name for picture in job.pictures for name in _written_for(job, picture)]
    names += [] if job.coco is None else [BOXES]
    if twice := [f"two copies would be named {name}" for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{listed(twice)}; rename one of their pictures")
    for name in (*names, *job.before):
        if (job.request.out / name).is_dir():
            raise UserError(f"{job.request.out / name} is a folder; move it away, or choose another --out")
    return names


def _checked(request: AugmentRequest) -> _Job:
    """Return everything that the request names, read and checked."""
    augmentation: Augmentation = value_of(open_filling("augmentation", request.policy))
    settings = settings_of(augmentation, flip=_mirrors(request))
    left_out = LEFT_TO_THE_LOADER.get(augmentation.baseline, "")
    if not (settings["sub_policies"] or settings["cutout"] or augmentation.baseline in ("standard", "flip-crop")):
        reason = f"its baseline is for a loader ({left_out})" if left_out else "it changes no picture"
        raise UserError(f"--policy {request.policy}: {reason}; name a policy, such as one that search-augment found")
    pairs = any(row[0] == "SamplePairing" for rows in settings["sub_policies"] for row in rows)
    if pairs and (request.boxes or request.masks):
        flag = "--boxes" if request.boxes else "--masks"
        raise UserError(f"{flag}: {request.policy} has SamplePairing, which mixes two pictures, so that {flag[2:]} fit neither")
    before = written_before(request.out, request.folder, overwrite=request.overwrite)
    pictures = pictures_in(request.folder)
    if pairs and len(pictures) < 2:
        raise DataError(
            f"{request.policy} has SamplePairing, which mixes two pictures, and {request.folder} holds one; add more"
        )
    coco = None if request.boxes is None else CocoFile(request.boxes)
    if coco is not None and (problems := coco.problems({picture.name: picture.size for picture in pictures})):
        raise DataError(f"{request.boxes} does not fit the pictures in {request.folder}: {listed(problems)}")
    masks = {} if request.masks is None else _masks(request.masks, pictures)
    return _Job(request=request, settings=settings, left_out=left_out, pictures=pictures, masks=masks, coco=coco, before=before)


def _mirrors(request: AugmentRequest) -> bool:
    """Return whether the baseline mirrors: as told, else as on the data that the policy was found on, else yes."""
    if request.mirror is not None:
        return request.mirror
    return not Path(request.policy).exists() or mirrors(open_any(request.policy).artifact.body)


def _masks(folder: Path, pictures: tuple[PictureFile, ...]) -> dict[str, Path]:
    """Return the mask of each picture: the picture of the same name in this folder, whatever its ending, of the same size."""
    found = {Path(mask.name).with_suffix("").as_posix(): mask for mask in pictures_in(folder, any_mode=True)}
    stems = {picture.name: Path(picture.name).with_suffix("").as_posix() for picture in pictures}
    problems = [f"none for {name}" for name, stem in stems.items() if stem not in found]
    for picture in pictures:
        mask = found.get(stems[picture.name])
        if mask is not None and mask.size != picture.size:
            problems.append(f"{mask.name} is {by_times(mask.size)} pixels, its picture {by_times(picture.size)}")
    twice = [stem for stem, count in Counter(stems.values()).items() if count > 1]
    problems += [f"{stem} is the name of two pictures" for stem in twice]
    if any(name.split("/")[0] == MASKS for name in stems):
        problems.append(f"the pictures have a folder {MASKS!r} themselves; rename it")
    if problems:
        raise DataError(f"masks in {folder} do not fit the pictures: {listed(problems)}")
    return {name: found[stem].path for name, stem in stems.items()}


def _record(job: _Job, files: list[str], *, complete: bool) -> None:
    """Write what is done and which files are made, so that `--overwrite` knows them."""
    request = job.request
    _write(
        request.out / RECORD,
        document(
            {
                "tool": f"automl-cli {__version__}",
                "complete": complete,
                "policy": request.policy,
                "seed": request.seed,
                "copies": request.copies,
                "settings": job.settings,
                "files": files,
            }
        ),
    )


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(file.parent, error, hint=ANOTHER_OUT) from error
    replace_file(file, data, hint=ANOTHER_OUT)
