"""A value made trainable: model, update rule, augmentation and task. Searching and `automl train` share all of it.

recipes     the update rule and the learning-rate schedule of a recipe
inputs      the data of a recipe, prepared or streamed, on the device
scores      the metrics of a classification task
images      `ImageTrainer`: image data, and any network trained on it
prediction  a trained network at work: its weights, and what it makes of images
"""
