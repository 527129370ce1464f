"""What stands in the roles of a child that a file holds."""

import msgspec
import pytest

from automl_cli.core.errors import ArtifactError
from automl_cli.plugins.roles import by_names, check_roles
from automl_cli.values.child import Child, Filling
from tests.study.worlds import digits_child


def changed(role: str, filling: Filling | None) -> Child:
    """The child of a search of networks with this in a role; None: with nothing there."""
    child = digits_child()
    others = {name: one for name, one in child.roles.items() if name != role}
    return msgspec.structs.replace(child, roles=others if filling is None else {**others, role: filling})


def test_a_search_leaves_one_role_open_and_a_training_none() -> None:
    check_roles(digits_child(), "here", may_be_open=True)
    with pytest.raises(ArtifactError, match=r"here\.roles: nothing stands in the role 'network'"):
        check_roles(digits_child(), "here", may_be_open=False)


@pytest.mark.parametrize(
    ("role", "filling", "text"),
    [
        ("optimizer", None, r"here\.roles: nothing stands in the role 'optimizer'; it was changed by hand"),
        (
            "activation",
            Filling(kind="activation", value={"name": "foo"}),
            r"here\.roles\.activation\.value: name: unknown field",
        ),
        (
            "optimizer",
            Filling(kind="optimizer-rule", value={"type": "rule", "expression": "trace(g, momentum)", "momentum": 1.5}),
            "momentum is 1.5; it must be",
        ),
        (
            "optimizer",
            by_names({"activation": "relu"})["activation"],
            "'activation' fills the role 'activation', not 'optimizer'",
        ),
        ("optimizer", Filling(kind="optimiser", value={}), r"here\.roles\.optimizer\.kind: unknown kind .*'optimiser'"),
    ],
)
def test_what_cannot_stand_in_a_role_is_refused_with_its_place(role: str, filling: Filling | None, text: str) -> None:
    with pytest.raises(ArtifactError, match=text):
        check_roles(changed(role, filling), "here", may_be_open=True)
