"""Propose genotypes and learn from rewards. Strategies know nothing of studies, of evaluators or of one another.

    random_search  uniform proposals: what the others must beat
    evolution      mutates the best of a sample, aging or not
    reinforce      a controller and the policy gradient
    ppo            a controller and proximal policy optimization
    local_search   climbs one decision at a time, and starts again at every optimum
    surrogate      tries what a model of the scores likes best
    exhaustive     every genotype of a small space once
    replicates     measures again what looks best, between the proposals of another strategy
    starting       starts of local_search and surrogate, and what they have in flight
    gaussian_process  the model of the surrogate
    controller     the recurrent policy of reinforce and ppo, computed with NumPy
    policy_search  what reinforce and ppo share: minibatches from one policy, the rule from the budget
    baselines      stand-ins for missing rewards, baselines, ranks, a queue of the best

An installed package adds one of its own by an entry point: see `plugins.registry`, and `core.protocols` for what it must have.
"""
