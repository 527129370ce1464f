"""Expressions of both languages: rules to try each of, and expressions drawn by Hypothesis."""

from hypothesis import strategies as st

from automl_cli.values.activation import ACTIVATIONS, ActivationFunction, activation_of
from automl_cli.values.expressions.tree import FUNCTIONS, STATEFUL, Call, Expression, Name, Number, uses
from automl_cli.values.optimizer import NAMED, RULES, UpdateRule, rule_of

NAMED_RULES = {name: rule for name, rule in NAMED.items() if isinstance(rule, UpdateRule)}
MORE_RULES = {
    "noisy": UpdateRule("drop(g, 0.3) * (1 + noise) + drop(1, 0.5) + annealed_noise + 0.1 * drop(w, 0.2)"),
    "same-for-all": UpdateRule("ld * cd"),
    "constant": UpdateRule("2"),
    "both-averages": UpdateRule("ema(g, 0.9) - previous_ema(g, 0.9) + trace(ema_from_one(w^3, 0.5), momentum)", 0.8),
}

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.5, -1.0, -0.25, 4.0, 1e-8, 100.0, 123456789.0]).map(Number)
CONSTANTS = {
    **dict.fromkeys(STATEFUL, st.sampled_from([0.0, 0.5, 0.9, 0.99]).map(Number)),
    "drop": st.sampled_from([0.0, 0.3, 1.0]).map(Number),
    "clip": st.sampled_from([0.0, 0.01, 1.0]).map(Number),
}


def _expressions(names, functions, size):
    leaves = st.sampled_from(names).map(Name) | NUMBERS

    def called(inner):
        def of(function):
            arguments = [inner] * FUNCTIONS[function].arity
            if function in CONSTANTS:
                arguments[-1] = CONSTANTS[function]
            return st.tuples(*arguments).map(lambda given: Call(function, given))

        return st.sampled_from(functions).flatmap(of)

    return st.recursive(leaves, called, max_leaves=size)


def activation_trees(size=8) -> st.SearchStrategy[Expression]:
    """Expressions of x with up to two trained parameters."""
    trees = _expressions(("x", "x", "x", "beta", "beta2"), ACTIVATIONS.functions, size)
    return trees.filter(lambda tree: uses(tree, "x"))


def rule_trees(size=8) -> st.SearchStrategy[Expression]:
    """Expressions of rules with every operand and defined name."""
    return _expressions((*RULES.operands, *RULES.definitions, "g", "w"), RULES.functions, size)


def activations(size=8) -> st.SearchStrategy[ActivationFunction]:
    """Functions of x with up to two trained parameters."""
    return activation_trees(size).map(activation_of)


def rules(size=8) -> st.SearchStrategy[UpdateRule]:
    """Update rules with every operand and defined name."""
    return rule_trees(size).map(rule_of)
