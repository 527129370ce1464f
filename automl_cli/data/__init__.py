"""Data sets as NumPy arrays, or as pictures that are decoded on demand.

catalogue        names: embedded sets, image sets of TFDS, aliases
published        facts of well-known data sets that are not on this machine
source           the interface of a data set
opening          finds the source that a data set reference names
digits           the embedded source
tfds             sets of TensorFlow Datasets as a source
tfrecord         records of TFRecord files
crc32c           their checksums
folder           pictures on disk as a source
listing          the pictures of a folder or of a manifest, by split and class
manifest         tables that name pictures and their classes
survey           headers of all pictures, and which of them cannot be read
copies           copies of pictures among them
picture_notes    what was done to pictures to read them
account          what was read of a set, in words
arrays           an `.npz` file or `.npy` files as a source
array_files      arrays by name in such files
array_names      which array holds images or labels, and of which part
array_axes       whether the channels of arrays stand first or last
array_labels     labels in arrays: numbers, text, one-hot rows
array_scans      extreme numbers and copies in arrays
pixel_range      the numbers that are black and white, and their bytes
parquet          Parquet files of encoded pictures as a source
parquet_files    their parts, columns and classes
small_classes    classes with too few examples for every split
image_size       the size of prepared pictures where none is given
decoding         pictures to arrays
resizing         images of one size: cropped, padded or squashed
splits           sizes of the training, validation and test split
groups           splits of examples that must stay together
split_indices    indices of their examples
identity         the content of stored files, by which a set is known again wherever it lies
contents         digests of prepared images, which tell whether two sets have some in common
cache            prepared arrays on disk: written once, memory-mapped by all
images           facts, training and validation arrays, the test split
examples         a few images, to look at
streaming        the same for pictures of any size, decoded on demand
prefetch         work done by threads ahead of its use
crops            windows of pictures for training and evaluation
pillow_policy    augmentation policies on single pictures, and the text that is exported
moved_shapes     where boxes and polygons lie after the steps of a policy
overview         what a data set is and how it would be read
alike            pictures with the same pixels
mirror           whether mirrored pictures look like another class
advice           advice that follows from the facts of a set
contact_sheet    some pictures of every class as one picture
target           the data set that a network is meant for, here or not
available        the data sets that can be used on this machine
paths            paths as users write them
benchmark_table  tabular benchmarks
"""

from automl_cli.data.images import (
    ImageData,
    ImageSplit,
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
