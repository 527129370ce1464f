"""Pictures in the forms in which people keep them: pixels, classes, and what is said, form by form."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from automl_cli.data import image_facts, load_images, load_streamed, load_streamed_test, load_test_split
from automl_cli.data.account import account_of
from automl_cli.values.dataset import DatasetReference

CLASSES = ("across", "down", "slant")
SIDE = 16


def noise(seed: int, *, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """An image (height, width, 3) whose four quarters have a colour each."""
    coarse = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), np.uint8)
    return np.kron(coarse, np.ones((height // 2, width // 2, 1), np.uint8))


def grey_of(image: np.ndarray) -> np.ndarray:
    """The image as grey levels (height, width)."""
    return image.mean(-1).astype(np.uint8)


class Form(NamedTuple):
    """Writes an image to a path without suffix and returns what is right to read, (height, width, channels)."""

    write: Callable[[Path, np.ndarray], np.ndarray]
    says: str | None = None
    tolerance: int = 0


def rgba(path: Path, image: np.ndarray) -> np.ndarray:
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:4], alpha[4:8] = 0, 128
    Image.fromarray(np.dstack([image, alpha])).save(f"{path}.png")
    share = alpha[..., None] / 255
    return np.rint(image * share + 255 * (1 - share)).astype(np.uint8)


def grey_alpha(path: Path, image: np.ndarray) -> np.ndarray:
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:, :4] = 0
    Image.fromarray(np.dstack([grey_of(image), alpha])).save(f"{path}.png")
    return np.where(alpha == 0, 255, grey_of(image))[..., None].astype(np.uint8)


def palette(path: Path, image: np.ndarray) -> np.ndarray:
    quantised = Image.fromarray(image).quantize(8)
    clear = quantised.getpixel((0, 0))
    quantised.save(f"{path}.png", transparency=clear)
    return np.where((np.asarray(quantised) == clear)[..., None], 255, np.asarray(quantised.convert("RGB"))).astype(np.uint8)


def clear_colour(path: Path, image: np.ndarray) -> np.ndarray:
    colour = tuple(image[0, 0].tolist())
    Image.fromarray(image).save(f"{path}.png", transparency=colour)
    return np.where((image == image[0, 0]).all(-1, keepdims=True), 255, image).astype(np.uint8)


def clear_grey(path: Path, image: np.ndarray) -> np.ndarray:
    grey = grey_of(image)
    Image.fromarray(grey).save(f"{path}.png", transparency=int(grey[0, 0]))
    return np.where(grey == grey[0, 0], 255, grey)[..., None].astype(np.uint8)


def grey_16(path: Path, image: np.ndarray) -> np.ndarray:
    Image.fromarray(grey_of(image).astype(np.uint16) * 257).save(f"{path}.png")
    return grey_of(image)[..., None]


def dark_16(path: Path, image: np.ndarray) -> np.ndarray:
    """A dark picture stays dark: what is white is said by the format, not by the brightest pixel."""
    Image.fromarray(grey_of(image).astype(np.uint16)).save(f"{path}.tif")
    return np.rint(grey_of(image) / 257)[..., None].astype(np.uint8)


def clear_grey_16(path: Path, image: np.ndarray) -> np.ndarray:
    grey = grey_of(image)
    deep = grey.astype(">u2") * 257
    write_png(path, deep, kind=0, clear=struct.pack(">H", int(deep[0, 0])))
    return np.where(grey == grey[0, 0], 255, grey)[..., None].astype(np.uint8)


def colour_16(path: Path, image: np.ndarray) -> np.ndarray:
    write_png(path, image.astype(">u2") * 257, kind=2)
    return image


def write_png(path: Path, pixels: np.ndarray, *, kind: int, clear: bytes = b"") -> None:
    """Write a PNG file of 16 bits a channel, of a colour type."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = pixels.shape[:2]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    body = (chunk(b"tRNS", clear) if clear else b"") + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    Path(f"{path}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)


def ten_bits(path: Path, image: np.ndarray) -> np.ndarray:
    """A PGM file says itself what is white."""
    grey = (grey_of(image).astype(np.uint32) * 1023 // 255).astype(">u2")
    Path(f"{path}.pgm").write_bytes(b"P5\n%d %d\n1023\n" % grey.shape[::-1] + grey.tobytes())
    return grey_of(image)[..., None]


def floats(white: float) -> Callable[[Path, np.ndarray], np.ndarray]:
    def write(path: Path, image: np.ndarray) -> np.ndarray:
        Image.fromarray(grey_of(image).astype(np.float32) * (white / 255)).save(f"{path}.tif")
        return grey_of(image)[..., None]

    return write


def one_bit(path: Path, image: np.ndarray) -> np.ndarray:
    bits = grey_of(image) > 127
    Image.fromarray(bits).save(f"{path}.png")
    return (bits * np.uint8(255))[..., None]


def cmyk(path: Path, image: np.ndarray) -> np.ndarray:
    Image.fromarray(image).convert("CMYK").save(f"{path}.jpg", quality=98)
    return image


def rotated(path: Path, image: np.ndarray, *, kind: str = "png") -> np.ndarray:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(image)).save(f"{path}.{kind}", exif=exif)
    return image


def lying_tiff(path: Path, image: np.ndarray) -> np.ndarray:
    return rotated(path, image, kind="tif")


def wrong_exif(path: Path, image: np.ndarray) -> np.ndarray:
    """A sound JPEG with its orientation, and an entry of a type that its tag does not have: its ResolutionUnit is text."""
    entries = [struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), struct.pack("<HHI4s", 0x0128, 2, 1, b"1\0\0\0")]
    body = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    Image.fromarray(np.rot90(image)).save(f"{path}.jpg", exif=body, quality=98, subsampling=0)
    return image


def interlaced(path: Path, image: np.ndarray) -> np.ndarray:
    """A progressive JPEG: the whole picture several times, each finer."""
    Image.fromarray(image).save(f"{path}.jfif", "JPEG", progressive=True, quality=98, subsampling=0)
    return image


def animated(path: Path, image: np.ndarray) -> np.ndarray:
    frames = [Image.fromarray(frame) for frame in (image, 255 - image)]
    frames[0].save(f"{path}.webp", save_all=True, append_images=frames[1:], lossless=True)
    return image


def pages(path: Path, image: np.ndarray) -> np.ndarray:
    frames = [Image.fromarray(frame) for frame in (image, 255 - image)]
    frames[0].save(f"{path}.tiff", save_all=True, append_images=frames[1:])
    return image


def mixed(path: Path, image: np.ndarray) -> np.ndarray:
    """Every other picture is grey."""
    grey = grey_of(image)
    Image.fromarray(grey if int(path.name) % 2 else image).save(f"{path}.png")
    return np.stack([grey] * 3, -1) if int(path.name) % 2 else image


def plain(path: Path, image: np.ndarray) -> np.ndarray:
    Image.fromarray(image).save(f"{path}.png")
    return image


def named_oddly(path: Path, image: np.ndarray) -> np.ndarray:
    Image.fromarray(image).save(path.with_name(f"Bild {path.name} – ü,100%;#'[x].PNG"))
    return image


FORMS = {
    "transparent": Form(rgba, "transparency was laid on white in 60 pictures (across/000.png)", 1),
    "transparent grey": Form(grey_alpha, "transparency was laid on white in 60 pictures (across/000.png)"),
    "transparent in the palette": Form(palette, "transparency was laid on white in 60 pictures (across/000.png)"),
    "one colour is transparent": Form(clear_colour, "transparency was laid on white in 60 pictures (across/000.png)"),
    "one grey is transparent": Form(clear_grey, "transparency was laid on white in 60 pictures (across/000.png)"),
    "16 bits": Form(grey_16, "16 bits were scaled to 8 in 60 pictures (across/000.png)"),
    "16 bits, dark": Form(dark_16, "16 bits were scaled to 8 in 60 pictures (across/000.tif)"),
    "16 bits, one grey is transparent": Form(clear_grey_16, "transparency was laid on white in 60 pictures (across/000.png)"),
    "16 bits in colour": Form(colour_16, "16 bits were scaled to 8 in 60 pictures (across/000.png)"),
    "10 bits": Form(ten_bits, "16 bits were scaled to 8 in 60 pictures (across/000.pgm)", 1),
    "floats to 1": Form(floats(1), "values from 0 to 1 were scaled to 8 bits in 60 pictures (across/000.tif)"),
    "floats to 255": Form(floats(255), "values from 0 to 255 were scaled to 8 bits in 60 pictures (across/000.tif)"),
    "1 bit": Form(one_bit),
    "CMYK": Form(cmyk, tolerance=16),
    "rotated": Form(rotated),
    "lying TIFF": Form(lying_tiff),
    "wrong EXIF": Form(wrong_exif, tolerance=12),
    "interlaced": Form(interlaced, tolerance=12),
    "animated": Form(animated, "the first frame was taken of 60 pictures with several (across/000.webp)"),
    "pages": Form(pages, "the first frame was taken of 60 pictures with several (across/000.tiff)"),
    "mixed": Form(mixed, "grey became colour in 30 pictures (across/001.png)"),
    "named oddly": Form(named_oddly),
}

every_form = pytest.mark.parametrize("form", [pytest.param(form, id=name) for name, form in FORMS.items()])


def written(root: Path, form: Form, **more: Any) -> list[tuple[int, np.ndarray]]:
    """Write 20 pictures of each class; return their labels and what is right to read."""
    right = []
    for label, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for number in range(20):
            image = noise(100 * label + number, **more)
            right.append((label, form.write(root / name / f"{number:03}", image)))
    return right


def assert_all_are_read(right: list[tuple[int, np.ndarray]], splits: Any, tolerance: int) -> None:
    """Every picture stands in one of the splits (images, labels), once, with its label."""
    left = list(right)
    for images, labels in splits:
        for image, label in zip(images, labels, strict=True):
            errors = [np.abs(image.astype(int) - other).max() if label == kind else 999 for kind, other in left]
            assert min(errors) <= tolerance
            left.pop(int(np.argmin(errors)))
    assert left == []


@every_form
def test_pictures_of_every_form_are_read_right_and_it_is_said_how(form: Form, tmp_path: Path) -> None:
    right = written(tmp_path / "set", form, height=16, width=20)
    reference = DatasetReference(source=str(tmp_path / "set"))
    data, test = load_images(reference), load_test_split(reference)
    assert_all_are_read(right, [(one.images, one.labels) for one in (data.train, data.validation, test)], form.tolerance)
    shape = (16, 20, right[0][1].shape[2])
    line, *notes = account_of(reference)
    what = f"/set: 60 images of {shape[0]}×{shape[1]}×{shape[2]}, 3 classes (across 20, down 20, slant 20)"
    sizes = f"; {len(data.train)} to train, {len(data.validation)} to validate, {len(test)} to test (held out)"
    assert line.endswith(what + sizes)
    assert 10 <= len(test) <= 15  # a fifth, as nearly as copies allow
    assert form.says is None or form.says in notes
    assert image_facts(reference).image_shape == shape


@every_form
def test_windows_of_pictures_of_every_form_are_read_alike(form: Form, tmp_path: Path) -> None:
    """The middle window of a streamed picture of squares, 7/8 of its side, scaled to that size, is that of the whole one."""
    right = written(tmp_path / "set", form, height=16, width=16)
    reference = DatasetReference(source=str(tmp_path / "set"), image_size=14)
    middle = [(label, image[1:15, 1:15]) for label, image in right]
    data = load_streamed(reference)
    splits = (data.train, data.validation, load_streamed_test(reference))
    assert_all_are_read(middle, [(list(one.centres(depth=4)), one.labels) for one in splits], form.tolerance)


def test_random_windows_of_a_lying_tiff_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    written(tmp_path / "tif", Form(lying_tiff), height=16, width=40)
    written(tmp_path / "png", Form(plain), height=16, width=40)
    tif, png = (load_streamed(DatasetReference(source=str(tmp_path / name), image_size=8)).train for name in ("tif", "png"))
    for ours, theirs in zip(*(one.crops(range(24), seed=0, epoch=0, flip=True, depth=4) for one in (tif, png)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("background", "channels", "laid"), [("black", 1, (0,)), ("#808080", 1, (128,)), ("red", 3, (255, 0, 0))]
)
def test_the_background_shows_where_a_picture_is_transparent(tmp_path: Path, background, channels, laid) -> None:
    written(tmp_path / "set", Form(grey_alpha))
    images = load_images(DatasetReference(source=str(tmp_path / "set"), background=background)).train.images
    assert images.shape[3] == channels
    assert (images[:, :, :4] == laid).all()


@pytest.mark.parametrize("how", ["crop", "pad", "squash"])
def test_pictures_of_another_shape_are_cropped_padded_or_squashed(tmp_path: Path, how: str) -> None:
    """Of a picture with a red left, a green middle and a blue right, half as high as wide."""
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    image = np.broadcast_to(np.repeat(colours, 8, axis=0), (16, 32, 3))
    written(tmp_path / "set", Form(lambda path, _: plain(path, image)))
    reference = DatasetReference(source=str(tmp_path / "set"), image_size=16, resize=how, background="black")
    read = load_images(reference).train.images[0].astype(int)
    if how == "crop":
        assert (read[:, 2:14] == (0, 255, 0)).all()
    elif how == "pad":
        assert (read[:4] == 0).all()
        assert (read[12:] == 0).all()
        assert (read[4:12, :3] == (255, 0, 0)).all()
    else:
        assert (read[:, :3] == (255, 0, 0)).all()
        assert (read[:, 13:] == (0, 0, 255)).all()
    notes = " ".join(account_of(reference))
    assert {"crop": "cropped", "pad": "padded", "squash": "squashed"}[how] in notes


def test_margins_of_grey_pictures_have_the_grey_of_the_background(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(4):
            Image.fromarray(np.full((8, 4), 100 + number, np.uint8)).save(tmp_path / label / f"{number}.png")
    given = DatasetReference(source=str(tmp_path), image_size=8, resize="pad", background="#ff0000")
    images = load_images(given).train.images
    assert set(images[:, :, 0, 0].ravel().tolist()) == {76}
