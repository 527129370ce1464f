"""The page in a real browser: no error, no request, nothing outside of a phone, all of it without script.

Needs the extra `browser` and a Chromium, of the system or of playwright; without, the tests are skipped and say so.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_cli.reporting.page import page
from automl_cli.reporting.runs import read_history
from automl_cli.reporting.summary import summarise
from automl_cli.store.reports import Report
from tests.reporting.runs import write_run

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
OUTSIDE = """() => {
  const width = document.documentElement.clientWidth;
  const outside = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width && (box.right > width + 1 || box.left < -1) && !element.closest(".scrolls, .skip");
  });
  return [document.documentElement.scrollWidth - width, outside.map((element) => element.outerHTML.slice(0, 80))];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="drives a browser: pip install 'automl-cli[browser]'")
    system = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    with api.sync_playwright() as started:
        try:
            made = started.chromium.launch(executable_path=system, args=["--no-sandbox"])
        except api.Error as error:
            pytest.skip(f"no Chromium to drive: {str(error).splitlines()[0]}")
        yield made
        made.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about two searches that are compared, one with a name that is hostile and long."""
    folder = tmp_path_factory.mktemp("page")
    scores = [0.5, None, 0.7, 0.6, 0.65, 0.71, 0.4, 0.72, 0.3, 0.69]
    runs = [
        write_run(folder / "random", scores, metrics={"a_rather_long_metric": 123_456_789}),
        write_run(folder / f"<img src=x onerror=alert(1)>{'long' * 30}", scores[::-1], strategy="evolution", seed=1),
    ]
    from automl_cli.reporting.comparison import compare

    histories = [read_history(run) for run in runs]
    report = Report(runs=tuple(map(summarise, histories)), comparison=compare(histories))
    file = folder / "report.html"
    file.write_text(page(report, histories), "utf-8")
    return file


def place_of(tab: Any, selector: str) -> tuple[float, float]:
    """Where a point of a chart is in the window, after scrolling to it; it has no size of its own."""
    across, down = tab.locator(selector).first.evaluate(
        "(path) => { path.closest('svg').scrollIntoView({ block: 'center' });"
        " const box = path.getBoundingClientRect(); return [box.x, box.y]; }"
    )
    return across, down


def opened(browser: Any, file: Path, **how: Any) -> tuple[Any, list[str]]:
    """The page, and what the browser complained about or asked for while it was opened."""
    tab = browser.new_context(**how).new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: complaints.append(dialog.message))
    tab.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
    tab.goto(file.as_uri())
    return tab, complaints


@pytest.mark.parametrize(
    "how",
    [{}, {"color_scheme": "dark"}, PHONE, {**PHONE, "java_script_enabled": False}],
    ids=["desk", "dark", "phone", "no script"],
)
def test_it_opens_without_error_or_request_and_nothing_lies_outside(browser: Any, file: Path, how: dict[str, Any]) -> None:
    tab, complaints = opened(browser, file, **how)
    if how.get("java_script_enabled", True):
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert tab.evaluate(OUTSIDE) == [0, []]
    assert complaints == []
    assert tab.locator("figure.chart").count() == 3 + 2 + 1, "of the comparison, of the runs, of what evolution learned"
    assert "onerror=alert(1)" in tab.locator("body").inner_text()


def test_dark_and_light_differ_and_text_stands_out(browser: Any, file: Path) -> None:
    colours = [
        opened(browser, file, color_scheme=scheme)[0].evaluate(
            "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
        )
        for scheme in ("light", "dark")
    ]
    (ink, paper), (dark_ink, dark_paper) = [[sum(map(int, c[4:-1].split(", "))) for c in pair] for pair in colours]
    assert paper - ink > 500
    assert dark_ink - dark_paper > 500


def test_a_point_leads_to_its_row_without_script(browser: Any, file: Path) -> None:
    tab, _ = opened(browser, file, java_script_enabled=False)
    row = tab.locator("tr[id=r1t5]")
    assert not row.is_visible()
    tab.mouse.click(*place_of(tab, 'a[href="#r1t5"] path'))
    row.wait_for(state="visible", timeout=5_000)


def test_pointing_at_a_point_shows_its_genotype_in_words(browser: Any, file: Path) -> None:
    tab, _ = opened(browser, file)
    across, down = place_of(tab, 'a[href="#r1t5"] path')
    tab.mouse.move(across + 3, down + 3)
    words = tab.locator(".tip").inner_text()
    assert words.startswith("trial 5: 0.7100. ")
    assert "nor_conv" in words or "skip_connect" in words or "none" in words or "pool" in words
    tab.keyboard.press("Escape")
    assert not tab.locator(".tip").is_visible()


def test_the_keyboard_reaches_the_content_first_and_no_single_point(browser: Any, file: Path) -> None:
    tab, _ = opened(browser, file)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    stops: list[str] = []
    while len(stops) < 80 and stops[-1:] != ["BODY"]:
        tab.keyboard.press("Tab")
        stops.append(tab.evaluate("document.activeElement.tagName"))
    assert stops[:3] == ["A"] * 3, "the chapters"
    assert set(stops[3:]) == {"DIV", "SUMMARY", "BODY"}, "tables and what is folded; points of charts are no stops"
