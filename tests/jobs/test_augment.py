"""Augmented copies of a folder: which files, the same again, boxes and masks along, and refusals before anything is written."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import UserError
from automl_cli.jobs.augment import AugmentRequest, augment_folder
from automl_cli.kinds.augmentation_policy import AugmentationPolicyBody, words
from automl_cli.store import files
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import AppliedOperation, SubPolicies

WIDTH, HEIGHT = 60, 40
LEFT, TOP, RIGHT, BOTTOM = BOX = (10, 8, 30, 20)
"""The part of every picture that is marked: a box, a polygon, a mask."""


@pytest.fixture(autouse=True)
def folder(environment_of_its_own, tmp_path):
    """Pictures of several modes and formats, one in a folder inside, with boxes and masks."""
    pixels = np.random.default_rng(0).integers(0, 100, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[TOP:BOTTOM, LEFT:RIGHT] = 255
    picture = Image.fromarray(pixels)
    for name, mode in (("a.png", "RGB"), ("sub/b.jpg", "RGB"), ("sub/c.png", "L"), ("d.png", "RGBA")):
        for place in (Path("in", name), Path("masks", name).with_suffix(".png")):
            place.parent.mkdir(parents=True, exist_ok=True)
        picture.convert(mode).save(Path("in", name))
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[TOP:BOTTOM, LEFT:RIGHT] = 7
        Image.fromarray(mask).save(Path("masks", name).with_suffix(".png"))
    write_boxes()
    return tmp_path / "in"


def write_boxes(**changes):
    """`boxes.json`: the same box in a.png and sub/b.jpg."""
    images = [{"id": 5, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}, {"id": 9, "file_name": "sub/b.jpg"}]
    polygon = [LEFT, TOP, RIGHT, TOP, RIGHT, BOTTOM, LEFT, BOTTOM]
    box = {"category_id": 1, "bbox": [LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP], "area": 240, "segmentation": [polygon]}
    annotations = [{"id": 1, "image_id": 5, **box}, {"id": 2, "image_id": 9, **box, "segmentation": []}]
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "mark"}], **changes}
    Path("boxes.json").write_text(json.dumps(document), encoding="utf-8")


def policy(*operations, baseline="none", **more):
    """Write a policy of one sub-policy as a file."""
    sub_policies = SubPolicies((tuple(AppliedOperation(*one) for one in operations),)) if operations else None
    value = Augmentation(baseline=baseline, policy=sub_policies, **more)
    write_artifact(Path("policy.json"), artifact_of(AugmentationPolicyBody(value=value, words=words(value))))
    return "policy.json"


def augment(name="flip-crop", out="out", **more):
    return augment_folder(AugmentRequest(folder=Path("in"), policy=name, out=Path(out), **more))


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def pixels_of(*parts):
    return np.asarray(Image.open(Path(*parts)))


def test_copies_keep_folders_formats_sizes_and_modes():
    done = augment(copies=2)
    names = {"a-1.png", "a-2.png", "sub/b-1.jpg", "sub/b-2.jpg", "sub/c-1.png", "sub/c-2.png", "d-1.png", "d-2.png"}
    assert files_in("out") == names | {"augmentation.json"}
    assert (done.pictures, done.copies, done.converted) == (4, 8, {})
    for name in names:
        with Image.open(Path("out", name)) as copy, Image.open(Path("in", name.replace("-1", "").replace("-2", ""))) as picture:
            assert (copy.size, copy.mode, copy.format) == (picture.size, picture.mode, picture.format)
    record = json.loads(Path("out", "augmentation.json").read_bytes())
    assert (record["complete"], record["seed"], record["copies"], set(record["files"])) == (True, 0, 2, names)


def test_a_copy_depends_on_seed_and_name_and_not_on_the_other_pictures():
    name = policy(("Rotate", 0.9, 9), ("Color", 0.9, 9), baseline="flip-crop")
    augment(name, "first", copies=3)
    Path("in", "a.png").unlink()
    augment(name, "second", copies=3)
    augment(name, "third", copies=3, seed=1)
    same = [file for file in files_in("second") if file.endswith(("png", "jpg"))]
    assert len(same) == 9
    assert all(Path("first", file).read_bytes() == Path("second", file).read_bytes() for file in same)
    assert sum(Path("third", file).read_bytes() == Path("second", file).read_bytes() for file in same) < 4


def test_other_pictures_are_converted_and_counted():
    picture = Image.open(Path("in", "a.png"))
    picture.convert("P").save(Path("in", "palette.gif"))
    picture.convert("1").save(Path("in", "two.png"))
    picture.convert("CMYK").save(Path("in", "print.jpg"))
    clear = picture.convert("P")
    clear.info["transparency"] = 0
    clear.save(Path("in", "clear.png"))
    done = augment()
    assert done.converted == {"black and white to L": 1, "CMYK to RGB": 1, "palette to RGB": 1, "palette to RGBA": 1}
    assert {"palette.gif.png", "two.png", "print.jpg", "clear.png"} <= files_in("out")


@pytest.mark.parametrize(
    ("operation", "moved"),
    [
        (("TranslateX", 1.0, 6), lambda left, top, right, bottom, sign: (left - 18 * sign, top, right - 18 * sign, bottom)),
        (("ShearY", 1.0, 9), lambda left, top, right, bottom, sign: sheared(sign)),
        (("Rotate", 1.0, 9), lambda left, top, right, bottom, sign: rotated(sign)),
    ],
    ids=["TranslateX", "ShearY", "Rotate"],
)
def test_boxes_polygons_and_masks_move_as_computed_by_hand(operation, moved):
    """TranslateX 6: 2/3 of 150/331 of 60 pixels, 18.127; ShearY 9: 0.3; Rotate 9: 30 degrees about (30, 20)."""
    augment(policy(operation), copies=6, boxes=Path("boxes.json"), masks=Path("masks"))
    document = json.loads(Path("out", "boxes.json").read_bytes())
    assert document["categories"] == [{"id": 1, "name": "mark"}]
    assert [image["id"] for image in document["images"]] == list(range(1, 25))
    seen = set()
    for annotation in document["annotations"]:
        (image,) = [image for image in document["images"] if image["id"] == annotation["image_id"]]
        left, top, width, height = annotation["bbox"]
        fits = [
            sign for sign in (1, -1) if np.allclose(clip(moved(*BOX, sign)), (left, top, left + width, top + height), atol=0.2)
        ]
        assert fits, annotation["bbox"]
        seen.update(fits)
        mask = pixels_of("out", "masks", Path(image["file_name"]).with_suffix(".png"))
        assert set(np.unique(mask)) == {0, 7}
        rows, columns = np.nonzero(mask)
        around = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.abs(np.subtract(around, (left, top, left + width, top + height))).max() <= 1.5
        if annotation["segmentation"]:
            assert annotation["area"] == pytest.approx((mask > 0).sum(), rel=0.08)
    assert seen == {1, -1}


def sheared(sign):
    """y - 0.3 x, or y + 0.3 x: at x = 10 by 3, at x = 30 by 9."""
    return (10, 8 - 9, 30, 20 - 3) if sign == 1 else (10, 8 + 3, 30, 20 + 9)


def rotated(sign):
    """The corners about (30, 20): (-20, -12), (0, -12), (0, 0), (-20, 0), turned by 30 degrees; cos 0.866, sin 0.5.

    Counter-clockwise (x, y) goes to (0.866 x + 0.5 y, -0.5 x + 0.866 y), clockwise to (0.866 x - 0.5 y, 0.5 x + 0.866 y).
    """
    if sign == 1:
        return (30 - 17.32 - 6, 20 - 10.39, 30, 20 + 10)
    return (30 - 17.32, 20 - 10 - 10.39, 30 + 6, 20)


def clip(box):
    return np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])


def test_flips_of_the_baseline_move_boxes_and_masks():
    augment(policy(baseline="standard"), copies=8, boxes=Path("boxes.json"), masks=Path("masks"))
    document = json.loads(Path("out", "boxes.json").read_bytes())
    sides = set()
    for annotation in document["annotations"]:
        (image,) = [image for image in document["images"] if image["id"] == annotation["image_id"]]
        left, top, width, height = annotation["bbox"]
        assert height == 15  # enlarged by 1.25
        assert 22.5 <= width <= 25  # from 12.5 to 37.5, and a window begins at 15 at the most
        rows, columns = np.nonzero(pixels_of("out", "masks", Path(image["file_name"]).with_suffix(".png")))
        assert abs(columns.min() - left) <= 1
        assert abs(rows.min() - top) <= 1
        sides.add(left > WIDTH / 4)
    assert sides == {True, False}


def test_cutout_and_colours_leave_boxes_and_masks():
    name = policy(("Cutout", 1.0, 9), ("Invert", 1.0, 0), cutout=0.5)
    done = augment(name, boxes=Path("boxes.json"), masks=Path("masks"))
    document = json.loads(Path("out", "boxes.json").read_bytes())
    assert [annotation["bbox"] for annotation in document["annotations"]] == [[10, 8, 20, 12]] * 2
    assert (done.boxes_written, done.boxes_dropped) == (2, 0)
    np.testing.assert_array_equal(pixels_of("out", "masks", "a.png"), pixels_of("masks", "a.png"))


def test_a_box_of_which_nothing_is_left_is_dropped_and_counted():
    for row in ([1, 1, 4, 4], [55, 1, 4, 4]):
        write_boxes(annotations=[{"id": 1, "image_id": 5, "bbox": row}])
        done = augment(policy(("TranslateX", 1.0, 9)), copies=8, boxes=Path("boxes.json"), overwrite=True)
        kept = json.loads(Path("out", "boxes.json").read_bytes())["annotations"]
        assert done.boxes_written == len(kept)
        assert done.boxes_written + done.boxes_dropped == 8
        assert 0 < len(kept) < 8
        assert all(annotation["bbox"][2:] == [4, 4] for annotation in kept)


def test_sample_pairing_mixes_in_pictures_of_the_folder_but_not_with_boxes_or_masks():
    name = policy(("SamplePairing", 1.0, 9))
    Image.new("RGB", (9, 9), (255, 255, 255)).save(Path("in", "d.png"))
    augment(name, copies=8)
    old = pixels_of("in", "a.png")
    white = np.asarray(Image.blend(Image.fromarray(old), Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255)), 0.4))
    copies = [pixels_of("out", f"a-{number}.png") for number in range(1, 9)]
    assert any(np.array_equal(copy, white) for copy in copies)
    assert not any(np.array_equal(copy, old) for copy in copies)
    for more in ({"boxes": Path("boxes.json")}, {"masks": Path("masks")}):
        with pytest.raises(UserError, match=r"policy\.json has SamplePairing, which mixes two pictures"):
            augment(name, "other", **more)
    for picture in ("a.png", "d.png", "sub/c.png"):
        Path("in", picture).unlink()
    with pytest.raises(UserError, match="and in holds one; add more"):
        augment(name, "other")
    assert not Path("other").exists()


def test_an_interrupted_run_leaves_whole_files_says_so_and_can_be_replaced(monkeypatch):
    for number in range(40):
        Image.open(Path("in", "d.png")).save(Path("in", f"e{number}.png"))
    augment(out="whole")
    written = []
    replace_file = files.replace_file

    def interrupted(path, data, **more):
        if len(written) >= 3:
            raise KeyboardInterrupt
        written.append(path.relative_to("out").as_posix())
        replace_file(path, data, **more)

    with monkeypatch.context() as patched:
        patched.setattr("automl_cli.jobs.augment.replace_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            augment()
    assert files_in("out") == set(written) < files_in("whole")
    assert json.loads(Path("out", "augmentation.json").read_bytes())["complete"] is False
    for name in set(written) - {"augmentation.json"}:
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()
    augment(overwrite=True)
    assert {name: Path("out", name).read_bytes() for name in files_in("out")} == {
        name: Path("whole", name).read_bytes() for name in files_in("whole")
    }


def test_what_is_there_stays_unless_it_is_to_be_replaced_and_is_ours():
    augment(copies=2)
    with pytest.raises(UserError, match="out exists already: replace it with --overwrite, or choose another --out"):
        augment()
    Path("out", "mine.txt").write_text("mine", encoding="utf-8")
    augment(overwrite=True)
    assert files_in("out") == {"a.png", "sub/b.jpg", "sub/c.png", "d.png", "augmentation.json", "mine.txt"}
    Path("theirs").mkdir()
    Path("theirs", "notes.txt").write_text("notes", encoding="utf-8")
    with pytest.raises(UserError, match="theirs was not written by automl augment, so it stays"):
        augment(out="theirs", overwrite=True)
    for place in ("in", "in/more", "."):
        with pytest.raises(UserError, match="lie in one another"):
            augment(out=place, overwrite=True)


@pytest.mark.parametrize(
    "record", ["[1]", "{}", '{"files": 3}', '{"files": [3]}', '{"files": ["../in/a.png"]}', '{"files": ["/a"]}']
)
def test_a_folder_with_a_file_of_the_records_name_that_is_no_record_stays(record):
    """As `automl export --format json` writes one."""
    Path("out").mkdir()
    Path("out", "augmentation.json").write_text(record, encoding="utf-8")
    with pytest.raises(UserError, match="out was not written by automl augment, so it stays"):
        augment(overwrite=True)
    assert files_in("out") == {"augmentation.json"}


def test_a_folder_that_bears_the_name_of_a_copy_is_refused_before_anything_is_written():
    augment()
    before = {name: Path("out", name).read_bytes() for name in files_in("out")}
    Path("out", "a.png").unlink()
    Path("out", "a.png", "mine").mkdir(parents=True)
    with pytest.raises(UserError, match="is a folder; move it away, or choose another --out"):
        augment(seed=1, overwrite=True)
    assert files_in("out") == before.keys() - {"a.png"}
    assert all(Path("out", name).read_bytes() == data for name, data in before.items() if name != "a.png")


def broken():
    Path("in", "x.png").write_bytes(b"no picture")
    Path("in", "sub", "y.jpg").write_bytes(Path("in", "sub", "b.jpg").read_bytes()[:400])
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(Path("in", "z.png"))


def no_pictures():
    for name in files_in("in"):
        Path("in", name).unlink()


def same_names():
    """`c.bmp` becomes `c.bmp.png`, which is there already."""
    for name in ("c.bmp", "c.bmp.png"):
        Image.new("RGB", (8, 8)).save(Path("in", name))


ONE = {"id": 1, "image_id": 5, "bbox": [1, 1, 4, 4]}


@pytest.mark.parametrize(
    ("change", "more", "problems"),
    [
        (broken, {}, ["3 pictures of 7 cannot be used", "x.png", "y.jpg", "z.png has more than 8 bits"]),
        (no_pictures, {}, ["in holds no picture"]),
        (same_names, {}, ["two copies would be named c.bmp.png", "rename one of their pictures"]),
        (same_names, {"copies": 2}, ["two copies would be named c.bmp-1.png; two copies would be named c.bmp-2.png"]),
        (
            lambda: write_boxes(images=[{"id": 5, "file_name": "zz.png"}], annotations=[]),
            {"boxes": "boxes.json"},
            ["zz.png is no picture"],
        ),
        (
            lambda: write_boxes(images=[{"id": 5, "file_name": "a.png", "width": 9}], annotations=[]),
            {"boxes": "boxes.json"},
            ["9×40"],
        ),
        (
            lambda: write_boxes(annotations=[{**ONE, "image_id": 6}]),
            {"boxes": "boxes.json"},
            ["annotations[0]: image_id is that of no"],
        ),
        (
            lambda: write_boxes(annotations=[{**ONE, "bbox": [1, 1, 4]}]),
            {"boxes": "boxes.json"},
            ["bbox must be [left, top, width"],
        ),
        (lambda: write_boxes(annotations=[{**ONE, "segmentation": {"counts": []}}]), {"boxes": "boxes.json"}, ["run-length"]),
        (
            lambda: write_boxes(annotations=[{**ONE, "keypoints": [1, 2, 2]}]),
            {"boxes": "boxes.json"},
            ["keypoints are not moved"],
        ),
        (lambda: Path("boxes.json").write_text("[]"), {"boxes": "boxes.json"}, ["boxes.json is no file of COCO's form"]),
        (lambda: None, {"boxes": "none.json"}, ["none.json: no such file"]),
        (lambda: Path("masks", "a.png").unlink(), {"masks": "masks"}, ["masks in masks do not fit", "none for a.png"]),
        (lambda: Image.new("L", (8, 8)).save("masks/d.png"), {"masks": "masks"}, ["d.png is 8×8 pixels, its picture 60×40"]),
        (lambda: None, {"name": "none"}, ["--policy none: it changes no picture"]),
        (lambda: None, {"name": "flip-crap"}, ["unknown augmentation 'flip-crap'. Did you mean 'flip-crop'?"]),
    ],
    ids=lambda value: None,
)
def test_bad_input_is_one_error_before_anything_is_written(change, more, problems):
    change()
    given = {name: Path(value) if name in ("boxes", "masks") else value for name, value in more.items()}
    with pytest.raises(UserError) as raised:
        augment(**given)
    assert all(problem in str(raised.value) for problem in problems), str(raised.value)
    assert not Path("out").exists()


def test_the_command_says_what_it_did(automl):
    Image.open(Path("in", "a.png")).convert("P").save(Path("in", "e.png"))
    done = automl("augment", "in", "--policy", "none+autoaugment-imagenet", "--out", "out", "--boxes", "boxes.json")
    assert (done.code, done.stdout) == (0, "out\n")
    assert done.stderr.splitlines()[:2] == ["5 copies of 5 pictures", "1 picture turned from palette to RGB"]
    assert "moved along" in done.stderr
    done = automl("augment", "in", "--policy", "autoaugment-imagenet", "--out", "out", "--overwrite")
    assert "not done here, but by a loader: windows of random area" in done.stderr
    document = json.loads(automl("augment", "in", "--policy", "flip-crop", "--out", "other", "--json").stdout)
    assert (document["out"], document["pictures"], document["copies"]) == ("other", 5, 5)
