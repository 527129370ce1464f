"""The text of activation functions and update rules for JAX and Optax alone."""

from collections.abc import Mapping

from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.rule_step import ANNEALING, NOISE_DEVIATION, counts, draws
from automl_cli.values.expressions.statements import Dialect, Statements, statements
from automl_cli.values.expressions.tree import Expression, calls, uses
from automl_cli.values.expressions.writer import SourceWriter, class_name, function_name, helpers, unused
from automl_cli.values.optimizer import UpdateRule

_POINTWISE = {
    name: f"jnp.{name}({{0}})" for name in ("abs", "sign", "sqrt", "exp", "log", "sin", "cos", "sinh", "cosh", "tanh")
}
_SINC = '''def sinc(x):
    """Return sin(x) / x, and 1 at 0."""
    away = jnp.where(x == 0, 1.0, x)
    return jnp.where(x == 0, 1.0, jnp.sin(away) / away)'''

DIALECT = Dialect(
    functions={
        **_POINTWISE,
        "divide": "jnp.divide({0}, {1})",
        "power": "jnp.power({0}, {1})",
        "asinh": "jnp.arcsinh({0})",
        "atan": "jnp.arctan({0})",
        "sinc": "sinc({0})",
        "erf": "jax.scipy.special.erf({0})",
        "sigmoid": "jax.nn.sigmoid({0})",
        "softplus": "jnp.logaddexp({0}, 0.0)",
        "max": "jnp.maximum({0}, {1})",
        "min": "jnp.minimum({0}, {1})",
        "mod": "jnp.mod({0}, {1})",
        "clip": "jnp.clip({0}, -{1}, {1})",
        "drop": "jnp.where(uniform < {1}, 0.0, {0})",
    },
    helpers={"sinc": _SINC},
    filled="jnp.full_like(g, {0})",
    numbers=("beta", *(f"beta{number}" for number in range(2, 13))),
)
"""The functions of `nn.interpret.functions`, as they are called there."""

IMPORTS = {
    "NamedTuple": "from typing import NamedTuple",
    "jax": "import jax",
    "jnp": "import jax.numpy as jnp",
    "optax": "import optax",
}
"""By the name that stands in the text."""


def activation_usage(function: ActivationFunction) -> tuple[str, ...]:
    """Return the lines that show how the function is used."""
    if not function.betas:
        return ("y = activation(x)",)
    return (
        "betas = initial_betas(channels=64)  # parameters to train: in Flax nnx.Param, one of each",
        "y = activation(x, **betas)  # the last axis of x is that of the channels",
        "y = activation(x)  # the same with betas that stay as they start",
    )


def activation_text(function: ActivationFunction, name: str) -> str:
    """Return the file without its docstring and imports: `activation` and, where there are betas, `initial_betas`."""
    body = statements(function.tree, DIALECT)
    betas = dict(zip(function.betas, map(repr, function.starts), strict=True))
    arguments = "".join(f", {beta}={start}" for beta, start in betas.items())
    parts = [*helpers(function.tree, DIALECT), *([_initial_betas(betas)] if betas else [])]
    parts.append(
        f'def activation(x{arguments}):\n    """Return {name} of x, number by number."""\n'
        + _indented(4, *body.lines, f"return {body.result}")
    )
    return "\n\n\n".join(parts)


def _initial_betas(betas: Mapping[str, str]) -> str:
    rows = "\n".join(f'        "{beta}": jnp.full((channels,), {start}),' for beta, start in betas.items())
    return f'''def initial_betas(channels):
    """Return the trained parameters as they start, one number of each per channel."""
    return {{
{rows}
    }}'''


def rule_usage(rule: UpdateRule, name: str) -> tuple[str, ...]:
    """Return the lines that show how the rule is used."""
    steps = ", total_steps=10_000" if uses(rule.expanded, "T") else ""
    return (
        f"optimizer = optax.chain(optax.clip_by_global_norm(1.0), {function_name(name)}(0.1{steps}))",
        "state = optimizer.init(parameters)",
        "updates, state = optimizer.update(gradients, state, parameters)",
    )


def rule_text(rule: UpdateRule, name: str, named: Mapping[str, Expression]) -> str:
    """Return the file without its docstring and imports: the state, `scale_by_…` and the optimizer."""
    identifier, title = function_name(name), class_name(name)
    body = statements(rule.expanded, DIALECT, named)
    state = _state(rule.expanded, body, title)
    parts = [] if state is None else [state]
    parts += [_scale_by(rule.expanded, body, identifier, title), _optimizer(rule, identifier)]
    return "\n\n\n".join(parts)


def _state(expression: Expression, body: Statements, title: str) -> str | None:
    rows = ["count: jax.Array  # the number of steps done"] * counts(expression)
    rows += [f"{average.variable}: optax.Updates  # {average.formula}" for average in body.kept]
    if not rows:
        return None
    return f'class {title}State(NamedTuple):\n    """What is kept between steps: trees like the parameters."""\n\n' + _indented(
        4, *rows
    )


def _scale_by(expression: Expression, body: Statements, identifier: str, title: str) -> str:
    takes = ", ".join(["total_steps"] * uses(expression, "T") + ["seed"] * draws(expression))
    wants_w = uses(expression, "w")
    refused = [
        "if params is None:",
        f'    raise ValueError("{identifier} needs the parameters: give update(…, params)")',
    ] * wants_w
    before = [*refused, *_keys(expression)]
    update = [*before, *([""] * bool(before)), *_step(expression, body), *_mapped(expression, body, title)]
    lines = [
        f"def scale_by_{identifier}({takes}):",
        '    """Return the rule as a transformation of gradients, without a learning rate or a sign."""',
        "",
        "    def init(params):",
        f"        {_first_state(expression, body, title)}",
        "",
        "    def update(gradients, state, params=None):",
        *(f"        {line}" if line else "" for line in update),
        "",
        "    return optax.GradientTransformation(init, update)",
    ]
    return "\n".join(lines)


def _first_state(expression: Expression, body: Statements, title: str) -> str:
    fields = ["count=jnp.zeros((), jnp.int32)"] * counts(expression)
    for average in body.kept:
        filled = "ones" if average.start == 1.0 else "zeros"
        fields.append(f"{average.variable}=jax.tree.map(jnp.{filled}_like, params)")
    if not fields:
        return "return optax.EmptyState()"
    return _call(f"{title}State", fields, indent=8, before="return ")


def _keys(expression: Expression) -> list[str]:
    if not draws(expression):
        return []
    return [
        "words = jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32)",
        "tree = jax.tree.structure(gradients)",
        'key = jax.random.fold_in(jax.random.wrap_key_data(words, impl="threefry2x32"), state.count)',
        "leaf_keys = tree.unflatten([jax.random.fold_in(key, n) for n in range(tree.num_leaves)])",
    ]


def _step(expression: Expression, body: Statements) -> list[str]:
    """The function for one parameter: its update, and its averages behind the step."""
    arguments = (
        ["g"] + ["w"] * uses(expression, "w") + [average.variable for average in body.kept] + ["key"] * draws(expression)
    )
    lines = []
    if uses(expression, "t", "annealed_noise"):
        lines.append("t = state.count.astype(g.dtype)")
    if uses(expression, "T"):
        lines.append("T = jnp.asarray(total_steps, g.dtype)")
    if draws(expression):
        lines.append("keys = jax.random.split(key, 3)")
    if uses(expression, "noise"):
        lines.append(f"noise = {NOISE_DEVIATION} * jax.random.normal(keys[0], g.shape, g.dtype)")
    if uses(expression, "annealed_noise"):
        lines.append(f"deviation = (1 + t) ** (-{ANNEALING} / 2)")
        lines.append("annealed_noise = deviation * jax.random.normal(keys[1], g.shape, g.dtype)")
    if calls(expression, "drop"):
        lines.append("uniform = jax.random.uniform(keys[2], g.shape, g.dtype)")
    names = [average.variable for average in body.kept]
    lines += [*body.lines, f"return {', '.join((body.result, *names))}"]
    if len(lines[-1]) > 84:
        lines[-1:] = [f"update = {body.result}", f"return {', '.join(('update', *names))}"]
    head = _call("step", arguments, before="def ", room=91).split("\n")
    return [*head[:-1], f"{head[-1]}:", *(f"    {line}" for line in lines), ""]


def _mapped(expression: Expression, body: Statements, title: str) -> list[str]:
    """The step for all parameters."""
    names = [average.variable for average in body.kept]
    trees = (
        ["gradients"]
        + ["params"] * uses(expression, "w")
        + [f"state.{name}" for name in names]
        + ["leaf_keys"] * draws(expression)
    )
    count = ["state.count + 1"] * counts(expression)
    if not names:
        return [f"return jax.tree.map(step, {', '.join(trees)}), {f'{title}State({count[0]})' if count else 'state'}"]
    fields = [*count, *(f"column({index + 1})" for index in range(len(names)))]
    return [
        *_call("jax.tree.map", ["step", *trees], before="stepped = ", room=92).split("\n"),
        "",
        "def column(index):",
        "    return jax.tree.map(lambda _, row: row[index], gradients, stepped)",
        "",
        *_call(f"{title}State", fields, before="after = ", room=92).split("\n"),
        "return column(0), after",
    ]


def _optimizer(rule: UpdateRule, identifier: str) -> str:
    has_total, has_seed = uses(rule.expanded, "T"), draws(rule.expanded)
    given = ", ".join(["total_steps"] * has_total + ["seed"] * has_seed)
    order = ["decay", f"scale_by_{identifier}({given})", "optax.scale_by_learning_rate(learning_rate)"]
    if rule.decoupled:
        order[0], order[1] = order[1], order[0]
    added = "update" if rule.decoupled else "gradient"
    says = [
        *(["total_steps is the length of the training."] * has_total),
        *(["seed is that of the draws (0 <= seed < 2^64)."] * has_seed),
        *unused(rule.expanded),
        f"weight_decay times the parameter is added to the {added}.",
    ]
    check = [
        "if total_steps is None:",
        f'    raise ValueError("{identifier} needs total_steps, the length of the training")',
    ] * has_total
    return (
        f"def {identifier}(learning_rate, total_steps=None, seed=0, weight_decay=0.0):\n"
        f'    """Return the optimizer. learning_rate is a number or a schedule of Optax.\n\n'
        + _indented(4, *says, '"""')
        + "\n"
        + _indented(4, *check, "decay = optax.add_decayed_weights(weight_decay) if weight_decay else optax.identity()")
        + f"\n    {_call('optax.chain', order, indent=4, before='return ')}"
    )


def _call(function: str, arguments: list[str], *, before: str, indent: int = 0, room: int = 100) -> str:
    """A call in one line where there is room for it, with a line for each argument elsewhere."""
    whole = f"{before}{function}({', '.join(arguments)})"
    if indent + len(whole) <= room:
        return whole
    inner = "".join(f"{' ' * (indent + 4)}{argument},\n" for argument in arguments)
    return f"{before}{function}(\n{inner}{' ' * indent})"


def _indented(spaces: int, *lines: str) -> str:
    return "\n".join(f"{' ' * spaces}{line}" if line else "" for line in lines)


WRITER = SourceWriter(
    imports=IMPORTS,
    activation_usage=activation_usage,
    activation_text=activation_text,
    rule_usage=rule_usage,
    rule_text=rule_text,
)
"""What this module writes."""
