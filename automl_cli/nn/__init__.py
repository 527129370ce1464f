"""JAX and Flax code: arrays in, arrays out. This room knows no data sets, recipes, trials or files.

compilation        compiler options, and the compiled programs that a process keeps
program_cache      compiled programs on disk
ops                convolution, pooling, batch norm: one function each, its form chosen by backend and shape
numpy_ops          the same by NumPy, which compiles nothing
networks           a `values.network.Network` as Flax modules, parameters drawn with NumPy
calibration        measures this machine for the choice between forms of convolution
conversion         a function in operations that other formats know
interpret  expressions as programs: activation functions and update rules
augment            training images on the device: gathered, whitened and augmented, batch by batch
streaming          batches of pictures that are decoded on demand
losses             loss functions
metrics            scores of a split, as folds over batches
engines            a network as a training step and a prediction: compiled programs, or calls of NumPy
fit                the training loop, for searching and for `automl train`
evaluation         the outputs of a network for a whole split, batch by batch
analytic_problems  functions that update rules minimise without data
self_test          one small program, compiled and compared with NumPy
"""

import jax

# On a CPU, run a program where it is called: several calls under way on the few threads of XLA's pool have waited for each
# other for ever (an evaluation of 10,000 images on two cores), and a short program is not worth the hand-over.
jax.config.update("jax_cpu_enable_async_dispatch", False)
