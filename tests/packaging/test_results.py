"""What was measured stands in chapters by family of CPUs, each section with the machine it was measured on."""

import re

from tests.benchmarks.results import HEAD, RESULTS, placed

FAMILY, OTHER = "AMD Zen 4", "Intel Sapphire Rapids"


def section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}\n"


def test_section_measured_again_replaces_the_one_of_its_family_only() -> None:
    document = HEAD
    for family, title, text in ((FAMILY, "A", "1"), (FAMILY, "B", "2"), (OTHER, "A", "3"), (FAMILY, "A", "4")):
        document = placed(document, family, title, section(title, text))
    expected = f"{HEAD}\n# {FAMILY}\n\n{section('B', '2')}\n{section('A', '4')}\n# {OTHER}\n\n{section('A', '3')}"
    assert document == expected


def test_placing_what_is_there_already_changes_nothing() -> None:
    document = RESULTS.read_text(encoding="utf-8")
    chapter = re.split(r"(?m)^(?=# )", document)[-1]
    family = chapter.split("\n", 1)[0].removeprefix("# ")
    last = re.split(r"(?m)^(?=## )", chapter)[-1]
    assert placed(document, family, last.split("\n", 1)[0].removeprefix("## "), last) == document


def test_every_section_stands_in_a_chapter_and_names_cpu_and_features() -> None:
    head, *chapters = re.split(r"(?m)^(?=# )", RESULTS.read_text(encoding="utf-8").removeprefix("# "))
    assert "## " not in head
    for chapter in chapters:
        for part in re.split(r"(?m)^(?=## )", chapter)[1:]:
            made = part.split("\n")[2]
            assert re.match(r"`python tests/benchmarks/.*, on [^;(]+\([^)]*(AVX|NEON)[^)]*\); ", made), made
