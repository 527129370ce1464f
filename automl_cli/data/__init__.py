"""Data sets as NumPy arrays, or as pictures decoded while they are needed.

catalogue        names: embedded sets, image sets of TFDS, aliases
published        facts of well-known data sets that are not on this machine
source           what every data set looks like to the rest
opening          finds the source that a data set reference names
digits           the embedded source
tfds             sets of TensorFlow Datasets as a source
folder           a folder of class folders as a source
npz              an `.npz` file as a source
decoding         pictures to arrays
splits           how many examples train, validate and test
split_indices    which examples of a source those are
cache            prepared arrays on disk: written once, memory-mapped by all
images           facts, training and validation arrays, the test split
streaming        the same for pictures of any size, decoded as they are needed
prefetch         work done by threads ahead of its use
crops            which part of a picture a network is shown
target           the data set that a winner is meant for, here or not
available        the data sets that can be used on this machine
paths            paths as users write them
benchmark_table  tabular benchmarks
"""

from automl_cli.data.images import ImageData, ImageSplit, image_facts, load_images, load_test_split
from automl_cli.data.streaming import StreamedData, StreamedSplit, check_source, has_pictures, load_streamed, load_streamed_test

__all__ = [
    "ImageData",
    "ImageSplit",
    "StreamedData",
    "StreamedSplit",
    "check_source",
    "has_pictures",
    "image_facts",
    "load_images",
    "load_streamed",
    "load_streamed_test",
    "load_test_split",
]
