"""Cells whose edges carry operations, as tabular benchmarks like NAS-Bench-201 have them."""

from msgspec import Struct

from automl_cli.core.errors import SpaceError


class Edge(Struct, frozen=True, forbid_unknown_fields=True):
    """An operation on the way from node `source` to node `target`."""

    source: int
    target: int
    operation: str


class EdgeCell(Struct, frozen=True, forbid_unknown_fields=True, tag="edge-cell"):
    """A directed acyclic graph; node 0 is the input, and every other node sums what its incoming edges deliver.

    Raises SpaceError at construction when an edge does not point from a lower to a higher node.
    """

    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        for edge in self.edges:
            if not 0 <= edge.source < edge.target:
                raise SpaceError(f"edge {edge.source} -> {edge.target} of the cell must point from a lower to a higher node")

    @property
    def text(self) -> str:
        """The cell as NAS-Bench-201 writes it (arXiv 2001.00326, section 2.1): `|op~source|+|op~source|op~source|+…`.

        >>> EdgeCell((Edge(0, 1, "none"), Edge(0, 2, "skip_connect"), Edge(1, 2, "avg_pool_3x3"))).text
        '|none~0|+|skip_connect~0|avg_pool_3x3~1|'
        """
        nodes = sorted({edge.target for edge in self.edges})
        return "+".join("|" + "".join(f"{e.operation}~{e.source}|" for e in self.edges if e.target == node) for node in nodes)
