"""The classes of units as text: one for each family of operations in a network, with the arguments that the network needs."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from automl_cli.jobs.network_source.dialect import Convolved, NetworkDialect
from automl_cli.jobs.network_source.printing import Called, Code, Keyword, printed_lines
from automl_cli.jobs.network_source.units import DEFAULTS, Argument, Made, UnitKey, unit_name
from automl_cli.values.activation import NAMED, ActivationFunction
from automl_cli.values.expressions.canonical import canonical

PAIR = "tuple[int, int]"
TYPES = {"channels": "int", "filters": "int", "window": PAIR, "step": "int", "kernel": PAIR, "stride": PAIR, "dilation": "int"}
"""Types of arguments, in the order in which they stand."""

WORDS = {"conv": "convolution", "bn": "batch norm"}


class ClassBody(Struct, frozen=True):
    """The inside of a class: what it says of itself, the attributes that it makes, and the statements of its call on `x`."""

    about: str
    attributes: tuple[tuple[str, Code], ...]
    call: str


class UnitWriter:
    """Writes the classes of the units that a network needs, and calls of them."""

    def __init__(self, dialect: NetworkDialect, function: ActivationFunction, made: Iterable[Made]) -> None:
        self.dialect, self.function = dialect, function
        self.is_relu = canonical(function.tree) == canonical(NAMED["relu"].tree)
        self._act = "Relu" if self.is_relu else "Act"
        self._needed: dict[UnitKey, set[str]] = {}
        self._left_out: dict[UnitKey, set[str]] = {}
        self._twice = False
        for one in made:
            left_out = {name for name, value in one.arguments.items() if value == _default(one.key, name)}
            self._left_out[one.key] = self._left_out.get(one.key, set()) | left_out
            there = self._needed.setdefault(one.key, set())
            there |= {name for name, value in one.arguments.items() if value != _default(one.key, name)}
        rules: dict[str, set[str]] = {}
        for key in self._needed:
            rules.setdefault(f"{key.family} {key.order}", set()).add(key.rule)
        self._several = {name for name, there in rules.items() if len(there) > 1}

    def name(self, key: UnitKey) -> str:
        """Return the name of the class of a unit."""
        return unit_name(key, self._act, several_rules=f"{key.family} {key.order}" in self._several)

    @property
    def names(self) -> set[str]:
        """The names of all classes of units."""
        return {self.name(key) for key in self._needed}

    def made(self, made: Made) -> Code:
        """Return the call that makes a unit, or a module of the library where that is all it is."""
        match made.key:
            case UnitKey(family="act"):
                return self._activation(made.arguments["channels"]) if not self.is_relu else self.dialect.relu_module
            case UnitKey(family="norm", order="bn"):
                return self.dialect.norm(made.arguments["channels"])
            case UnitKey(family="conv", order="conv"):
                given = {name: value for name, value in made.arguments.items() if value != DEFAULTS.get(name)}
                return self.dialect.convolution(Convolved(rule=made.key.rule, **given))  # type: ignore[arg-type]
        needed = self._needed[made.key]
        arguments: list[Code] = []
        by_name = False
        for name in TYPES:
            if name not in needed or name not in made.arguments:
                continue
            value = made.arguments[name]
            if value == _default(made.key, name):
                by_name = True
                continue
            by_name = by_name or name in self._left_out[made.key]
            arguments.append(Keyword(name, str(value)) if by_name else str(value))
        stream = [Keyword("rngs", "rngs")] if self._has_state(made.key) and self.dialect.rngs else []
        return Called(self.name(made.key), (*arguments, *stream))

    def texts(self) -> dict[str, str]:
        """Return the classes by name."""
        found = {}
        for key in sorted(self._needed):
            if key.family != "act" and (key.family, key.order) not in (("norm", "bn"), ("conv", "conv")):
                found[self.name(key)] = self._text(key)
        return found

    def chain(self, made: Sequence[Made]) -> Code:
        """Return the call that makes units behind each other as one module; one alone is itself, and of two separable
        convolutions, as cells have them, a function makes both."""
        if len(made) == 2 and _is_twice(*made):
            self._twice = True
            code = self.made(made[0])
            return Called(TWICE, code.arguments) if isinstance(code, Called) else code
        parts = tuple(self.made(one) for one in made)
        return parts[0] if len(parts) == 1 else Called(self.dialect.sequence, parts)

    def twice_text(self) -> str | None:
        """Return the function that makes two separable convolutions, where `chain` has called it."""
        if not self._twice:
            return None
        key = UnitKey("separable")
        stream = ["*", "rngs: nnx.Rngs"] if self.dialect.rngs else []
        head = Called(TWICE, (*self._parameters(key), *stream))
        lines = printed_lines("def ", head, f" -> {self.dialect.sequence}:")
        lines.append('    """Return two separable convolutions, the first with the stride."""')
        own = [name for name in ("kernel", "dilation") if name in self._needed[key]]
        values = {name: name for name in (*own, *(["stride"] if "stride" in self._needed[key] else []))}
        first = self.made(Made(key, {"channels": "channels", "filters": "filters", **values}))
        second = self.made(Made(key, {"channels": "filters", "filters": "filters", **{name: name for name in own}}))
        return "\n".join((*lines, *printed_lines("return ", Called(self.dialect.sequence, (first, second)), indent=4)))

    def _parameters(self, key: UnitKey) -> list[str]:
        """Return the parameters of a class; only those that are sometimes left out have a default."""
        rows = [name for name in TYPES if name in self._needed[key]]
        free = [name for name in rows if name not in self._left_out[key]]
        return [f"{name}: {TYPES[name]}" for name in free] + [
            f"{name}: {TYPES[name]} = {DEFAULTS[name]}" for name in rows if name not in free
        ]

    def needs_activation(self) -> bool:
        """Return whether the class `Activation` is needed."""
        used = {"act", "separable"}
        acts = any(key.family in used or "act" in key.order for key in self._needed)
        return acts and not self.is_relu

    def _has_state(self, key: UnitKey) -> bool:
        return key.family in ("conv", "separable", "reduction", "norm")

    def _activation(self, channels: Argument) -> Code:
        return Called("Activation", (str(channels),) if self.function.betas else ())

    def _acted(self, text: str) -> str:
        return f"{self.dialect.relu}({text})" if self.is_relu else f"self.act({text})"

    def _text(self, key: UnitKey) -> str:
        body, dialect = self._body(key), self.dialect
        lines = [f"class {self.name(key)}({dialect.base}):", f'    """{body.about}."""', ""]
        parameters = self._parameters(key)
        if parameters and self._has_state(key) and dialect.rngs:
            parameters += ["*", "rngs: nnx.Rngs"]
        lines += printed_lines("def ", Called("__init__", ("self", *parameters)), " -> None:", indent=4)
        lines += [] if dialect.rngs else ["        super().__init__()"]
        for name, code in body.attributes:
            lines += printed_lines(f"self.{name} = ", code, indent=8)
        lines += ["", f"    def {dialect.method}(self, x: {dialect.array}) -> {dialect.array}:"]
        return "\n".join((*lines, *(f"        {line}" for line in body.call.splitlines())))

    def _body(self, key: UnitKey) -> ClassBody:
        match key.family:
            case "conv":
                return self._convolution(key)
            case "separable":
                return self._separable()
            case "reduction":
                return self._reduction(key)
            case "norm":
                attributes = (("norm", self.dialect.norm("channels")), *self._act_of("channels"))
                return ClassBody(f"Batch norm, {self._act_word()}", attributes, f"return {self._acted('self.norm(x)')}")
            case "subsample":
                about = "Every `step`-th pixel, and channels of zeros: a shortcut without weights"
                attributes = (("step", "step"), ("more", "filters - channels"))
                return ClassBody(about, attributes, self.dialect.subsampled("x"))
        what = "Maximum" if key.family == "max-pool" else "Mean"
        around = {"": "padding never wins", "same": "padding is not counted", "valid": "there is no padding"}[key.rule]
        attributes = (("window", "window"), ("stride", "stride"))
        return ClassBody(f"{what} over windows; {around}", attributes, self.dialect.pooled(key.family, key.rule))

    def _convolution(self, key: UnitKey) -> ClassBody:
        parts = key.order.split("-")
        words = [WORDS.get(part, self._act_word()) for part in parts]
        attributes: list[tuple[str, Code]] = []
        call = "x"
        for part in parts:
            if part == "act":
                attributes += self._act_of("channels" if parts[0] == "act" else "filters")
                call = self._acted(call)
            else:
                code = self._conv(key, key.rule) if part == "conv" else self.dialect.norm("filters")
                attributes.append(({"conv": "conv", "bn": "norm"}[part], code))
                call = f"self.{attributes[-1][0]}({call})"
        about = ", ".join(words)
        return ClassBody(about[0].upper() + about[1:], tuple(attributes), f"return {call}")

    def _conv(self, key: UnitKey, rule: str, *, depthwise: bool = False) -> Code:
        needed = self._needed[key]
        own: Mapping[str, Argument] = {name: name for name in ("kernel", "stride", "dilation") if name in needed}
        filters = "channels" if depthwise else "filters"
        return self.dialect.convolution(Convolved(channels="channels", filters=filters, rule=rule, depthwise=depthwise, **own))

    def _separable(self) -> ClassBody:
        key = UnitKey("separable")
        stridden = "stride" in self._needed[key]
        depthwise = self._conv(key, "same" if stridden else "half", depthwise=True)
        pointwise = self.dialect.convolution(Convolved(channels="channels", filters="filters"))
        norm = self.dialect.norm("filters")
        attributes = (*self._act_of("channels"), ("depthwise", depthwise), ("pointwise", pointwise), ("norm", norm))
        act = self._act_word()
        about = f"{act[0].upper()}{act[1:]}, a convolution of each channel, a 1 x 1 convolution, batch norm"
        call = f"x = self.pointwise(self.depthwise({self._acted('x')}))\nreturn self.norm(x)"
        return ClassBody(about, attributes, call)

    def _reduction(self, key: UnitKey) -> ClassBody:
        """Two paths, or one where there is one filter."""
        acts, one = key.order == "act-conv-bn", bool(key.rule)
        paths = {"odd": "1"} if one else {"even": "filters // 2", "odd": "filters - filters // 2"}
        convs = [
            (name, self.dialect.convolution(Convolved(channels="channels", filters=filters, stride=(2, 2))))
            for name, filters in paths.items()
        ]
        attributes = ((*self._act_of("channels"),) if acts else ()) + (*convs, ("norm", self.dialect.norm("filters")))
        start = [f"x = {self._acted('x')}"] if acts else []
        start.append(f"shifted = {self.dialect.odd_pixels('x')}")
        if one:
            return ClassBody(
                "Halves the image: pixels at odd rows and columns",
                attributes,
                "\n".join((*start, "return self.norm(self.odd(shifted))")),
            )
        joined = self.dialect.concatenated(("self.even(x)", "self.odd(shifted)"), padded=False)
        end = [*printed_lines("x = ", joined, indent=0), "return self.norm(x)"]
        about = "Halves the image by two paths, of pixels at even and at odd places"
        return ClassBody(about, attributes, "\n".join((*start, *end)))

    def _act_of(self, channels: str) -> tuple[tuple[str, Code], ...]:
        return () if self.is_relu else (("act", self._activation(channels)),)

    def _act_word(self) -> str:
        return "ReLU" if self.is_relu else "activation"


def _default(key: UnitKey, name: str) -> Argument | None:
    """Return the value with which an argument is left out; those of pools always stand."""
    return None if key.family.endswith("pool") else DEFAULTS.get(name)


TWICE = "separable_convs"
"""The function that makes two separable convolutions."""


def _is_twice(first: Made, second: Made) -> bool:
    """Return whether two units are one separable convolution that is applied twice, only the first time with a stride."""
    expected = {**first.arguments, "channels": first.arguments.get("filters", 0), "stride": (1, 1)}
    return first.key.family == second.key.family == "separable" and second.arguments == expected
