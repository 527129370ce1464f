"""Problems: data and scores of children. Each is one file: facts, batches, loss, and the metric as a fold; its flags may
stand in another, `…_flags`, and what it learns from in a third, `…_learning`.

`plugins.listing` finds them; another package adds a problem by an entry point in the group `automl_cli.problems`. Their
interface is `core.problem.Problem`. No file here imports JAX before its data are opened.

    images          classification of images
    image_flags     flags of image data sets
    image_learning  images as children learn from them
"""
