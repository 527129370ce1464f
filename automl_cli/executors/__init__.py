"""Run evaluators: plain tasks in, plain outcomes out. Nothing here knows what is evaluated or why.

outcomes        one outcome for every task, whatever the evaluator raises
serial          in this process, one task after the other: the reference
local           worker processes of this machine
worker_process  a worker process as its parent sees it
worker_main     the program that a worker process runs
memory_watch    ends workers that take more memory than they may
messages        what parent and worker tell each other, as lines of JSON
"""
