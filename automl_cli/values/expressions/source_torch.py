"""The text of activation functions and update rules for PyTorch alone."""

from collections.abc import Mapping

from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.rule_step import ANNEALING, NOISE_DEVIATION, counts, draws
from automl_cli.values.expressions.statements import Dialect, Statements, statements
from automl_cli.values.expressions.tree import Expression, calls, uses
from automl_cli.values.expressions.writer import SourceWriter, class_name, helpers, unused
from automl_cli.values.optimizer import UpdateRule

_POINTWISE = {
    name: f"torch.{name}({{0}})"
    for name in ("abs", "sign", "sqrt", "exp", "log", "sin", "cos", "sinh", "cosh", "tanh", "asinh", "atan", "erf", "sigmoid")
}
_SINC = '''def sinc(x):
    """Return sin(x) / x, and 1 at 0."""
    away = torch.where(x == 0, 1.0, x)
    return torch.where(x == 0, 1.0, torch.sin(away) / away)'''

DIALECT = Dialect(
    functions={
        **_POINTWISE,
        "sinc": "sinc({0})",
        "softplus": "torch.nn.functional.softplus({0})",
        "max": "torch.maximum({0}, {1})",
        "min": "torch.minimum({0}, {1})",
        "mod": "torch.remainder({0}, {1})",
        "clip": "torch.clamp({0}, min=-{1}, max={1})",
        "drop": "torch.where(uniform < {1}, 0.0, {0})",
    },
    beside_number={"max": "torch.clamp({0}, min={1})", "min": "torch.clamp({0}, max={1})"},
    helpers={"sinc": _SINC},
    filled="torch.add(torch.zeros_like(g), {0})",
    folds=True,
)

IMPORTS = {"random": "import random", "torch": "import torch"}
"""By the name that stands in the text."""


def activation_usage(function: ActivationFunction) -> tuple[str, ...]:
    """Return the lines that show how the module is used."""
    if not function.betas:
        return ("layer = Activation()", "y = layer(x)")
    return (
        "layer = Activation(channels=64)  # dim=1: x is (N, C, H, W) or (N, C); dim=-1: channels last",
        "y = layer(x)",
        "layer = Activation()  # one number for all channels",
    )


def activation_text(function: ActivationFunction, name: str) -> str:
    """Return the file without its docstring and imports: the module `Activation`."""
    body = statements(function.tree, DIALECT)
    betas = dict(zip(function.betas, map(repr, function.starts), strict=True))
    lines = ["class Activation(torch.nn.Module):"]
    if betas:
        made = [f"self.{beta} = torch.nn.Parameter(torch.full((channels,), {start}))" for beta, start in betas.items()]
        lines += [
            f'    """{name}, number by number; `dim` is the dimension of the channels."""',
            "",
            "    def __init__(self, channels=1, dim=1):",
            *(f"        {line}" for line in ("super().__init__()", "self.dim = dim", *made)),
            "",
            "    def forward(self, x):",
            "        shape = [1] * x.dim()",
            "        shape[self.dim] = -1",
            *(f"        {beta} = self.{beta}.view(shape)" for beta in betas),
        ]
    else:
        lines += [f'    """{name}, number by number."""', "", "    def forward(self, x):"]
    lines += [f"        {line}" for line in (*body.lines, f"return {body.result}")]
    return "\n\n\n".join((*helpers(function.tree, DIALECT), "\n".join(lines)))


def rule_usage(rule: UpdateRule, name: str) -> tuple[str, ...]:
    """Return the lines that show how the optimizer is used."""
    steps = ", total_steps=10_000" if uses(rule.expanded, "T") else ""
    return (
        f"optimizer = {class_name(name)}(model.parameters(), lr=0.1{steps})",
        "loss.backward()",
        "optimizer.step()",
    )


def rule_text(rule: UpdateRule, name: str, named: Mapping[str, Expression]) -> str:
    """Return the file without its docstring and imports: the optimizer, and where it draws its generator."""
    body = statements(rule.expanded, DIALECT, named)
    parts = [_GENERATOR] if draws(rule.expanded) else []
    return "\n\n\n".join((*parts, _optimizer(rule, class_name(name), body)))


_GENERATOR = '''def generator_of(device, seed, step, number):
    """Return the generator of one parameter and step: a training that is resumed draws the same."""
    mixed = random.Random(f"{seed} {step} {number}").getrandbits(63)
    return torch.Generator(device).manual_seed(mixed)'''


def _optimizer(rule: UpdateRule, title: str, body: Statements) -> str:
    has_total, has_seed = uses(rule.expanded, "T"), draws(rule.expanded)
    settings = ["lr", "weight_decay", *(["total_steps"] * has_total), *(["seed"] * has_seed)]
    says = [
        *(["total_steps is the length of the training."] * has_total),
        *(["seed is that of the draws: a training that is resumed draws the same."] * has_seed),
        *unused(rule.expanded),
        f"weight_decay times the parameter is added to the {'update' if rule.decoupled else 'gradient'}.",
    ]
    check = [
        "if total_steps is None:",
        f'    raise ValueError("{title} needs total_steps, the length of the training")',
    ] * has_total
    lines = [
        f"class {title}(torch.optim.Optimizer):",
        '    """The optimizer; lr may change from step to step.',
        "",
        *(f"    {line}" for line in says),
        '    """',
        "",
        "    def __init__(self, params, lr, total_steps=None, seed=0, weight_decay=0.0):",
        *(f"        {line}" for line in check),
        f"        super().__init__(params, dict({', '.join(f'{name}={name}' for name in settings)}))",
        "",
        _STEP,
        *_loop(rule.expanded),
        "        return loss",
        "",
        *_one_parameter(rule, body),
    ]
    return "\n".join(lines)


_STEP = '''    @torch.no_grad()
    def step(self, closure=None):
        """Change all parameters by their gradients; return what the closure returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()'''


def _loop(expression: Expression) -> list[str]:
    """The parameters of all groups; numbered where the draws depend on which one it is."""
    change = "self._change(w, group)"
    lines = ["        for group in self.param_groups:", '            for w in group["params"]:']
    if not draws(expression):
        return [*lines, "                if w.grad is not None:", f"                    {change}"]
    return [
        "        number = 0",
        *lines,
        "                if w.grad is not None:",
        "                    self._change(w, group, number)",
        "                number += 1",
    ]


def _one_parameter(rule: UpdateRule, body: Statements) -> list[str]:
    expression = rule.expanded
    counted = counts(expression)
    begin = ['state["step"] = 0'] * counted
    for average in body.kept:
        begin.append(
            f'state["{average.variable}"] = torch.{"ones" if average.start == 1.0 else "zeros"}_like(w)  # {average.formula}'
        )
    lines = ["g = w.grad"]
    if not rule.decoupled:
        lines += ['if group["weight_decay"]:', '    g = g + group["weight_decay"] * w']
    if begin:
        lines += ["state = self.state[w]", "if not state:", *(f"    {line}" for line in begin)]
    lines += _operands(expression)
    lines += [f'{average.variable} = state["{average.variable}"]' for average in body.kept]
    lines += [*body.lines, f"update = {body.result}"]
    lines += [f'state["{average.variable}"] = {average.variable}' for average in body.kept]
    lines += ['state["step"] += 1'] * counted
    if rule.decoupled:
        lines += ['if group["weight_decay"]:', '    update = update + group["weight_decay"] * w']
    lines.append('w.sub_(group["lr"] * update)')
    number = ", number" * draws(expression)
    return [f"    def _change(self, w, group{number}):", *(f"        {line}" for line in lines)]


def _operands(expression: Expression) -> list[str]:
    """Lines for the operands. t and T stay on the host: no step waits for the device, and half precision rounds neither."""
    lines = []
    if uses(expression, "t", "T", "annealed_noise"):
        lines.append('precise = torch.float32 if w.device.type == "mps" else torch.float64')
    if uses(expression, "t", "annealed_noise"):
        lines.append('t = torch.tensor(state["step"], dtype=precise)')
    if uses(expression, "T"):
        lines.append('T = torch.tensor(group["total_steps"], dtype=precise)')
    if draws(expression):
        lines.append('generator = generator_of(w.device, group["seed"], state["step"], number)')
        lines.append('options = {"generator": generator, "dtype": g.dtype, "device": g.device}')
    if uses(expression, "noise"):
        lines.append(f"noise = {NOISE_DEVIATION} * torch.randn(g.shape, **options)")
    if uses(expression, "annealed_noise"):
        lines.append(f"deviation = (1 + t) ** (-{ANNEALING} / 2)")
        lines.append("annealed_noise = deviation * torch.randn(g.shape, **options)")
    if calls(expression, "drop"):
        lines.append("uniform = torch.rand(g.shape, **options)")
    return lines


WRITER = SourceWriter(
    imports=IMPORTS,
    activation_usage=activation_usage,
    activation_text=activation_text,
    rule_usage=rule_usage,
    rule_text=rule_text,
)
"""What this module writes."""
