"""Training images on the device: gathered, whitened and augmented, batch by batch.

batches            batches of training images, and of examples for evaluation
pipeline           what is done to a batch: whitening, baseline, policy and Cutout, in order
cutout             a square of each image set to one value
parameters         arguments of operations as integers
affine             shears, translations and rotations
enhancements       contrast, colour, brightness, sharpness, and the blend of two images
histograms         AutoContrast and Equalize
pixels             images as planes, as one number a pixel, and through tables
operations         all operations, by name
policy             a policy as a table, and its application to a batch
crops              random crops and flips, and the evaluation view that goes with them
colour_distortion  Inception's changes of colour
"""
