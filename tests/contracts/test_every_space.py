"""Laws that hold for every search space, with every set of options."""

import hashlib
import math
import subprocess
import sys
from random import Random

import msgspec
import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import SpaceError
from automl_cli.core.spaces import SearchPreset, SearchSpace
from automl_cli.core.trials import Task
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.planning.strategy_rule import AUTO
from automl_cli.plugins.discovery import open_space, plugin_named
from automl_cli.plugins.listing import kind_named, standing_kind
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.plugins.space_checks import check_plugin, check_space
from automl_cli.store.encoding import document, line, parse
from automl_cli.study.session import setup_of
from tests.contracts import golden
from tests.tables import PLUGINS, PRESET_LABELS, ROOT, SPACES, decisions_text

SAMPLES = 30
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
every_plugin = pytest.mark.parametrize("name", PLUGINS)
every_preset = pytest.mark.parametrize(
    ("name", "preset"), [(name, preset) for name, plugin in PLUGINS.items() for preset in plugin.presets]
)


def genotypes(space: SearchSpace) -> list[Genotype]:
    """Sampled ones, from early and late trials, and each of them mutated a few times."""
    sampled = [space.sample(7, trial * trial * trial) for trial in range(SAMPLES)]
    mutated = []
    for number, genotype in enumerate(sampled):
        random = Random(number)
        for _ in range(3):
            genotype = space.mutate(genotype, random)  # noqa: PLW2901
        mutated.append(genotype)
    return sampled + mutated


@every_space
def test_it_passes_the_check_of_a_space_of_ones_own(space: SearchSpace) -> None:
    assert check_plugin(space.plugin, "here") is space.plugin
    check_space(space)


@every_space
def test_decoding_is_total_and_pure(space: SearchSpace) -> None:
    for genotype in genotypes(space):
        assert space.decode(genotype) == space.decode(genotype)
        assert space.tokens(genotype) == space.tokens(genotype)


@every_space
def test_value_survives_json(space: SearchSpace) -> None:
    for genotype in genotypes(space):
        value = space.decode(genotype)
        assert msgspec.convert(parse(document(value), "value"), type(value)) == value


@pytest.mark.parametrize("label", [label for label, space in SPACES.items() if space.plugin.encode is not None])
def test_encoding_gives_a_genotype_of_the_same_value(label: str) -> None:
    space = SPACES[label]
    encode = space.plugin.encode
    assert encode is not None
    for genotype in genotypes(space):
        value = space.decode(genotype)
        assert space.decode(encode(space.options, value)) == value


@every_space
def test_choices_and_genotype_say_the_same(space: SearchSpace) -> None:
    for genotype in genotypes(space):
        assert space.decisions.genotype_of(space.decisions.choices_of(genotype)) == genotype


@every_space
def test_tokens_tell_genotypes_apart(space: SearchSpace) -> None:
    said: dict[tuple[str, ...], Genotype] = {}
    for genotype in genotypes(space):
        tokens = space.tokens(genotype)
        assert tokens
        assert all(tokens)
        first = said.setdefault(tokens, genotype)
        assert first == genotype or space.canonical(first) == space.canonical(genotype)


@every_space
def test_mutation_is_pure_and_changes_one_decision_or_what_the_space_says(space: SearchSpace) -> None:
    changes = []
    for number, genotype in enumerate(genotypes(space)):
        child = space.mutate(genotype, Random(number))
        assert space.decisions.check(child) == child
        assert child == space.mutate(genotype, Random(number))
        changes.append(sum(before != after for before, after in zip(genotype, child, strict=True)))
    if space.plugin.mutate is None:
        assert set(changes) == {1}
    else:  # a rule of the space's own may leave a genotype as it is (the identity mutation of arXiv 1802.01548), but seldom
        assert sum(change > 0 for change in changes) > len(changes) / 2


@every_space
def test_live_decisions_never_shrink_and_stay_within_the_space(space: SearchSpace) -> None:
    lengths = [space.length(trial) for trial in [*range(0, 20_000, 97), 10**6]]
    assert lengths == sorted(lengths)
    assert lengths[0] >= 1
    assert lengths[-1] <= len(space.decisions)
    assert len(space.sample(0, 10**6)) == lengths[-1]


@every_space
def test_size_is_the_number_of_genotypes(space: SearchSpace) -> None:
    size = 1
    for decision in space.decisions.decisions:
        size *= len(decision.choices)
    assert space.size == size


@every_space
def test_an_index_out_of_range_is_refused(space: SearchSpace) -> None:
    first = space.decisions.decisions[0]
    bad = (len(first.choices), *space.sample(0, 0)[1:])
    with pytest.raises(SpaceError, match=f"decision {first.name!r} has indices 0 to"):
        space.decode(bad)


@every_space
def test_a_study_finds_its_space_again(space: SearchSpace) -> None:
    again = open_space(msgspec.convert(parse(document(space.reference()), "reference"), type(space.reference())))
    assert (again.plugin, again.options, again.decisions) == (space.plugin, space.options, space.decisions)


@every_plugin
def test_decisions_and_what_they_stand_for_change_with_the_version_only(name: str) -> None:
    plugin = PLUGINS[name]
    variants = {label: space for label, space in SPACES.items() if space.plugin is plugin and label not in PRESET_LABELS}
    found = {
        "space": f"{name} version {plugin.version}",
        "decisions": decisions_text(SPACES[name]),
        "variants": {label: _fingerprint(space) for label, space in variants.items()},
    }
    golden.check(f"spaces/{name}-v{plugin.version}", found)


def _fingerprint(space: SearchSpace) -> dict[str, object]:
    decoded = [[genotype, space.decode(genotype), space.tokens(genotype)] for genotype in genotypes(space)]
    return {
        "options": space.options,
        "size": str(space.size),
        "decisions": hashlib.sha256("\n".join(decisions_text(space)).encode()).hexdigest(),
        "values": hashlib.sha256(document(decoded)).hexdigest(),
    }


@every_plugin
def test_file_says_what_it_is(name: str) -> None:
    plugin = PLUGINS[name]
    file = ROOT / "search_spaces" / f"{name.replace('-', '_')}.py"
    assert file.is_file(), f"the space {name!r} stands in a file of its name"
    said = file.read_text(encoding="utf-8").partition('"""')[2].partition('"""')[0]
    for needed in ("arXiv ", "Differs from the paper: "):
        assert needed in said, f"the docstring of {file.name} lacks {needed!r}"
    assert plugin.summary
    assert all(option.help for option in plugin.options)


@every_plugin
def test_there_is_a_quick_preset_and_the_papers(name: str) -> None:
    assert set(PLUGINS[name].presets) == {"quick", "paper"}
    assert PLUGINS[name].presets["paper"].published_cost


@every_preset
def test_preset_fits_its_space_and_its_strategies(name: str, preset: str) -> None:
    plugin, settings = PLUGINS[name], PLUGINS[name].presets[preset]
    assert isinstance(settings, SearchPreset)
    assert plugin.settle(settings.space_options).keys() == {option.name for option in plugin.options}
    assert settings.strategy in (AUTO, *STRATEGIES.names())
    for strategy, given in settings.strategy_settings.items():
        STRATEGIES.load(strategy).resolve(settings.trials, given)


@every_plugin
def test_the_papers_preset_leaves_no_constant_to_a_rule_from_the_budget(name: str) -> None:
    preset = PLUGINS[name].presets["paper"]
    strategy = STRATEGIES.load(preset.strategy)
    if strategy.small_spaces_only:  # its only constant is the budget
        assert preset.trials >= SearchSpace(PLUGINS[name], preset.space_options).size
        return
    given = preset.strategy_settings.get(preset.strategy, {})
    assert strategy.resolve(100, given) == strategy.resolve(10_000, given)


@every_plugin
def test_a_space_is_found_by_name(name: str) -> None:
    assert plugin_named(name) == (PLUGINS[name], None)


TRAINABLE = [name for name, plugin in PLUGINS.items() if standing_kind(kind_named(plugin.produces)).build]


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_child_of_it_is_built_and_trained_for_an_epoch_and_costs_what_it_measures(name: str) -> None:
    request = SearchRequest(space=name, strategy="random", train_examples=200, epochs=1)
    settings, space = plan_search(PLUGINS[name].command, request, default_space=name)
    setup, genotype = setup_of(settings), space.sample(5, 0)
    measured = TrainedEvaluator(setup).evaluate(Task(0, genotype, seed=1, epochs=1))
    assert len(measured.scores) == 1
    assert all(map(math.isfinite, (*measured.scores, *measured.metrics.values())))
    costs = TrainedEvaluator.costs(setup, space, genotype)
    if costs is not None:
        assert (measured.metrics["parameters"], measured.metrics["multiply_adds"]) == (costs.parameters, costs.multiply_adds)


@every_space
def test_what_genotypes_mean_is_a_function_of_their_values(space: SearchSpace) -> None:
    meanings: dict[bytes, tuple[int, ...]] = {}
    for genotype in genotypes(space):
        meaning = space.canonical(genotype)
        assert all(type(part) is int for part in meaning)
        if space.plugin.canonical is None:  # each genotype means something of its own
            assert meaning == genotype
            continue
        assert meanings.setdefault(line(space.decode(genotype)), meaning) == meaning == space.canonical(genotype)


def test_finding_decoding_and_printing_spaces_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from tests.tables import SPACES\n"
        "for space in SPACES.values():\n"
        "    space.decode(space.sample(0, 0)), space.tokens(space.sample(0, 0))\n"
        "heavy = {'jax', 'flax', 'numpy', 'tensorflow_datasets', 'ray', 'scipy', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
