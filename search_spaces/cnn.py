"""Convolutional networks layer by layer, with skip connections (NAS, Zoph and Le, ICLR 2017, arXiv 1611.01578, section 3).

A network is a chain of L layers, each a convolution, batch norm and ReLU. Decisions of layer i, in the deck's order (slides
17 to 19): filter height and width from 1, 3, 5, 7; where strides are predicted, stride height and width from 1, 2, 3; the
number of filters from 24, 36, 48, 64; then, at the layer's anchor, for each of the i - 1 earlier layers whether this one reads
it.

Rules of decoding: a layer's inputs are concatenated along depth; a layer without inputs reads the image; the outputs that no
layer reads go to the classifier; inputs that differ in size are zero-padded to the largest (`values.network`).

Variants (paper, Table 1), as the option `variant`:

    plain     v1, "no stride or pooling"; 15 layers give 64^15 * 2^105 = 2^195 networks
    strides   v2, "predicting strides"; 20 layers give 576^20 * 2^190 = 2^310 * 3^40
    pooling   v3, "max pooling"; filters from 6, 12, 24, 36; each of 13 predicted layers is a fully connected block of 3
              layers, so 39 are built; 64^13 * 2^78 = 2^156
    pooled    not in the paper: one layer each, as in v1, with three pools, the first behind the first layer

Curriculum: trial n proposes networks of `curriculum_start` + `curriculum_step` * floor(n / `curriculum_trials`) layers, at
most `layers` (paper: 6 + 2 per 1,600).

Choices where the paper is silent. The order inside a layer is convolution, batch norm, ReLU. A fully connected block: each of
its layers reads the block's inputs and all earlier layers of the block, and whoever reads the block reads its three layers; the
parameter counts of Table 1 (7.1M, and 37.4M with 40 more filters per layer) fit this reading and no narrower one. The two
pools are 2 x 2 with stride 2 and stand behind one and two thirds of the blocks (behind blocks 4 and 8 of 13, the boundaries
nearest to the paper's "layer 13 and layer 24"); what later layers and the classifier read from before a pool, they read
through it.

Differs from the paper: the quick preset is sized for 8 x 8 images and minutes instead of weeks. The paper preset squares the
score, as the deck does, where the paper cubes it (`--reward-exponent 3`); it has one controller with 800 proposals in flight
where the paper has 100 replicas that update asynchronously. Of the children's training the paper gives neither batch size nor
schedule: 64, DenseNet's, and a constant learning rate are guesses. Its last step, a grid search over the recipe of the winner,
is not part of the search.
"""

from collections.abc import Iterator
from typing import NamedTuple

from automl_cli.core.decisions import Choice, Decision, DecisionList, Genotype, Membership
from automl_cli.core.errors import SpaceError
from automl_cli.core.rewards import Power
from automl_cli.core.spaces import Options, Plugin, SearchPreset, SpaceOption
from automl_cli.values.child import ChildPreset
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, MaxPool, Network
from automl_cli.values.recipe import Recipe

KERNEL_SIZES = (1, 3, 5, 7)
STRIDES = (1, 2, 3)
FILTERS = {"plain": (24, 36, 48, 64), "strides": (24, 36, 48, 64), "pooling": (6, 12, 24, 36), "pooled": (24, 36, 48, 64)}
LAYERS_OF_A_BLOCK = {"plain": 1, "strides": 1, "pooling": 3, "pooled": 1}
LARGEST_LAYERS = 200
"""Ten times the paper's most. Each pair of layers is a decision, so that a number typed by mistake would fill the memory."""
POOL = MaxPool(window=(2, 2), stride=(2, 2))


def _fields(options: Options) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return names and choices of a layer's decisions, in order, without those about its inputs."""
    variant = str(options["variant"])
    strides = (("stride_height", STRIDES), ("stride_width", STRIDES)) if variant == "strides" else ()
    return (("filter_height", KERNEL_SIZES), ("filter_width", KERNEL_SIZES), *strides, ("filters", FILTERS[variant]))


def _decisions_before(options: Options, layer: int) -> int:
    """Return how many decisions precede layer `layer`, counted from 0."""
    return layer * len(_fields(options)) + layer * (layer - 1) // 2


def decisions(options: Options) -> DecisionList:
    """Return the decisions of this variant, in order."""
    _check(options)
    listed: list[Decision] = []
    anchors: list[int] = []
    for layer in range(int(options["layers"])):
        listed += [Decision(f"layer{layer + 1}.{field}", choices) for field, choices in _fields(options)]
        anchors.append(len(listed))
        for earlier in range(layer):
            member = Membership(anchor=layer, item=earlier)
            listed.append(Decision(f"layer{layer + 1}.reads_layer{earlier + 1}", (False, True), member))
    return DecisionList(tuple(listed), tuple(anchors))


def _check(options: Options) -> None:
    if not 1 <= int(options["layers"]) <= LARGEST_LAYERS:
        raise SpaceError(f"space option layers={options['layers']} of cnn must be from 1 to {LARGEST_LAYERS}")
    for name in ("curriculum_start", "curriculum_trials"):
        if int(options[name]) < 1:
            raise SpaceError(f"space option {name}={options[name]} of cnn must be at least 1")
    if int(options["curriculum_step"]) < 0:
        raise SpaceError(f"space option curriculum_step={options['curriculum_step']} of cnn must be 0 (no growth) or more")


def length(options: Options, trial: int) -> int:
    """Return how many decisions are live at this trial: those of the first 6 + 2 * floor(trial / 1600) layers, in the paper's
    numbers."""
    grown = int(options["curriculum_start"]) + int(options["curriculum_step"]) * (trial // int(options["curriculum_trials"]))
    return _decisions_before(options, min(grown, int(options["layers"])))


class Layer(NamedTuple):
    """Choices of a genotype for one predicted layer; `reads` are the numbers, from 0, of the earlier layers it reads."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    filters: int
    reads: tuple[int, ...]


def _layers(options: Options, genotype: Genotype) -> Iterator[Layer]:
    fields = _fields(options)
    position = 0
    for layer in range(_depth(options, genotype)):
        chosen = {name: choices[genotype[position + at]] for at, (name, choices) in enumerate(fields)}
        position += len(fields)
        reads = tuple(earlier for earlier in range(layer) if genotype[position + earlier])
        position += layer
        stride = (chosen.get("stride_height", 1), chosen.get("stride_width", 1))
        yield Layer((chosen["filter_height"], chosen["filter_width"]), stride, chosen["filters"], reads)


def _depth(options: Options, genotype: Genotype) -> int:
    for depth in range(1, int(options["layers"]) + 1):
        if len(genotype) == _decisions_before(options, depth):
            return depth
    raise SpaceError(f"a genotype of {len(genotype)} indices ends in the middle of a layer of cnn ({options['variant']})")


def decode(options: Options, genotype: Genotype) -> Network:
    """Return the network of a genotype.

    >>> options = {"variant": "plain", "layers": 3, "curriculum_start": 3, "curriculum_step": 0, "curriculum_trials": 1}
    >>> network = decode(options, (0, 1, 0, 1, 1, 1, 1, 2, 2, 3, 0, 0))
    >>> [block.inputs for block in network.blocks], network.outputs
    ([('image',), ('layer1',), ('image',)], ('layer2', 'layer3'))
    """
    plan = list(_layers(options, genotype))
    size = LAYERS_OF_A_BLOCK[str(options["variant"])]
    pools = _pool_positions(len(plan), str(options["variant"]))
    builder = _Builder(pools)
    for number, layer in enumerate(plan):
        builder.add(number, layer, size)
    return builder.network()


def _pool_positions(depth: int, variant: str) -> tuple[int, ...]:
    """Return the predicted layers, counted from 0, that have a pool in front: 4 and 8 of the paper's 13; 1 as well in
    the variant `pooled`, and none in others."""
    positions = {"pooling": (depth // 3, 2 * depth // 3), "pooled": (1, depth // 3, 2 * depth // 3)}.get(variant, ())
    return tuple(sorted({position for position in positions if 0 < position < depth}))


class _Builder:
    """Collects the blocks of a network. A predicted layer is one block, or several where it stands for a connected group."""

    def __init__(self, pools: tuple[int, ...]) -> None:
        self.pools = pools
        self.blocks: list[Block] = []
        self.groups: list[tuple[str, ...]] = []
        self.read: set[int] = set()

    def add(self, number: int, layer: Layer, size: int) -> None:
        self.read.update(layer.reads)
        unit = ConvolutionUnit(kernel=layer.kernel, filters=layer.filters, stride=layer.stride)
        inputs = [name for earlier in layer.reads for name in self._seen_from(number, earlier)]
        inputs = inputs or [self._pooled(IMAGE, 0, number)]
        names = [f"layer{number + 1}"] if size == 1 else [f"layer{number + 1}.{part + 1}" for part in range(size)]
        for part, name in enumerate(names):
            self.blocks.append(Block(name, unit, (*inputs, *names[:part])))
        self.groups.append(tuple(names))

    def network(self) -> Network:
        depth = len(self.groups)
        unread = [number for number in range(depth) if number not in self.read]
        outputs = [name for number in unread for name in self._seen_from(depth, number)]
        return Network(blocks=tuple(self.blocks), outputs=tuple(outputs))

    def _seen_from(self, reader: int, earlier: int) -> tuple[str, ...]:
        return tuple(self._pooled(name, earlier + 1, reader) for name in self.groups[earlier])

    def _pooled(self, name: str, first: int, reader: int) -> str:
        """Return the block that predicted layer `reader` reads for an output made before position `first`: the output behind
        all pools in between."""
        for number, position in enumerate(self.pools, start=1):
            if first <= position <= reader:
                name, source = f"{name.removesuffix(f'.pool{number - 1}')}.pool{number}", name
                if not any(block.name == name for block in self.blocks):
                    self.blocks.append(Block(name, POOL, (source,)))
        return name


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """Return the genotype as the deck prints it (slide 8): "Filter Height: 3", "Filter Width: 5", "Num Filters: 24", …"""
    return tuple(
        text for layer in _layers(options, genotype) for text in _tokens_of(layer, strides=options["variant"] == "strides")
    )


def _tokens_of(layer: Layer, *, strides: bool) -> Iterator[str]:
    yield f"Filter Height: {layer.kernel[0]}"
    yield f"Filter Width: {layer.kernel[1]}"
    if strides:
        yield f"Stride Height: {layer.stride[0]}"
        yield f"Stride Width: {layer.stride[1]}"
    yield f"Num Filters: {layer.filters}"
    yield f"Inputs: {', '.join(f'layer {earlier + 1}' for earlier in layer.reads) or 'image'}"


OPTIONS = (
    SpaceOption(
        "variant",
        "plain",
        "plain (no stride or pooling), strides (predicted), pooling (blocks of 3), or pooled (single)",
        tuple(FILTERS),
    ),
    SpaceOption("layers", 15, "predicted layers at full depth; the paper's are 15, 20 and 13"),
    SpaceOption(
        "curriculum_start", 6, "layers of the first networks; give it the value of layers to switch the curriculum off"
    ),
    SpaceOption("curriculum_step", 2, "layers added at each step of the curriculum"),
    SpaceOption("curriculum_trials", 1600, "trials between two steps of the curriculum"),
)

_QUICK_OPTIONS: dict[str, Choice] = {"variant": "plain", "layers": 4, "curriculum_start": 4}

LARGE = SearchPreset(
    trials=20,
    epochs=2,
    least_steps=180,
    strategy="evolution",
    in_flight=2,
    reward=Power(2.0),
    retrain_top=3,
    space_options={"variant": "pooled", "layers": 6, "curriculum_start": 6},
    strategy_settings={"evolution": {"population_size": 6}},
    warm_start=6,
    multiply_adds_per_pixel=20_000,
    sized_for={"image_shape": [32, 32, 3], "train_examples": 3_300, "validation_examples": 700},
)
"""Networks that pool learn more in as many seconds than those that do not, which there is no time for on large images. One or
two epochs rank small ones first, which are not the best when they are trained to the end, so the search begins with the largest
that it can afford."""

QUICK = SearchPreset(
    trials=64,
    epochs=4,
    least_steps=90,
    child=ChildPreset(recipe=Recipe(batch_size=32, learning_rate=0.15, schedule="cosine")),
    strategy="auto",
    reward=Power(2.0),
    retrain_top=6,
    retrain_seeds=2,
    space_options=_QUICK_OPTIONS,
    large_images=LARGE,
)
"""Sized so that 64 children of 8 x 8 images end within two minutes on two cores, and so that their scores say something: four
layers differ by several times the spread between seeds, where six layers nearly all learn the digits. Twice the trials or three
times the epochs find networks that are no better once they are trained (tests/benchmarks)."""

PAPER = SearchPreset(
    trials=12_800,
    epochs=50,
    child=ChildPreset(
        dataset="cifar10", recipe=Recipe(batch_size=64, learning_rate=0.1, weight_decay=1e-4), optimizer="nesterov"
    ),
    strategy="reinforce",
    in_flight=800,
    reward=Power(2.0),
    reuse=False,
    space_options={"variant": "strides", "layers": 20, "curriculum_start": 6, "curriculum_step": 2, "curriculum_trials": 1600},
    strategy_settings={name: {"constants": "paper"} for name in ("reinforce", "ppo", "evolution")},
    published_cost="800 GPUs (K40) for 28 days = 22,400 GPU-days",
)
"""The deck's setting, number for number (slide 21): 100 replicas of 8 children at a time. The batch size is DenseNet's, whose
settings the paper follows; the paper gives no schedule. Depths 6, 8, …, 20 suit the variant with strides."""

SPACE = Plugin(
    name="cnn",
    version=1,
    command="search-arch",
    produces="architecture",
    summary="convolutional networks layer by layer, with skip connections (NAS)",
    decisions=decisions,
    decode=decode,
    tokens=tokens,
    presets={"quick": QUICK, "paper": PAPER},
    options=OPTIONS,
    length=length,
)
