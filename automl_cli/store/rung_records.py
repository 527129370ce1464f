"""Records of a journal about trials that are trained in steps, each longer than the one before (`--early-stop`).

    at-rung   what a trial scored by a training that is not the longest; written on arrival
    promoted  it is trained again, for longer; written before that training starts

A trial that ends there has a `told` record behind its last `at-rung` record, with the same outcome.
"""

from msgspec import Struct

from automl_cli.core.trials import Outcome


class AtRung(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record", tag="at-rung"):
    """A training of so many epochs ended, `elapsed` seconds into the session, and longer ones may follow."""

    trial: int
    epochs: int
    outcome: Outcome
    elapsed: float


class Promoted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record", tag="promoted"):
    """A trial is trained for so many epochs, more than before, on the seed that its genotype has at that fidelity."""

    trial: int
    epochs: int
    seed: int
