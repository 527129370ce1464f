"""The machine and the process.

machine  versions, CPU, cores, git state
process  one thread, a heap of its own, a compilation cache, an end with its parent
speed    how fast this machine computes
"""
