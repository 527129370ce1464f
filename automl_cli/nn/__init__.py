"""JAX and Flax: arrays in, arrays out. Nothing here knows of data sets, recipes, trials or files.

compilation  the options with which programs are compiled
ops          convolution, pooling, batch norm: one function each, its form chosen by backend and shape
networks     a `core.networks.Network` as Flax modules, parameters drawn with NumPy
augment      one batch: gather, whiten, upsample, crop, flip, as one compiled program shared by all children
engines      a network as compiled programs: a training step and a prediction
fit          the training loop, for searching and for `automl train`
controller   the recurrent policy of the search strategies
"""
