"""Roles become something trainable. Searching and `automl train` share all of it.

Roles, one file each; a kind names the function that builds what its values stand for:

    network        value, facts, seed -> a Flax module
    activation     value -> the function between linear maps
    optimizer      value, recipe -> the update rule
    augmentation   value -> what is done to training images, and how they are looked at outside training

and what they are put together by:

    schedule     the learning-rate schedule of a recipe, and what it drops
    learning     what a problem brings: batches, loss, metric; the test split
    trainer      `Trainer`: a child trained on its problem
    prediction   a trained child at work: its weights, and what it makes of examples
    cost         how long a training takes
"""
