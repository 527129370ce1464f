"""Data sets as NumPy arrays, or as pictures that are decoded on demand.

catalogue        names: embedded sets, image sets of TFDS, aliases
published        facts of well-known data sets that are not on this machine
source           the interface of a data set
opening          finds the source that a data set reference names
digits           the embedded source
tfds             sets of TensorFlow Datasets as a source
folder           pictures on disk as a source
listing          the pictures of a folder or of a manifest, by split and class
manifest         tables that name pictures and their classes
survey           headers of all pictures, and which of them cannot be read
copies           copies of pictures among them
picture_notes    what was done to pictures to read them
account          what was read of a set, in words
npz              an `.npz` file as a source
decoding         pictures to arrays
resizing         images of one size: cropped, padded or squashed
splits           sizes of the training, validation and test split
groups           splits of examples that must stay together
split_indices    indices of their examples
contents         digests of prepared images, which tell whether two sets have some in common
cache            prepared arrays on disk: written once, memory-mapped by all
images           facts, training and validation arrays, the test split
streaming        the same for pictures of any size, decoded on demand
prefetch         work done by threads ahead of its use
crops            windows of pictures for training and evaluation
target           the data set that a network is meant for, here or not
available        the data sets that can be used on this machine
paths            paths as users write them
benchmark_table  tabular benchmarks
"""

from automl_cli.data.images import (
    ImageData,
    ImageSplit,
    class_counts,
    image_facts,
    load_all,
    load_images,
    load_test_split,
    whole_facts,
)
from automl_cli.data.streaming import (
    StreamedData,
    StreamedSplit,
    check_source,
    has_pictures,
    load_streamed,
    load_streamed_all,
    load_streamed_test,
)

__all__ = [
    "ImageData",
    "ImageSplit",
    "StreamedData",
    "StreamedSplit",
    "check_source",
    "class_counts",
    "has_pictures",
    "image_facts",
    "load_all",
    "load_images",
    "load_streamed",
    "load_streamed_all",
    "load_streamed_test",
    "load_test_split",
    "whole_facts",
]
