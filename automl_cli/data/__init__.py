"""Data sets as NumPy arrays.

catalogue   names: embedded sets, image sets of TFDS, aliases
sources     what a data set looks like to the rest; finds the one that a reference names
digits, tfds, folder, archive   the four kinds of source
pictures    pictures to arrays
splits      who trains, who validates, who tests
cache       prepared arrays on disk, written once, memory-mapped by all
images      facts, training and validation arrays, the test split
listing     what can be used here, for people who look around
tables      tabular benchmarks
"""

from automl_cli.data.images import ImageData, ImageSplit, image_facts, load_images, load_test_split

__all__ = ["ImageData", "ImageSplit", "image_facts", "load_images", "load_test_split"]
