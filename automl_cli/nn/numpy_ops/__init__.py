"""The operations of networks on small maps by NumPy, with their gradients: nothing is traced or compiled.

A compiled program costs some 60 ms, whatever its size. On maps of a few thousand positions NumPy takes little longer than the
program, so a network of such maps is trained before XLA has compiled it.

    operation       the interface of an operation, and the zeros around a map
    convolution     the linear map of a convolution unit, in the form that takes the fewest multiply-adds
    fourier         convolution in the frequency domain
    patches         convolution as one product with the windows of the map
    normalisation   batch norm and ReLU
    max_pooling     the maximum over windows
    head            mean over a map, logits, cross-entropy

Arrays are as in `ops`: maps (height, width, batch, channels), kernels (height, width, input channels, filters), all float32.
The operations are those of `ops`, up to rounding, where all numbers are finite.
"""
