"""The page in a real browser: with pointer, keyboard and small screen; no requests and no foreign code."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnbench.reports.numbers import number
from rnnbench.reports.page.assemble import write_page

SECOND = "[data-cell='1']"


@pytest.fixture(scope="module")
def path(results, reference, tmp_path_factory):
    """One page on the hostile results and on a benchmark with claims."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page([results, reference("claims/half-rate-neuro")], path)
    return path


@pytest.fixture
def shown(browser, path: Path):
    browser.open(path)
    return browser


def test_there_are_no_requests_and_no_console_messages(shown, path):
    assert shown.requests == [path.as_uri()]
    assert shown.complaints == []
    assert shown.value("window.pwned === undefined && typeof cells === 'object'")
    assert shown.value("document.querySelectorAll('script').length") == 2
    assert shown.value("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def test_injected_markup_and_scripts_would_neither_run_nor_send_requests(shown):
    shown.value("document.body.append(Object.assign(document.createElement('script'), {textContent: 'pwned = 1'}))")
    shown.value("document.body.insertAdjacentHTML('beforeend', '<img src=http://localhost:9/x onerror=pwned=1>')")
    assert shown.value("fetch('http://localhost:9/').then(() => 'fetched', () => 'blocked')") == "blocked"
    assert shown.value("window.pwned === undefined")


def test_pointing_at_an_entry_shows_its_numbers_and_escape_hides_them(shown, results):
    shown.point(SECOND)
    text = shown.value("tip.hidden ? '' : tip.textContent")
    table = results.interference
    first, second = (task.label for task in results.benchmark.tasks)
    rows = table[(table["first_task"] == first) & (table["second_task"] == second) & (table["g"] == 0.5)]
    assert f"{first}, then {second}" in text
    lost = rows["interference"]
    assert f"interference {number(lost.mean())} ± {number(lost.std())} (standard deviation over seeds)" in text
    assert f"{rows['loss_after'].mean():.4g} after B" in text
    shown.press("Escape")
    assert shown.value("tip.hidden")


def test_a_click_shows_the_curves_of_every_network(shown, results):
    shown.point(SECOND, click=True)
    assert shown.value("detail.open && detail.contains(document.activeElement)")
    n_seeds = len(results.benchmark.seeds)
    assert (
        shown.value("[...detail.querySelectorAll('svg')].map(svg => svg.querySelectorAll('path').length)")
        == [n_seeds] * 2
    )
    assert shown.value("detail.querySelectorAll('tbody tr').length") == n_seeds
    shown.point(".close", click=True)
    assert not shown.value("detail.open")


def test_the_matrix_can_be_used_by_keyboard(shown):
    shown.value("document.querySelector(\"[data-cell='0']\").focus()")
    shown.press("Tab")
    assert shown.value("document.activeElement.dataset.cell") == "1"
    assert shown.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert not shown.value("tip.hidden")
    shown.press("ArrowDown")
    assert shown.value("document.activeElement.dataset.cell") == "3"
    shown.press("Enter")
    assert shown.value("detail.open")
    shown.press("Escape")
    assert not shown.value("detail.open")
    assert shown.value("document.activeElement.dataset.cell") == "3"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_does_not_scroll_sideways(browser, path, width):
    browser.open(path, width)
    browser.value("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert browser.value("document.documentElement.scrollWidth") <= width
    browser.value(f"document.querySelector({SECOND!r}).click()")
    assert browser.value("detail.getBoundingClientRect().right") <= width


def test_every_tab_stop_is_named_and_every_picture_has_a_text(shown):
    names = (
        "[...document.querySelectorAll('button, a, [tabindex=\"0\"]')].map(e => e.ariaLabel || e.textContent.trim())"
    )
    assert all(shown.value(names))
    assert all(shown.value("[...document.querySelectorAll('img, svg[role=img]')].map(e => e.alt || e.ariaLabel)"))
