"""Where evaluators run: plain tasks in, plain outcomes out. Nothing here knows what is evaluated or why.

modules:
    attempts    one task in, one outcome out, whatever the evaluator raises
    serial      in this process, one task after the other: the reference
    local       worker processes of this machine
    workers     a worker process as its parent sees it
    worker      the worker's side: the program it runs
    messages    what parent and worker say to each other, as lines of JSON
"""
