"""A strategy from an installed package of somebody else's: named, searched with, killed, resumed, reported and validated."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.searches import search, start
from tests.executors.test_executors import until
from tests.tables import ROOT

MODULE = '''
"""Hill climbing: mutate the best genotype so far, and begin anew now and then."""

from msgspec import Struct, to_builtins

from automl_cli.core.settings import read, settle
from automl_cli.core.random_streams import stream
from automl_cli.core.trials import Proposal

OWNER = "strategy hill-climbing"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    restart_every: int = 20


class HillClimbing:
    summary = "Mutates the best genotype so far, and begins anew now and then."
    settings = Settings
    starts_from_genotypes = False
    earlier = "mutates the best of them"
    small_spaces_only = False
    draws = True
    batch = 1

    @staticmethod
    def resolve(trials, given):
        return to_builtins(settle(Settings, given, owner=OWNER, sources={"budget": {}}))

    def __init__(self, space, *, seed, settings):
        self.space, self.seed = space, seed
        self.restart_every = read(Settings, settings, owner=OWNER).restart_every
        self.best = None

    def ask(self, trial):
        if self.best is None or trial % self.restart_every == 0:
            return Proposal(self.space.sample(self.seed, trial))
        return Proposal(self.space.mutate(self.best[1], stream(self.seed, "climb", trial)))

    def take_over(self, earlier):
        for number, (genotype, reward) in enumerate(earlier):
            if reward is not None and (self.best is None or reward >= self.best[0]):
                self.best = reward, genotype

    def tell(self, trial, proposal, reward):
        if reward is not None and (self.best is None or reward >= self.best[0]):
            self.best = reward, proposal.genotype
'''

SLOW = {"strategy": "hill-climbing", "trials": 40, "workers": 2, "executor": "local", "evaluator_option": "seconds=0.05"}

Install = Callable[[str, str], dict[str, str]]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Puts the package where Python finds it, with the metadata that pip would write; gives the environment to run in.

    Takes the name of its strategy, and the "module:attribute" that it stands for.
    """

    def installed(name: str, target: str) -> dict[str, str]:
        site = tmp_path / "site"
        metadata = site / "climbing-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / "climbing.py").write_text(MODULE)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: climbing\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[automl_cli.strategies]\n{name} = {target}\n")
        return {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}

    return installed


def automl(environment: dict[str, str], *arguments: object) -> "subprocess.CompletedProcess[str]":
    """A command line in a process of its own."""
    command = [sys.executable, "-m", "automl_cli", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True)


def told(run: Path) -> int:
    """How many trials of the run have ended."""
    journal = run / "journal.jsonl"
    return journal.read_bytes().count(b'"told"') if journal.exists() else 0


def test_it_searches_and_killed_and_resumed_it_finds_the_same(install: Install, tmp_path: Path) -> None:
    environment = install("hill-climbing", "climbing:HillClimbing")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = automl(environment, *search("-q", out=whole, **SLOW))
    assert done.returncode == 0, done.stderr
    with start(search("-q", out=cut, **SLOW), environment=environment) as process:
        assert until(lambda: told(cut) >= 8), process.communicate()
        process.kill()
    assert told(cut) < 40
    resumed = automl(environment, *search("-q", "--resume", out=cut))
    assert resumed.returncode == 0, resumed.stderr
    assert (cut / "best.json").read_bytes() == (whole / "best.json").read_bytes()
    (reported,) = json.loads(automl(environment, "report", cut, "--json").stdout)["runs"]
    assert (reported["strategy"], reported["trials"]) == ("hill-climbing", 40)
    checked = automl(environment, "validate", cut)
    assert checked.returncode == 0, checked.stderr


def test_its_settings_are_refused_by_name_and_recorded(install: Install, tmp_path: Path) -> None:
    environment = install("hill-climbing", "climbing:HillClimbing")
    how = search("--executor", "serial", "--trials", 2, "--out", tmp_path / "run", "--strategy", "hill-climbing")
    refused = automl(environment, *how, "--strategy-option", "restart_evry=5")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "unknown option 'restart_evry' of strategy hill-climbing. Did you mean 'restart_every'?" in refused.stderr
    assert automl(environment, *how, "--strategy-option", "restart_every=5").returncode == 0
    assert json.loads((tmp_path / "run" / "study.json").read_bytes())["body"]["strategy_settings"] == {"restart_every": 5}


@pytest.mark.parametrize(
    ("name", "target", "asked", "text"),
    [
        (
            "hill-climbing",
            "climbing:HillClimbing",
            "hill-climbin",
            "Did you mean 'hill-climbing'? Known: evolution, exhaustive, ",
        ),
        (
            "ppo",
            "climbing:HillClimbing",
            "random",
            "'climbing:HillClimbing' names its strategy 'ppo', but 'automl_cli.strategies.ppo:PPO', which is built in, has",
        ),
        (
            "gone",
            "climbing:Gone",
            "gone",
            "error: strategy 'gone' cannot be loaded from the installed plug-in 'climbing:Gone': AttributeError: ",
        ),
        (
            "settings",
            "climbing:Settings",
            "settings",
            "error: strategy 'settings', which is the installed plug-in 'climbing:Settings', does not have summary, ",
        ),
    ],
)
def test_what_does_not_fit_is_said(install: Install, tmp_path: Path, name: str, target: str, asked: str, text: str) -> None:
    environment = install(name, target)
    done = automl(environment, *search("--strategy", asked, "--out", tmp_path / "run"))
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert not (tmp_path / "run").exists()


def test_one_that_is_broken_leaves_the_others_alone(install: Install, tmp_path: Path) -> None:
    environment = install("gone", "no_such_module:Gone")
    how = search("--strategy", "random", "--executor", "serial", "--trials", 2, "--out", tmp_path / "run")
    assert automl(environment, *how).returncode == 0
