"""JAX and Flax: arrays in, arrays out. Nothing here knows of data sets, recipes, trials or files.

compilation  the options with which programs are compiled, and how many of them a process keeps
archive      compiled programs on disk
ops          convolution, pooling, batch norm: one function each, its form chosen by backend and shape
networks     a `values.network.Network` as Flax modules, parameters drawn with NumPy
augment      one batch: gather, whiten, upsample, crop, flip, as one compiled program shared by all children
streaming    batches of pictures that are decoded as they are needed
colours      Inception's changes of colour
losses       what a training makes small
engines      a network as compiled programs: a training step and a prediction
fit          the training loop, for searching and for `automl train`
controller   the recurrent policy of the search strategies
"""

import jax

# On a CPU, run a program where it is called: several calls under way on the few threads of XLA's pool have waited for each
# other for ever (an evaluation of 10,000 images on two cores), and a short program is not worth the hand-over.
jax.config.update("jax_cpu_enable_async_dispatch", False)
