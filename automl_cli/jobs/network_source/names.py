"""Names of blocks as names of Python."""

import re
from collections.abc import Container
from keyword import iskeyword

_WORDS = """
self rngs x previous channels filters kernel stride dilation window step image classifier forward train eval modules children
parameters type to half float double apply compile perturb sow iter set_attributes iter_modules iter_children features torch nn
nnx jax jnp add_module buffers cpu cuda share_memory state_dict training call_super_init dump_patches bfloat16 concatenate
preprocess load name math json cache activation extra_repr
"""
RESERVED = frozenset(_WORDS.split())
"""Names that mean something else in a module of PyTorch or Flax, or in the file."""


def attribute_name(name: str) -> str:
    """Return a name as that of an attribute and a variable.

    >>> attribute_name("h2.left"), attribute_name("stem-reduction1.output"), attribute_name("1"), attribute_name("eval")
    ('h2_left', 'stem_reduction1_output', 'layer1', 'eval_')
    """
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "layer"
    found = f"layer{found}" if found[0].isdigit() else found
    return f"{found}_" if iskeyword(found) or found in RESERVED else found


def class_name_of(group: str, *, adds: bool) -> str:
    """Return the name of the class for a group of nodes by its name; `adds` says that its last node adds its inputs.

    >>> class_name_of("normal12", adds=False), class_name_of("stage2.block1", adds=True)
    ('NormalCell', 'ResidualBlock')
    """
    base = re.sub(r"\d+$", "", group.rpartition(".")[2])
    known = {"normal": "NormalCell", "reduction": "ReductionCell", "stem-reduction": "ReductionCell", "layer": "DenseBlock"}
    if base == "block" and adds:
        return "ResidualBlock"
    title = "".join(part.title() for part in re.split(r"[\W_]+", base, flags=re.ASCII))
    title = f"Block{title}" if not title or title[0].isdigit() else title
    return known.get(base, title)


def unique(name: str, taken: Container[str]) -> str:
    """Return the name, with a number behind it where it is taken.

    >>> unique("Cell", {"Cell", "Cell2"})
    'Cell3'
    """
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    return found
