"""The operations of convolutional networks by NumPy, with their gradients: nothing is traced or compiled.

A compiled program costs some 60 ms, whatever its size. On maps of a few thousand positions NumPy takes little longer than the
program, so a network of such maps is trained before XLA has compiled it. Convolutions it computes faster than programs on maps
of any size, on one thread: with two to five times fewer multiplications, a part of the map at a time that stays in the cache.

    operation       the interface of an operation, the zeros around a map, and arrays for programs
    convolution     the linear map of a convolution unit, in the form that costs the least
    fourier         a form in the frequency domain, a tile of the map at a time
    fourier_1d      the same along one axis
    frequencies     the analyses of both, and the factors of their products
    taps            forms without transforms: a product for each tap of the kernel, or one with the windows of an image
    scratch         arrays between the steps of a form
    normalisation   batch norm and ReLU
    max_pooling     the maximum over windows
    head            mean over a map, logits, cross-entropy

Arrays are as in `ops`: maps (height, width, batch, channels), kernels (height, width, input channels, filters), all float32.
The operations are those of `ops`, up to rounding, where all numbers are finite.
"""
