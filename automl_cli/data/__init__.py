"""Data sets as NumPy arrays, or as pictures decoded on the way.

catalogue   names: embedded sets, image sets of TFDS, aliases
source      what a data set looks like to the rest; opening: finds the one that a reference names
digits, tfds, folder, archive   the four kinds of source
pictures    pictures to arrays
splits      how many train, validate, test; rows: which of a source
cache       prepared arrays on disk, written once, memory-mapped by all
images      facts, training and validation arrays, the test split
streams     the same for pictures of any size, decoded as they are needed; ahead: by threads; crops: which part of each
listing     what can be used here, for people who look around
places      paths as users write them
tables      tabular benchmarks
"""

from automl_cli.data.images import ImageData, ImageSplit, image_facts, load_images, load_test_split
from automl_cli.data.streams import StreamedData, StreamedSplit, check_source, has_pictures, load_streamed, load_streamed_test

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
