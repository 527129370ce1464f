"""Training images on the device: gathered, whitened and augmented, batch by batch.

batches            batches of training images, and of examples for evaluation
crops              random crops and flips, and the evaluation view that goes with them
colour_distortion  Inception's changes of colour
"""
