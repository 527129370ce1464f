"""Runs exported files as a user would: in a process that cannot import this tool. It answers requests line by line, as JSON."""

import importlib.util
import json
import sys


class Forbidden:
    """Refuses to import this tool, as on a machine where it is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("automl_cli", "search_spaces", "tests"):
            raise ModuleNotFoundError(name)


def module_in(file):
    """The module in a file."""
    spec = importlib.util.spec_from_file_location("alone", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def activation(file, x, betas, gradient):
    """Outputs for x, with these betas, with those it starts from, and the derivative of the sum with respect to x."""
    import jax
    import jax.numpy as jnp

    module, x = module_in(file), jnp.array(x, jnp.float32)
    betas = {name: jnp.array(value, jnp.float32) for name, value in betas.items()}
    starts = module.initial_betas(x.shape[-1]) if betas else {}
    found = [module.activation(x, **betas), module.activation(x, **starts), module.activation(x)]
    if gradient:
        found.append(jax.grad(lambda x: module.activation(x, **betas).sum())(x))
    return [array.tolist() for array in found]


def rule(file, name, gradients, parameters, steps, settings, compiled):
    """Parameters behind each step."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = getattr(module_in(file), name)(**settings)
    parameters = {key: jnp.array(value, jnp.float32) for key, value in parameters.items()}

    def step(gradients, state, parameters):
        updates, state = optimizer.update(gradients, state, parameters)
        return updates, state, optax.apply_updates(parameters, updates)

    step, state, found = jax.jit(step) if compiled else step, optimizer.init(parameters), []
    for number in range(steps):
        given = {key: jnp.array(value[number], jnp.float32) for key, value in gradients.items()}
        updates, state, parameters = step(given, state, parameters)
        found.append({key: value.tolist() for key, value in updates.items()})
    return found


def main():
    """Answer requests until there are no more."""
    sys.meta_path.insert(0, Forbidden())
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"activation": activation, "rule": rule}[request.pop("what")](**request)
        assert not any(name.partition(".")[0] == "automl_cli" for name in sys.modules)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
