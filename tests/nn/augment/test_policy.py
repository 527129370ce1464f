"""A policy on a batch: what is drawn follows its laws, every image gets what was drawn for it, and policies share a program."""

from functools import cache

import jax
import numpy as np
import pytest

from automl_cli.core.errors import UserError
from automl_cli.nn.augment.operations import apply_operation
from automl_cli.nn.augment.policy import NAMES, apply_policy, chunk_size, drawn, policy_table
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import AppliedOperation, Policy, RandomOperations, SubPolicies

SHAPE = (8, 6, 3)
BATCH = 19
"""Not a multiple of the images of a chunk."""


def table_of(*sub_policies: tuple[tuple[str, float, float], ...], shape=SHAPE):
    """A table of sub-policies in mapping `paper`."""
    return table(SubPolicies(tuple(tuple(AppliedOperation(*step) for step in steps) for steps in sub_policies)), shape)


def table(policy: Policy, shape=SHAPE):
    """The table of a policy in mapping `paper`."""
    return policy_table(Augmentation("none", policy=policy), shape)


def pictures(batch: int = BATCH, seed: int = 0) -> np.ndarray:
    """Random images."""
    return np.random.default_rng(seed).integers(0, 256, (batch, *SHAPE), np.uint8)


ALL = table_of(*(((name, 0.8, 6.0), (other, 0.7, 3.0)) for name, other in zip(NAMES, NAMES[::-1], strict=True)))
"""A table in which every operation occurs at both steps."""

program = jax.jit(apply_policy)
"""One program for all tests: it has all operations, so it takes longer to compile than to use."""

draw = jax.jit(drawn, static_argnames=("batch", "shape"))
MANY = 20_000


def many(policy, seed: int):
    """What is drawn for many images, step by step."""
    return draw(policy, jax.random.key(seed), batch=MANY, shape=SHAPE[:2])


def test_every_image_gets_the_operations_that_are_drawn_for_it_in_their_order_and_no_others():
    images, key = pictures(), jax.random.key(0)
    expected = images
    for draws in draw(ALL, key, batch=BATCH, shape=SHAPE[:2]):
        assert len(np.unique(draws.operations)) > 6
        for number, name in enumerate(NAMES):
            own = np.asarray(draws.operations)[:, None, None, None] == number
            if own.any():
                changed = alone(name)(expected, draws.parameters, draws.places, images[draws.partners])
                expected = np.where(own, changed, expected)
    np.testing.assert_array_equal(program(images, ALL, key), expected)


@cache
def alone(name):
    """The compiled program of one operation."""
    return jax.jit(lambda *given: apply_operation(name, *given))


def test_an_image_does_not_depend_on_other_images():
    images, others = pictures(), pictures(seed=4)
    others[7] = images[7]
    policy = table_of((("Equalize", 1.0, 0.0), ("Rotate", 1.0, 5.0)), (("Contrast", 1.0, 8.0), ("ShearX", 1.0, 4.0)))
    for seed in range(5):
        key = jax.random.key(seed)
        np.testing.assert_array_equal(program(others, policy, key)[7], program(images, policy, key)[7])


def test_the_same_key_gives_the_same_images_and_another_key_others():
    images = pictures()
    first, again, other = (np.asarray(program(images, ALL, jax.random.key(seed))) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_probability_0_never_fires_and_1_always_does():
    images = pictures()
    changed = program(images, table_of((("Invert", 1.0, 0.0), ("Solarize", 0.0, 9.0))), jax.random.key(0))
    np.testing.assert_array_equal(changed, 255 - images)
    for probability in (0.0, 1.0):
        draws = many(table_of((("Invert", probability, 0.0),)), 1)
        assert (draws[0].operations == NAMES.index("Invert")).sum() == probability * MANY


def test_a_probability_signs_and_rows_are_drawn_as_often_as_they_should_be():
    """Shares of 20,000 draws within 5 standard deviations: a false failure in one of a million runs or fewer."""
    count = MANY
    names = ["Rotate", "Invert", "Equalize", "AutoContrast", "Solarize"]
    draws = many(table_of(*(((name, 1.0, 5.0), ("Color", 0.3, 1.0)) for name in names)), 2)
    for name in names:
        assert abs((draws[0].operations == NAMES.index(name)).mean() - 0.2) < 5 * np.sqrt(0.2 * 0.8 / count)
    assert abs((draws[1].operations == NAMES.index("Color")).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / count)
    turned = np.asarray(draws[0].parameters)[np.asarray(draws[0].operations) == NAMES.index("Rotate")]
    assert len(np.unique(turned, axis=0)) == 2
    assert abs((turned[:, 1] > 0).mean() - 0.5) < 5 * np.sqrt(0.25 / len(turned))
    for axis, side in ((0, 8), (1, 6)):
        shares = np.bincount(np.asarray(draws[0].places[:, axis]), minlength=side) / count
        assert len(shares) == side
        assert np.abs(shares - 1 / side).max() < 5 * np.sqrt(1 / side / count)


def test_policies_of_5_and_25_rows_in_any_order_share_one_program():
    row, images = (("Invert", 0.5, 1.0), ("Rotate", 0.5, 9.0)), pictures()
    for rows in ((row,) * 5, (row,) * 25, ((("ShearX", 1.0, 2.5),),), (row[::-1], row)):
        program(images, table_of(*rows), jax.random.key(0))
    program(images, table(RandomOperations(("Rotate", "Invert"), (0.0, 9.0), 2)), jax.random.key(0))
    assert program._cache_size() == 1


def test_operations_drawn_at_random_are_drawn_anew_at_each_step():
    policy = RandomOperations(("Rotate", "Invert", "Identity"), (1.0, 9.0), 3)
    draws = many(table(policy), 0)
    one, two, three = (np.asarray(at.operations) for at in draws)
    for first, second in ((one, two), (two, three)):
        assert abs((first == second).mean() - 1 / 3) < 5 * np.sqrt(2 / 9 / MANY)


def test_one_operation_drawn_at_random_is_followed_by_none():
    draws = many(table(RandomOperations(("Rotate",), (1.0,), 1)), 0)
    assert [set(np.asarray(at.operations).tolist()) for at in draws] == [{NAMES.index("Rotate")}, {NAMES.index("Identity")}]


def test_steps_of_one_sub_policy_belong_together():
    pairs = table_of((("Rotate", 1.0, 1.0), ("Invert", 1.0, 1.0)), (("Solarize", 1.0, 1.0), ("Color", 1.0, 1.0)))
    one, two = (np.asarray(at.operations) for at in many(pairs, 0))
    assert {(NAMES[first], NAMES[second]) for first, second in zip(one, two, strict=True)} == {
        ("Rotate", "Invert"),
        ("Solarize", "Color"),
    }


def test_a_partner_is_another_image_where_there_is_one():
    pairing = table_of((("SamplePairing", 1.0, 9.0),))
    (draws, _) = many(pairing, 0)
    assert (np.asarray(draws.partners) != np.arange(MANY)).all()
    assert len(np.unique(draws.partners)) > MANY / 2
    assert drawn(pairing, jax.random.key(0), batch=1, shape=SHAPE[:2])[0].partners.tolist() == [0]


def test_chunks_hold_fewer_images_the_larger_these_are():
    sizes = [chunk_size((side, side, 3)) for side in (8, 32, 64, 224)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_an_augmentation_without_a_policy_is_refused():
    with pytest.raises(UserError, match="has no policy"):
        policy_table(Augmentation("none"), SHAPE)
