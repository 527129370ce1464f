"""The value of a cell space: a normal and a reduction cell, their operations, and ScheduledDropPath (NASNet, arXiv 1707.07012).

A cell computes states. h0 is the output of the previous cell (the current input) and h1 the output of the one before; each
combination applies one operation to one earlier state, another to another, and joins the two into the next state. The output
concatenates some of the states. In a reduction cell the operations that read h0 or h1 have stride 2.

`CELL_OPERATIONS` says what each operation is made of. Every convolution runs activation, convolution, batch norm; a chosen
separable convolution is applied twice, only the first time with the stride.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from automl_cli.core.errors import SpaceError, unknown_name
from automl_cli.values.network import Join
from automl_cli.values.operations import AveragePool, ConvolutionUnit, MaxPool, Operation, SeparableUnit

INPUT_STATES = 2
"""h0 and h1 are the inputs of a cell."""


class Branch(Struct, frozen=True, forbid_unknown_fields=True):
    """An operation applied to state `h<state>`."""

    state: int
    operation: str


class Combination(Struct, frozen=True, forbid_unknown_fields=True):
    """Two branches, added or concatenated; a concatenation is projected back to the cell's filters."""

    left: Branch
    right: Branch
    join: Join = "add"

    def __str__(self) -> str:
        """Return `sep-5x5(h0) + sep-3x3(h1)`, or `[sep-5x5(h0), sep-3x3(h1)]` for a concatenation."""
        left, right = (f"{branch.operation}(h{branch.state})" for branch in (self.left, self.right))
        return f"{left} + {right}" if self.join == "add" else f"[{left}, {right}]"


class Cell(Struct, frozen=True, forbid_unknown_fields=True):
    """Combinations in the order in which they create h2, h3, …, and the states that the output concatenates.

    Raises SpaceError at construction when a combination reads a state that does not exist yet, an output names none, or a state
    is created for nothing.
    """

    combinations: tuple[Combination, ...]
    outputs: tuple[int, ...]

    def __post_init__(self) -> None:
        for state, combination in enumerate(self.combinations, start=INPUT_STATES):
            for branch in (combination.left, combination.right):
                if branch.operation not in CELL_OPERATIONS:
                    raise unknown_name("operation of a cell", branch.operation, CELL_OPERATIONS)
                if not 0 <= branch.state < state:
                    raise SpaceError(f"h{state} of the cell reads h{branch.state}; it may read h0 to h{state - 1}")
        states = INPUT_STATES + len(self.combinations)
        if not self.combinations or not self.outputs:
            raise SpaceError("a cell needs at least one combination and one output")
        if list(self.outputs) != sorted(set(self.outputs)) or not 0 <= self.outputs[0] <= self.outputs[-1] < states:
            raise SpaceError(f"the outputs {self.outputs} of the cell must rise and lie between 0 and {states - 1}")
        if idle := set(range(INPUT_STATES, states)) - self.needed:
            raise SpaceError(f"h{min(idle)} of the cell is neither read nor put out")

    @property
    def needed(self) -> frozenset[int]:
        """The states that a combination reads or the output concatenates."""
        return frozenset(range(INPUT_STATES + len(self.combinations))).difference(unused_states(self.combinations)) | {
            *self.outputs
        }

    def equations(self) -> tuple[str, ...]:
        """Return the cell in words, one line per state and one for the output."""
        states = [f"h{state} = {combination}" for state, combination in enumerate(self.combinations, start=INPUT_STATES)]
        return (*states, f"output = {', '.join(f'h{state}' for state in self.outputs)}")


class CellPair(Struct, frozen=True, forbid_unknown_fields=True, tag="cell-pair"):
    """A normal and a reduction cell. `bottleneck` says how their full convolutions are made (see `CELL_OPERATIONS`)."""

    normal: Cell
    reduction: Cell
    bottleneck: bool = True

    def equations(self) -> tuple[str, ...]:
        """Return both cells in words, each line with the name of its cell in front."""
        lines = {"normal": self.normal.equations(), "reduction": self.reduction.equations()}
        return tuple(f"{name} {line}" for name, equations in lines.items() for line in equations)


def unused_states(combinations: tuple[Combination, ...]) -> tuple[int, ...]:
    """Return the states that no combination reads; the output of a searched cell concatenates them (section 3)."""
    used = {branch.state for combination in combinations for branch in (combination.left, combination.right)}
    return tuple(state for state in range(INPUT_STATES + len(combinations)) if state not in used)


class OperationContext(Struct, frozen=True):
    """The surroundings of an operation in a cell: incoming channels, filters of the cell, stride, and the bottleneck switch."""

    channels: int
    filters: int
    stride: int
    bottleneck: bool


Chain = tuple[Operation, ...]


def projection(filters: int, stride: int = 1) -> ConvolutionUnit:
    """Return activation, 1 x 1 convolution and batch norm as one unit."""
    return ConvolutionUnit((1, 1), filters, (stride, stride), order="act-conv-bn", padding="same")


def _identity(place: OperationContext) -> Chain:
    """Return the input itself, or a projection where the stride is 2 or the channels differ."""
    return () if place.stride == 1 and place.channels == place.filters else (projection(place.filters, place.stride),)


def _pointwise(place: OperationContext) -> Chain:
    return (projection(place.filters, place.stride),)


def _separable(kernel: int, dilation: int = 1) -> Callable[[OperationContext], Chain]:
    """Return a rule for two separable units; the first one goes from the incoming channels to the cell's filters."""

    def chain(place: OperationContext) -> Chain:
        first = SeparableUnit(kernel, place.filters, place.stride, dilation)
        return (first, SeparableUnit(kernel, place.filters, 1, dilation))

    return chain


def _pool(kind: type[AveragePool] | type[MaxPool], size: int) -> Callable[[OperationContext], Chain]:
    """Return a rule for a pool; where the channels differ, a 1 x 1 convolution and batch norm follow it, without an
    activation."""

    def chain(place: OperationContext) -> Chain:
        pool = kind((size, size), (place.stride, place.stride))
        if place.channels == place.filters:
            return (pool,)
        return (pool, ConvolutionUnit((1, 1), place.filters, order="conv-bn", padding="same"))

    return chain


def _convolutions(*kernels: tuple[int, int], share: tuple[int, int], dilation: int = 1) -> Callable[[OperationContext], Chain]:
    """Return a rule for full convolutions in sequence; with bottlenecks, projections to a share of the filters and back enclose
    them.

    A kernel of one row carries the stride of the width, one of one column that of the height.
    """

    def chain(place: OperationContext) -> Chain:
        narrow = place.filters * share[0] // share[1]
        inside = narrow if place.bottleneck and narrow >= 1 else place.filters
        units = tuple(
            ConvolutionUnit(
                (height, width),
                inside,
                (1 if height == 1 else place.stride, 1 if width == 1 else place.stride),
                order="act-conv-bn",
                dilation=dilation,
                padding="same",
            )
            for height, width in kernels
        )
        return (projection(inside), *units, projection(place.filters)) if inside != place.filters else units

    return chain


CELL_OPERATIONS: Mapping[str, Callable[[OperationContext], Chain]] = {
    "identity": _identity,
    "conv-1x3-3x1": _convolutions((1, 3), (3, 1), share=(3, 8)),
    "conv-1x7-7x1": _convolutions((1, 7), (7, 1), share=(1, 4)),
    "dilated-3x3": _convolutions((3, 3), share=(1, 4), dilation=2),
    "avg-3x3": _pool(AveragePool, 3),
    "max-3x3": _pool(MaxPool, 3),
    "max-5x5": _pool(MaxPool, 5),
    "max-7x7": _pool(MaxPool, 7),
    "conv-1x1": _pointwise,
    "conv-3x3": _convolutions((3, 3), share=(1, 4)),
    "sep-3x3": _separable(3),
    "sep-5x5": _separable(5),
    "sep-7x7": _separable(7),
    "dilated-sep-3x3": _separable(3, dilation=2),
}
"""What an operation is made of at its place, by name.

The paper names thirteen of them and describes the separable ones. How the full convolutions were made in 2017 is not known; the
same lab's AmoebaNet code puts them into a bottleneck (a quarter of the filters, three eighths for the 1x3-3x1 pair, none where
that is below one filter), which `bottleneck` switches off. The rate of the dilated ones is 2. The last is AmoebaNet's.
"""


def keep_probability(final: float, *, depth: float, progress: float, scale_by_depth: bool = True) -> float:
    """Return the probability of keeping a path of a cell after the share `progress` of a training (ScheduledDropPath).

    Linear in time, from 1 to `final` (section 3). With `scale_by_depth` also in depth, as in the authors' code: `final` is then
    that of the last cell only, and cell i of n, counted from 0, has depth (i + 1) / n.

        keep = 1 - progress * depth * (1 - final)

    Kept paths are divided by it, so evaluation needs nothing.

    >>> [round(keep_probability(0.6, depth=0.5, progress=share), 3) for share in (0.0, 0.5, 1.0)]
    [1.0, 0.9, 0.8]
    >>> keep_probability(0.6, depth=0.5, progress=1.0, scale_by_depth=False)
    0.6
    """
    return 1 - progress * (depth if scale_by_depth else 1.0) * (1 - final)
