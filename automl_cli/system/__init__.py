"""The machine and the process.

control_groups  what Linux's control groups allow this process, and count of it
granted         cores and memory as the container or the scheduler grants them
machine         versions, CPU, cores, git state
process         one thread, a heap of its own, a compilation cache, an end with its parent
speed           how fast this machine computes
warden          ends groups of processes with this one
"""
