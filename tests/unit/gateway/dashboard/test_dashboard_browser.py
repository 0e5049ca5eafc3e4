"""The dashboard in headless Chromium: pages are clicked through, figures are those of the records."""

import json
import tempfile
from pathlib import Path

import pytest

from gateway.dashboard.figures.items_page import DemandFile
from gateway.dashboard.figures.pages import PAGES, TITLES, PageView, Sources, panels_of
from tests.dashboard_app import application
from tests.dashboard_browser import SIZES, chromium, find_visitor, opened, pictures, visit
from tests.dashboard_records import NOW, clicks, filled
from tests.dashboard_scene import forecast, registry, scene, served

#: Chromium takes seconds to start.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def made():
    return clicks(seed=3, count=600)


@pytest.fixture(scope="module")
def url(made):
    roles = ("clicks", "purchase_intent", "recommendations", "ad_decisions", "rewards")
    own = {
        role: [found for one in made[role] if (found := json.loads(one.value))["visitor_id"] == "v1"]
        for role in roles
    }
    with served(application(filled(made), own)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.mark.parametrize("size", SIZES)
def test_figures_are_those_of_the_records(browser, url, made, size):
    with opened(browser, url, size) as page:
        visit(page, "live")
        names, found = page.locator("#now dt"), page.locator("#now dd")
        values = {
            names.nth(at).inner_text(): found.nth(at).get_attribute("data-value")
            for at in range(names.count())
        }
        assert float(values["clicks"]) == len(made["clicks"])
        assert float(values["answered clicks"]) == len(made["purchase_intent"])
        assert float(values["dead letters"]) == len(made["dead_letters"])
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_pages_are_pushed_at_most_five_times_a_second(browser, url):
    with opened(browser, url) as page:
        visit(page, "live")
        before = page.evaluate("Number(document.documentElement.dataset.pushes)")
        page.wait_for_timeout(2_000)
        assert page.evaluate("Number(document.documentElement.dataset.pushes)") - before <= 10


def test_one_gets_everywhere_by_keyboard(browser, url):
    with opened(browser, url) as page:
        reached = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.textContent.trim()"))
        assert set(TITLES.values()) <= reached
        assert "Skip to the figures" in reached


def test_the_theme_follows_the_browser_and_the_button(browser, url):
    back = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, url, theme="light") as light, opened(browser, url, theme="dark") as dark:
        assert light.evaluate(back) != dark.evaluate(back)
        expected = dark.evaluate(back)
        light.get_by_role("button", name="Switch between light and dark").click()
        assert light.evaluate(back) == expected
        light.reload()
        assert light.evaluate(back) == expected


def test_a_visitor_is_found(browser, url, made):
    with opened(browser, url) as page:
        visit(page, "shopper")
        find_visitor(page, "v1")
        sent = [one for one in made["clicks"] if one.key == b"v1"]
        assert page.locator("#timeline tbody tr").count() == len(sent) > 3
        assert "v1" not in page.url


def test_charts_are_drawn(browser, url):
    with opened(browser, url) as page:
        visit(page, "live")
        assert page.locator("#flow .js-plotly-plot, #flow.js-plotly-plot, #flow .main-svg").count()
        visit(page, "models")
        assert page.locator("#reliability .main-svg").count()


def test_names_in_charts_are_no_links(browser):
    made = clicks(seed=4, count=300)
    link = b"<a href='https://evil.example/'>x</a>"
    for role in ("ad_decisions", "rewards"):
        for one in made[role]:
            one.value = one.value.replace(b"coupon", link)
    with served(application(filled(made))) as address, opened(browser, address) as page:
        visit(page, "decisions")
        page.wait_for_selector("#rewards .main-svg")
        assert "evil.example" in page.locator("#rewards .main-svg").first.text_content()
        assert page.locator("#rewards a").count() == 0


def test_pictures_of_every_page(browser, tmp_path):
    feed, own = scene()
    app = application(feed, own, desk=registry(tmp_path / "registry"), demand=forecast(tmp_path))
    with served(app) as address:
        taken = pictures(browser, address, tmp_path / "pictures", "v1")
    assert len(taken) == len(TITLES) * 4
    assert all(path.stat().st_size > 5_000 for path in taken)


def test_every_page_of_the_scene_has_something_to_show():
    feed, _ = scene()
    with tempfile.TemporaryDirectory() as folder:
        sources = Sources(feed, DemandFile(forecast(Path(folder))))
        for name in PAGES:
            panels = panels_of(name, sources, PageView(900, NOW, may_see_inputs=True))
            assert [one.id for one in panels if one.empty] in ([], ["counters"])


def test_the_clock_of_the_records_is_the_pages(made):
    """The other tests would pass on empty pages otherwise."""
    assert max(one.timestamp for one in made["clicks"]) <= NOW
