"""Operations of augmentation policies against Pillow image by image, and whole policies against timm's code, on one core.

`python tests/benchmarks/augmentation.py FOLDER`, where FOLDER has timm 1.0.31 unpacked (`pip download timm==1.0.31 --no-deps`):
its `timm/data/auto_augment.py` is loaded by path, since timm itself needs PyTorch. Images are uint8 before and after on both
sides; Pillow's are made from arrays and turned into arrays again. Sides take turns; times are medians of CPU time.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

from automl_cli.system.process import keep_heap

keep_heap()

import jax  # noqa: E402  # after the heap is set up
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402
from PIL import Image  # noqa: E402
from results import record, table  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2]))

from automl_cli.nn.augment.operations import apply_operation  # noqa: E402
from automl_cli.nn.augment.parameters import operation_parameters  # noqa: E402
from automl_cli.nn.augment.policy import apply_policy, chunk_size, policy_table  # noqa: E402
from automl_cli.values.augmentation import Augmentation  # noqa: E402
from automl_cli.values.policy import OPERATIONS, AppliedOperation, OperationName, SubPolicies, arguments  # noqa: E402
from tests.nn.augment.pillow import IN_PILLOW, changed  # noqa: E402

BATCH, FILL, LEVEL = 512, (128, 128, 128), 6
REPEATS = 7

GOALS: dict[OperationName, float] = {
    **dict.fromkeys(("Invert", "Posterize", "Solarize", "Brightness", "Contrast"), 5.0),
    **dict.fromkeys(("ShearX", "ShearY", "TranslateX", "TranslateY", "Color", "Sharpness"), 2.0),
    **dict.fromkeys(("Rotate", "Equalize", "AutoContrast"), 1.0),
}

CAUSES: dict[OperationName, str] = {
    "Brightness": "float32 has four times the size of a byte, so a vector instruction does a quarter of the values",
    "Contrast": "as Brightness, after a pass over all pixels for the mean of their grey",
    "ShearX": "XLA copies a row from its own place value by value",
    "TranslateX": "the image is copied three times, once with fill around it; Pillow copies it once",
    "TranslateY": "the image is copied three times, once with fill around it; Pillow copies it once, by whole rows",
    "Color": "grey needs one plane a channel, which are taken apart and joined again",
}
"""Why an operation is below its goal, shown where it is."""

CIFAR10 = """Invert 0.1 7,Contrast 0.2 6;Rotate 0.7 2,TranslateX 0.3 9;Sharpness 0.8 1,Sharpness 0.9 3;
ShearY 0.5 8,TranslateY 0.7 9;AutoContrast 0.5 8,Equalize 0.9 2;ShearY 0.2 7,Posterize 0.3 7;
Color 0.4 3,Brightness 0.6 7;Sharpness 0.3 9,Brightness 0.7 9;Equalize 0.6 5,Equalize 0.5 1;
Contrast 0.6 7,Sharpness 0.6 5;Color 0.7 7,TranslateX 0.5 8;Equalize 0.3 7,AutoContrast 0.4 8;
TranslateY 0.4 3,Sharpness 0.2 6;Brightness 0.9 6,Color 0.2 8;Solarize 0.5 2,Invert 0.0 3;
Equalize 0.2 0,AutoContrast 0.6 0;Equalize 0.2 8,Equalize 0.6 4;Color 0.9 9,Equalize 0.6 6;
AutoContrast 0.8 4,Solarize 0.2 8;Brightness 0.1 3,Color 0.7 0;Solarize 0.4 5,AutoContrast 0.9 3;
TranslateY 0.9 9,TranslateY 0.7 9;AutoContrast 0.9 2,Solarize 0.8 3;Equalize 0.8 8,Invert 0.1 3;
TranslateY 0.7 9,AutoContrast 0.9 1"""

IMAGENET = """Posterize 0.4 8,Rotate 0.6 9;Solarize 0.6 5,AutoContrast 0.6 5;Equalize 0.8 8,Equalize 0.6 3;
Posterize 0.6 7,Posterize 0.6 6;Equalize 0.4 7,Solarize 0.2 4;Equalize 0.4 4,Rotate 0.8 8;
Solarize 0.6 3,Equalize 0.6 7;Posterize 0.8 5,Equalize 1.0 2;Rotate 0.2 3,Solarize 0.6 8;
Equalize 0.6 8,Posterize 0.4 6;Rotate 0.8 8,Color 0.4 0;Rotate 0.4 9,Equalize 0.6 2;
Equalize 0.0 7,Equalize 0.8 8;Invert 0.6 4,Equalize 1.0 8;Color 0.6 4,Contrast 1.0 8;
Rotate 0.8 8,Color 1.0 2;Color 0.8 8,Solarize 0.8 7;Sharpness 0.4 7,Invert 0.6 8;
ShearX 0.6 5,Equalize 1.0 9;Color 0.4 0,Equalize 0.6 3;Equalize 0.4 7,Solarize 0.2 4;
Solarize 0.6 5,AutoContrast 0.6 5;Invert 0.6 4,Equalize 1.0 8;Color 0.6 4,Contrast 1.0 8;
Equalize 0.8 8,Equalize 0.6 3"""


INTRODUCTION = f"""One core, batches of {BATCH}, uint8 in and out, µs an image. Pillow's time includes making its picture from
an array and an array from its picture; “without arrays” does not, and a cause is given where that ratio is below its goal."""

POLICIES = """Whole policies, drawn anew for every image, against timm 1.0.31 image by image: its `original` for ImageNet, its
code with the rows for CIFAR-10 (torchvision needs PyTorch, which is not installed here). “First” is the first call; the
second policy of a size needs no compilation:"""


def rows_of(policy: str) -> list[list[tuple[str, float, int]]]:
    """The sub-policies of a published policy."""
    steps = [[step.split() for step in row.split(",")] for row in policy.replace("\n", "").split(";")]
    return [[(name, float(probability), int(level)) for name, probability, level in row] for row in steps]


def pictures(side: int) -> np.ndarray:
    """Smooth colours with noise, a different one for each of 16 images: what histograms and tables meet in photographs."""
    random = np.random.default_rng(0)
    small = [Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8)) for _ in range(16)]
    smooth = np.stack([np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)) for image in small])
    images = np.tile(smooth, (BATCH // 16, 1, 1, 1)).astype(np.int16)
    return (images + random.integers(-12, 13, images.shape, np.int16)).clip(0, 255).astype(np.uint8)


def seconds(*sides: Callable[[], object], prepare: Callable[[], None] = lambda: None) -> list[float]:
    """CPU seconds of each side, the median of several runs in turn; `prepare` comes before each turn."""
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(REPEATS):
        prepare()
        for times, side in zip(found, sides, strict=True):
            start = time.process_time()
            side()
            times.append(time.process_time() - start)
    return [statistics.median(times) for times in found]


def by_arrays(name: OperationName, images: np.ndarray, argument: float) -> None:
    """Pillow's operation on arrays, image by image."""
    for at, array in enumerate(images):
        image = Image.fromarray(array)
        if name in IN_PILLOW:
            image = changed(name, image, argument, FILL)
        elif name == "Cutout":
            image.paste(FILL, (9, 9, 9 + int(argument), 9 + int(argument)))
        else:
            image = Image.blend(image, Image.fromarray(images[at - 1]), argument)
        np.asarray(image)


def operation_row(name: OperationName, images: np.ndarray, theirs: int) -> list[object]:
    """Microseconds an image for one operation: ours on the whole batch, Pillow's on the first `theirs` images."""
    shape, size = images.shape[1:], chunk_size(images.shape[1:])
    argument = arguments(name, LEVEL, "paper", shape=shape[:2])[0]
    numbers = np.stack([operation_parameters(name, argument, shape=shape, fill=FILL)] * size)
    places = np.full((size, 2), 9, np.int32)

    def batch(images: jax.Array, numbers: jax.Array) -> jax.Array:
        def work(chunk: int, changed: jax.Array) -> jax.Array:
            block = lax.dynamic_slice(changed, (chunk * size, 0, 0, 0), (size, *shape))
            block = apply_operation(name, block, numbers, jnp.asarray(places), block[::-1])
            return lax.dynamic_update_slice(changed, block, (chunk * size, 0, 0, 0))

        return lax.fori_loop(0, BATCH // size, work, images)

    program, ready, ours = (
        jax.jit(batch, donate_argnums=0),
        [Image.fromarray(image) for image in images[:theirs]],
        [jnp.zeros(0)],
    )

    def prepare() -> None:  # the program writes its images over these, as in training, where they are gathered first
        ours[0] = jax.block_until_ready(jnp.array(images, copy=True))

    def run() -> None:
        ours[0] = jax.block_until_ready(program(ours[0], numbers))

    prepare()
    run()

    others = [partial(by_arrays, name, images[:theirs], argument)]
    if name in IN_PILLOW:
        others.append(lambda: [changed(name, image, argument, FILL) for image in ready])
    mine, other, *bare = seconds(run, *others, prepare=prepare)
    ratio, alone = (number / theirs / (mine / BATCH) for number in (other, *(bare or [other])))
    goal = GOALS.get(name) if shape[0] == 224 else None
    cause = CAUSES.get(name, "") if goal is not None and alone < goal else ""
    return [
        name, f"{1e6 * mine / BATCH:.1f}", f"{1e6 * other / theirs:.1f}", f"{ratio:.1f}", f"{alone:.1f}" if bare else "",
        "" if goal is None else f"{goal:g}", cause,
    ]  # fmt: skip


def peer(folder: str) -> ModuleType:
    """The module of timm with its policies, loaded by path."""
    spec = importlib.util.spec_from_file_location("timm_auto_augment", Path(folder) / "timm/data/auto_augment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def policy_row(title: str, text: str, module: ModuleType, images: np.ndarray, theirs: int, goal: float) -> list[object]:
    """Microseconds an image for a whole policy, drawn anew for every image."""
    side = images.shape[1]
    policy = SubPolicies(tuple(tuple(AppliedOperation(*step) for step in row) for row in rows_of(text)))  # type: ignore[arg-type]
    data = policy_table(Augmentation("none", policy=policy), (side, side, 3))
    program, ours = jax.jit(apply_policy), jnp.asarray(images)
    keys = iter(jax.random.split(jax.random.key(0), REPEATS + 1))
    start = time.process_time()
    jax.block_until_ready(program(ours, data, next(keys)))
    first = time.process_time() - start
    settings = {"translate_const": round(150 / 331 * side), "img_mean": FILL}
    renamed = {"TranslateX": "TranslateXRel", "TranslateY": "TranslateYRel", "Posterize": "PosterizeOriginal"}
    steps = [
        [module.AugmentOp(renamed.get(name, name), chance, level, settings) for name, chance, level in row]
        for row in rows_of(text)
    ]
    other = module.AutoAugment(module.auto_augment_policy_original(settings) if text is IMAGENET else steps)

    def image_by_image() -> None:
        for image in images[:theirs]:
            np.asarray(other(Image.fromarray(image)))

    mine, peers = seconds(lambda: jax.block_until_ready(program(ours, data, next(keys))), image_by_image)
    ratio = peers / theirs / (mine / BATCH)
    return [title, f"{1e6 * mine / BATCH:.1f}", f"{1e6 * peers / theirs:.1f}", f"{ratio:.1f}", f"{goal:g}", f"{first:.0f} s"]


def main(folder: str) -> None:
    """Measure all and write the section."""
    module, body = peer(folder), []
    policies = []
    for side, theirs in ((32, 512), (224, 64)):
        images = pictures(side)
        body.append(f"Operations at {side} x {side}, level {LEVEL} of mapping `paper`:")
        rows = [operation_row(name, images, theirs) for name in OPERATIONS]
        body.append(
            table(("operation", "µs", "Pillow, µs", "ratio", "ratio without arrays", "goal", "cause where below it"), rows)
        )
        for title, text in (("CIFAR-10", CIFAR10), ("ImageNet", IMAGENET)):
            policies.append(policy_row(f"{title}, {side} x {side}", text, module, images, theirs, 10 if side == 32 else 2.5))
    body.insert(0, INTRODUCTION)
    body.append(POLICIES)
    body.append(table(("policy", "µs", "timm, µs", "ratio", "goal", "first"), policies))
    record("Augmentation", "tests/benchmarks/augmentation.py", "\n\n".join(body), packages=("jax", "jaxlib", "numpy", "pillow"))


if __name__ == "__main__":
    if "PJRT_NPROC" not in os.environ:  # JAX reads it when it is imported
        environment = {**os.environ, "PJRT_NPROC": "1"}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment).returncode)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    main(sys.argv[1])
