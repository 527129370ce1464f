"""Published results under a name."""

import hashlib
import json

import pytest

from automl_cli.cli.app import run
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.kinds.cell import CellBody
from automl_cli.references import artifact_names, names, open_any, open_artifact, open_filling, publications
from automl_cli.store.artifact import decode_artifact, encode_artifact, write_artifact
from automl_cli.values.cell import CellPair
from tests.conftest import ROOT
from tests.tables import BODIES, KINDS

FOLDER = ROOT / "automl_cli" / "references" / "artifacts"


def test_every_shipped_artifact_and_every_name_belongs_to_one_paper():
    assert sorted(artifact_names()) == sorted(path.stem for path in FOLDER.iterdir())
    assert len(set(names())) == len(names())


NO_PAPER = dict.fromkeys(("standard", "inception", "none"), "a setting of this tool, named after what papers do to images")
"""Names of the tables of kinds that no paper published."""


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS.values() for name in kind.names])
def test_every_name_of_a_table_has_a_paper_and_stands_there_as_an_artifact(kind, name):
    if name in NO_PAPER:
        assert name not in names()
        return
    opened = open_any(name)
    assert name in names()
    assert (opened.published, opened.artifact.kind, opened.artifact.body.value) == (True, kind.name, kind.names[name])
    assert opened.digest == hashlib.sha256(encode_artifact(opened.artifact)).hexdigest()


def test_every_name_of_a_paper_is_that_of_an_artifact_or_stands_in_a_table():
    assert {*names()} == {*artifact_names(), *(name for kind in KINDS.values() for name in kind.names)} - NO_PAPER.keys()


def test_a_function_and_a_rule_put_into_a_role_by_name_have_the_digest_of_the_artifact_that_would_hold_them(tmp_path):
    for role, name in (("activation", "swish"), ("optimizer", "powersign-ld")):
        file = tmp_path / f"{name}.json"
        write_artifact(file, open_any(name).artifact)
        by_name, by_file = open_filling(role, name), open_filling(role, str(file))
        assert (by_name.value, by_name.digest) == (by_file.value, by_file.digest)
        assert (by_name.name, by_file.name) == (name, None)


@pytest.mark.parametrize("name", artifact_names())
def test_a_reference_is_an_artifact_in_canonical_form_under_a_name(name, tmp_path):
    path = FOLDER / f"{name}.json"
    opened = open_any(name)
    assert decode_artifact(path.read_bytes(), str(path), BODIES) == opened.artifact
    assert encode_artifact(opened.artifact) == path.read_bytes()
    copy = tmp_path / "copy.json"
    copy.write_bytes(path.read_bytes())
    assert open_any(str(copy)).digest == opened.digest


@pytest.mark.parametrize("name", [name for name in artifact_names() if open_any(name).artifact.kind == "cell"])
def test_a_published_cell_says_in_words_what_it_holds(name):
    body = open_artifact(name, CellBody).artifact.body
    assert isinstance(body.value, CellPair)
    assert body.words == body.value.equations()
    assert body.found is None


def test_nasnet_a_is_the_cell_of_the_paper():
    assert open_artifact("nasnet-a", CellBody).artifact.body.words == (
        "normal h2 = sep-5x5(h0) + sep-3x3(h1)",
        "normal h3 = sep-5x5(h1) + sep-3x3(h1)",
        "normal h4 = avg-3x3(h0) + identity(h1)",
        "normal h5 = avg-3x3(h1) + avg-3x3(h1)",
        "normal h6 = sep-3x3(h0) + identity(h0)",
        "normal output = h1, h2, h3, h4, h5, h6",
        "reduction h2 = sep-5x5(h0) + sep-7x7(h1)",
        "reduction h3 = max-3x3(h0) + sep-7x7(h1)",
        "reduction h4 = avg-3x3(h0) + sep-5x5(h1)",
        "reduction h5 = identity(h3) + avg-3x3(h2)",
        "reduction h6 = sep-3x3(h2) + max-3x3(h0)",
        "reduction output = h3, h4, h5, h6",
    )


def test_amoebanet_a_numbers_its_inputs_as_nasnet_does():
    """Its source counts the output two cells back as 0 and the previous cell as 1."""
    words = open_artifact("amoebanet-a", CellBody).artifact.body.words
    assert words[0] == "normal h2 = avg-3x3(h1) + max-3x3(h0)"
    assert words[4] == "normal h6 = identity(h1) + avg-3x3(h0)"
    assert words[10] == "reduction h6 = conv-1x7-7x1(h1) + sep-3x3(h5)"


def test_a_run_directory_stands_for_its_best_file(tmp_path):
    (tmp_path / "best.json").write_bytes((FOLDER / "nasnet-a.json").read_bytes())
    assert open_artifact(str(tmp_path), CellBody).artifact == open_artifact("nasnet-a", CellBody).artifact
    assert open_any("nasnet-a").place == "reference nasnet-a"


def test_what_cannot_be_opened_is_refused_with_the_next_step(tmp_path):
    with pytest.raises(UserError, match=r"unknown cell 'nasnet-b'\. Did you mean 'nasnet-a'\? Known: amoebanet-a, nasnet-a"):
        open_artifact("nasnet-b", CellBody)
    with pytest.raises(ArtifactError, match=r"missing\.json: no such file"):
        open_artifact(str(tmp_path / "missing.json"), CellBody)
    with pytest.raises(ArtifactError, match=r"holds no best\.json; see how far the run is with: automl report"):
        open_artifact(str(tmp_path), CellBody)


def test_a_paper_as_bibtex():
    nasnet = next(publication for publication in publications() if publication.key == "zoph2018nasnet")
    assert nasnet.bibtex.splitlines() == [
        "@inproceedings{zoph2018nasnet,",
        "  title = {{Learning Transferable Architectures for Scalable Image Recognition}},",
        "  author = {Barret Zoph and Vijay Vasudevan and Jonathon Shlens and Quoc V. Le},",
        "  booktitle = {CVPR},",
        "  year = {2018},",
        "  eprint = {1707.07012},",
        "  archiveprefix = {arXiv}",
        "}",
    ]


def test_the_deck_s_papers_and_those_its_list_forgets_are_named():
    assert {publication.arxiv for publication in publications()} >= {
        "1611.01578",
        "1707.07012",
        "1805.09501",
        "1710.05941",
        "1709.07417",
        "1807.11626",
        "1805.08974",
        "1802.01548",
    }


def test_references_lists_names_with_paper_and_table(capfd):
    assert run(["references"]) == 0
    text = capfd.readouterr().out
    assert max(map(len, text.split("\n\n")[0].splitlines())) <= 80
    assert "nasnet-a" in text
    assert run(["references", "nasnet-a", "--json"]) == 0
    (paper,) = json.loads(capfd.readouterr().out)
    assert paper["provides"]["nasnet-a"]["kind"] == "cell"
    assert paper["provides"]["nasnet-a"]["results"][0] == {
        "setting": "6@768",
        "dataset": "cifar10",
        "metric": "error %",
        "value": 3.41,
        "parameters": "3.3M",
        "multiply_adds": None,
        "table": "Table 1",
    }


def test_references_prints_one_bibtex_entry_per_paper(capfd):
    assert run(["references", "--bibtex"]) == 0
    assert capfd.readouterr().out.count("@inproceedings{") == len(publications())


def test_a_paper_that_arxiv_does_not_have_is_cited_by_venue(capfd):
    assert run(["references", "sgd"]) == 0
    text = capfd.readouterr().out
    assert "Robbins and Monro, Annals of Mathematical Statistics 1951\n" in text
    assert text.splitlines()[-1] == "g"
    assert run(["references", "muon", "--bibtex"]) == 0
    entry = capfd.readouterr().out
    assert "url = {https://kellerjordan.github.io/posts/muon/}" in entry
    assert "eprint" not in entry


def test_swish_has_the_results_of_the_paper(capfd):
    assert run(["references", "swish", "--json"]) == 0
    (paper,) = json.loads(capfd.readouterr().out)
    results = paper["provides"]["swish"]["results"]
    mobile = [row["value"] for row in results if row["setting"].startswith("Mobile NASNet-A") and row["metric"] == "top-1 %"]
    assert paper["provides"]["swish"]["kind"] == "activation"
    assert mobile == [74.9, 74.9, 75.2]


def test_references_refuses_an_unknown_name(capfd):
    assert run(["references", "nasnet"]) == 2
    assert "unknown reference 'nasnet'. Did you mean 'nasnet-a'?" in capfd.readouterr().err
