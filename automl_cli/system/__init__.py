"""The machine and the process: cores, GPUs, threads, heap, versions."""
