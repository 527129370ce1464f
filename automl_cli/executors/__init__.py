"""Run evaluators: plain tasks in, plain outcomes out. Nothing here knows what is evaluated or why.

outcomes        one outcome for every task, whatever the evaluator raises
serial          in this process, one task after the other: the reference
local           worker processes of this machine
setting_up      the evaluator is built, with the timing table of the study
worker_process  a worker process as its parent sees it
worker_main     the program that a worker process runs
memory_watch    ends workers that take more memory than they may
messages        what parent and worker tell each other, as lines of JSON
ray_executor    workers on a Ray cluster, each an actor
ray_worker      a worker of the cluster as its driver sees it
ray_node        the actor: what runs on a node of the cluster
ray_cluster     a cluster is started or joined, and asked what it grants
sent_files      the user's own files, sent to nodes as text
"""
