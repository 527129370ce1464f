"""Update rules (Bello, Zoph, Vasudevan and Le, arXiv 1709.07417, section 3): what is made of a gradient, step by step.

Decisions: per iteration two operands, a unary function of each and a binary function, in this order (5 tokens). The result is
an operand of later iterations, or, of the last one, the update. 17 operands, 21 with `decays=true` (the linear, cosine and
restart decay and annealed noise); 12 unary and 6 binary functions.
Size: 17^2 * 12^2 * 6 = 249,696 strings of one iteration, 21^2 * 12^2 * 6 = 381,024 with decays.
What the paper forbids while it samples (`constraints=true`): equal operands, a sum as the last binary function, iterations that
reuse no earlier result.
Differs from the paper: a forbidden choice stands for the next one that is allowed, where the paper draws again; what means the
same is measured once. Rules are searched by PPO, where the paper has TRPO. drop sets single numbers to 0, and all drops of a
step share one draw. The child ends in global average pooling where the paper's head is not published.
"""

from functools import cache

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset, SpaceOption
from automl_cli.values.child import ChildPreset
from automl_cli.values.expressions.canonical import canonical as canonical_form
from automl_cli.values.expressions.parser import parse
from automl_cli.values.expressions.sameness import rule_key
from automl_cli.values.expressions.tree import Expression, Language, replace
from automl_cli.values.optimizer import RULES, UpdateRule, rule_of
from automl_cli.values.recipe import Recipe

OPERANDS = (
    "g", "g^2", "g^3", "m", "v", "r", "sign(g)", "sign(m)", "1", "2", "noise", "0.0001 * w", "0.001 * w", "0.01 * w", "0.1 * w",
    "adam", "rmsprop",
)  # fmt: skip
DECAYS = ("ld", "cd", "rd", "annealed_noise")
UNARY = (
    "x", "-x", "exp(x)", "log(abs(x))", "sqrt(abs(x))", "clip(x, 1e-5)", "clip(x, 1e-4)", "clip(x, 1e-3)", "drop(x, 0.1)",
    "drop(x, 0.3)", "drop(x, 0.5)", "sign(x)",
)  # fmt: skip
BINARY = ("a + b", "a - b", "a * b", "a / (b + 1e-8)", "a^b", "a")
FORMS = Language(what="form", operands=("x", "a", "b"), functions=RULES.functions)

ITERATIONS = SpaceOption("iterations", 1, "Iterations of a rule, 5 tokens each.", choices=(1, 2, 3, 4))
WITH_DECAYS = SpaceOption("decays", False, "Whether the decays and annealed noise are operands.")
CONSTRAINTS = SpaceOption("constraints", True, "Whether the paper's constraints hold; see the space's file.")


def operands(options: Options, iteration: int) -> tuple[str, ...]:
    """The operands of an iteration, from 0; results of earlier ones stand last."""
    results = tuple(f"result {number}" for number in range(1, iteration + 1))
    return (*OPERANDS, *(DECAYS if options["decays"] else ()), *results)


def decisions(options: Options) -> DecisionList:
    """Per iteration: operand 1, operand 2, unary 1, unary 2, binary."""
    found = []
    for iteration in range(int(options["iterations"])):
        known = operands(options, iteration)
        rows = (("operand 1", known), ("operand 2", known), ("unary 1", UNARY), ("unary 2", UNARY), ("binary", BINARY))
        found += [Decision(f"iteration {iteration + 1}: {name}", choices) for name, choices in rows]
    return DecisionList(tuple(found))


def decode(options: Options, genotype: Genotype) -> UpdateRule:
    """The rule of this genotype."""
    results: list[Expression] = []
    steps = list(zip(*(iter(genotype),) * 5, strict=True))
    for iteration, drawn in enumerate(steps):
        last = iteration == len(steps) - 1
        step = allowed(drawn, len(operands(options, iteration)), iteration, last=last) if options["constraints"] else drawn
        first, second, *functions, binary = step
        known = [*map(_form, operands(options, 0)), *results]
        a, b = (replace(_form(UNARY[unary]), {"x": known[at]}) for unary, at in zip(functions, (first, second), strict=True))
        results.append(replace(_form(BINARY[binary]), {"a": a, "b": b}))
    return rule_of(canonical_form(results[-1]))


Tokens = tuple[int, int, int, int, int]


def allowed(step: Tokens, count: int, results: int, *, last: bool) -> Tokens:
    """The five choices of an iteration with `count` operands, of which the last `results` are results, without forbidden ones.

    A second operand that makes no use of a result where the first does not either becomes one of the results; one that equals
    the first becomes the next. A sum in the last iteration becomes a difference.
    """
    first, second, one, two, binary = step
    if results and max(first, second) < count - results:
        second = count - results + second % results
    if first == second:
        second = (second + 1) % count
        if results and max(first, second) < count - results:
            first, second = second, first
    return first, second, one, two, 1 if last and BINARY[binary] == "a + b" else binary


@cache
def _form(text: str) -> Expression:
    return parse(text, FORMS if text in (*UNARY, *BINARY) else RULES)


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """The formula."""
    return (decode(options, genotype).expression,)


def canonical(options: Options, genotype: Genotype) -> Genotype:
    """The same integers for all genotypes whose rules make the same updates."""
    return rule_key(decode(options, genotype))


RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)

QUICK = SearchPreset(
    trials=128,
    epochs=5,
    least_steps=35,
    retrain_seeds=3,
    strategy="ppo",
    child=ChildPreset(
        network="convnet-2x32", recipe=Recipe(batch_size=100, learning_rate=0.1, learning_rates=RATES, weight_decay=0.0)
    ),
    space_options={"iterations": 2},
)

PAPER = SearchPreset(
    trials=20000,
    epochs=5,
    strategy="ppo",
    in_flight=100,
    child=ChildPreset(
        dataset="cifar10",
        network="convnet-2x32",
        recipe=Recipe(batch_size=100, learning_rate=0.1, learning_rates=RATES, weight_decay=0.0),
    ),
    strategy_settings={name: {"constants": "paper"} for name in ("reinforce", "ppo", "evolution")},
    space_options={"iterations": 2, "decays": True},
    published_cost="100 CPUs, less than a day",
)

SPACE = Plugin(
    name="update-rules",
    version=1,
    command="search-optimizer",
    produces="optimizer-rule",
    summary="update rules of one to four iterations: 17 operands, 12 unary and 6 binary functions",
    decisions=decisions,
    decode=decode,
    tokens=tokens,
    canonical=canonical,
    options=(ITERATIONS, WITH_DECAYS, CONSTRAINTS),
    presets={"quick": QUICK, "paper": PAPER},
)
