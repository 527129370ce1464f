"""The error for a name that no table holds reads well whatever the table and the hint are."""

import pytest

from automl_cli.core.errors import unknown_name


@pytest.mark.parametrize("known", [(), ("cnn",), ("cnn", "nasnet")])
@pytest.mark.parametrize("hint", ["", "A file ends in .py", "A file ends in .py."])
def test_no_part_of_it_is_empty_or_ends_twice(known, hint):
    text = str(unknown_name("space", "cn", known, hint=hint))
    assert text.startswith("unknown space 'cn'. ")
    assert ".." not in text
    assert "Known: ." not in text
    assert "None is known" not in text
    assert not text.endswith((".", ": ", " "))
    assert ("Known: " in text) == bool(known)
    assert ("There is none" in text) == (not known and not hint)
