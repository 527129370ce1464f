"""The machine and the process.

control_groups  what Linux's control groups allow this process, and count of it
cpu_family      which CPUs take about the same time
granted         cores and memory as the container or the scheduler grants them
jax_settings    settings of JAX that a user has for other programs
linear_algebra  the threads of NumPy's products
locks           locks of files, also where the file system has none
machine         versions, CPU, cores, git state
process         one thread, a heap of its own, a compilation cache, an end with its parent
speed           how fast this machine computes
tuning          the switch that leaves processes as they are
warden          ends groups of processes with this one
"""
