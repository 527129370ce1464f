"""Boxes and polygons of pictures in a file of COCO's form, and the same for augmented copies of these pictures.

The form: `images` with id, file_name, width and height; `annotations` with id, image_id, bbox (left, top, width, height in
pixels), and if there is one a segmentation in polygons; everything else is kept as it is.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from automl_cli.core.errors import DataError
from automl_cli.data.moved_shapes import Size, area, corners, hull, moved
from automl_cli.data.pillow_policy import Step
from automl_cli.store.artifact import read_bytes
from automl_cli.store.encoding import parse

DIGITS = 3
"""Decimal places of a coordinate."""

NOT_MOVED = ("keypoints",)
"""Fields of an annotation that lie in the picture and are not moved."""


class CocoFile:
    """A file of COCO's form, read and checked. Raises DataError that names what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        document = parse(read_bytes(path), str(path))
        lists = ("images", "annotations")
        if not isinstance(document, dict) or not all(isinstance(document.get(name), list) for name in lists):
            raise DataError(f"{path} is no file of COCO's form: an object with the lists 'images' and 'annotations'")
        self._document: dict[str, Any] = document
        for number, image in enumerate(document["images"]):
            if not (isinstance(image, dict) and isinstance(image.get("file_name"), str) and _is_id(image.get("id"))):
                raise DataError(f"{path}: images[{number}] needs an id and a file_name")
        self.images: dict[str, dict[str, Any]] = {Path(image["file_name"]).as_posix(): image for image in document["images"]}
        self._of_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in document["images"]}
        if not len(self.images) == len(self._of_image) == len(document["images"]):
            raise DataError(f"{path}: two images have one file_name or one id")
        for number, annotation in enumerate(document["annotations"]):
            if problem := self._problem(annotation):
                raise DataError(f"{path}: annotations[{number}]: {problem}")
            self._of_image[annotation["image_id"]].append(annotation)

    def _problem(self, annotation: Any) -> str:
        """Return what is wrong with an annotation; "" where nothing is."""
        if not (isinstance(annotation, dict) and _is_id(image := annotation.get("image_id")) and image in self._of_image):
            return "image_id is that of no image"
        box: Any = annotation.get("bbox")
        if not _numbers(box) or len(box) != 4 or box[2] < 0 or box[3] < 0:
            return "bbox must be [left, top, width, height], in pixels"
        segmentation = annotation.get("segmentation") or []
        if isinstance(segmentation, dict):
            return "its segmentation is run-length encoded, which is not moved; give polygons, or leave it out and use --masks"
        if not isinstance(segmentation, list) or not all(_numbers(part) and len(part) % 2 == 0 for part in segmentation):
            return "segmentation must be a list of polygons [x, y, x, y, …]"
        named = [name for name in NOT_MOVED if annotation.get(name)]
        return f"{named[0]} are not moved; leave them out" if named else ""

    def problems(self, sizes: Mapping[str, Size]) -> list[str]:
        """Return what does not fit pictures with these names and sizes, in words."""
        found = [f"{name} is no picture there" for name in self.images if name not in sizes]
        for name, size in sizes.items():
            image = self.images.get(name, {})
            said = (image.get("width", size[0]), image.get("height", size[1]))
            if said != size:
                found.append(f"{name} is {said[0]}×{said[1]} pixels there, and {size[0]}×{size[1]} upright on disk")
        return found

    def annotations(self, name: str) -> list[dict[str, Any]]:
        """Return what is said of a picture; nothing of one that the file does not name."""
        return self._of_image[self.images[name]["id"]] if name in self.images else []

    def copy_of(self, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the file with other images and annotations, which are numbered from 1."""
        numbered = [{**annotation, "id": number} for number, annotation in enumerate(annotations, start=1)]
        return {**self._document, "images": images, "annotations": numbered}


def moved_annotations(
    annotations: Iterable[Mapping[str, Any]], steps: list[Step], size: Size, *, image_id: int
) -> list[dict[str, Any]]:
    """Return the annotations of a picture of this size after the steps, without those of which nothing is left inside.

    The box becomes the smallest upright one around what is left of the old one, `area` that of the polygons, else of the box.
    """
    found = []
    for annotation in annotations:
        left = moved(corners(annotation["bbox"]), steps, size)
        if not left:
            continue
        box = [round(number, DIGITS) for number in hull(left)]
        changed = {**annotation, "image_id": image_id, "bbox": box}
        polygons = _polygons(annotation.get("segmentation") or [], steps, size)
        if annotation.get("segmentation"):
            changed["segmentation"] = [[round(number, DIGITS) for point in part for number in point] for part in polygons]
        if "area" in annotation:
            changed["area"] = round(sum(map(area, polygons)) if annotation.get("segmentation") else box[2] * box[3], DIGITS)
        found.append(changed)
    return found


def _polygons(segmentation: list[list[float]], steps: list[Step], size: Size) -> list[list[tuple[float, float]]]:
    """Return what is left of each polygon of which something is."""
    parts = [moved(list(zip(part[::2], part[1::2], strict=True)), steps, size) for part in segmentation]
    return [part for part in parts if part]


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str)


def _numbers(values: Any) -> bool:
    """Return whether this is a list of finite numbers."""
    return isinstance(values, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in values
    )
