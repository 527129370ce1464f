"""Pictures of stripes, whose classes are the directions: phase, period and colours are drawn, so that a convolution learns them
and a linear model cannot."""

from pathlib import Path

import numpy as np

CLASSES = ("across", "down", "slant", "checks")


def grating(random: np.random.Generator, kind: int, height: int, width: int, *, noise: float) -> np.ndarray:
    """Return a picture of class `kind`, (height, width, 3) uint8."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    period, phase = random.uniform(4, 6) * max(height, width) / 16, random.uniform(0, 2 * np.pi)

    def turns(along: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * along / period + phase)

    wave = (1 + (turns(y), turns(x), turns((x + y) / 1.4), turns(y) * turns(x))[kind]) / 2
    low, high = random.integers(0, 110, 3), random.integers(130, 256, 3)
    picture = low + (high - low) * wave[..., None] + random.normal(0, noise, (height, width, 3))
    return picture.clip(0, 255).astype(np.uint8)


def archive(path: Path, count: int, *, side: int, noise: float, seed: int = 0) -> Path:
    """Write so many square pictures as an archive without parts, and return its path."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    np.savez(path, images=np.stack([grating(random, int(label), side, side, noise=noise) for label in labels]), labels=labels)
    return path


def photographs(folder: Path, *, of_each: int = 60, seed: int = 240) -> Path:
    """Write JPEG pictures of 48 to 160 pixels in a folder for each class, and return the folder."""
    from PIL import Image

    random = np.random.default_rng(seed)
    for kind, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(of_each):
            height, width = (int(side) for side in random.integers(48, 160, 2))
            image = Image.fromarray(grating(random, kind, height, width, noise=30.0))
            image.save(folder / name / f"IMG_{number:04}.jpg", quality=int(random.integers(60, 95)))
    return folder
