"""Children: roles become something trainable, for searching and for `automl train` alike.

Roles have one file each; a kind names the function that builds its values:

    network        value, facts, seed -> a Flax module
    activation     value -> the function between linear maps
    optimizer      value, recipe -> the update rule
    augmentation   value -> the transformation of training images, and the evaluation view

The remaining files put the roles together:

    schedule     the learning-rate schedule of a recipe, and its drop settings
    learning     the interface of a problem: batches, loss, metric; the test split
    trainer      `Trainer`: trains a child on its problem
    density      scores of policies by trained networks on augmented examples
    prediction   `Predictor`: a trained child with its weights
    library      values outside of children, for programs of one's own
    cost         the duration of a training
"""
