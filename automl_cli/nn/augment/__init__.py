"""Training images on the device: gathered, whitened and augmented, batch by batch.

batches            batches of training images, and of examples for evaluation
pipeline           what is done to a batch: whitening, baseline, policy and Cutout, in order
cutout             a square of each image set to one value
crops              random crops and flips, and the evaluation view that goes with them
colour_distortion  Inception's changes of colour
"""
