"""What children are trained on and how they are scored. One file a problem: facts, batches, loss, the metric as a fold.

`plugins.listing` finds them; a problem of another package comes by an entry point in the group `automl_cli.problems`. What each
promises: `core.protocols.Problem`. No file here imports JAX before its data are opened.

    images   classification of images
"""
