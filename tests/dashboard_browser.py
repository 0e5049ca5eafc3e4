"""Headless Chromium that clicks through the dashboard, and takes its pictures.

`python -m tests.dashboard_browser URL FOLDER [VISITOR]` takes pictures of a dashboard that runs.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.dashboard.figures.pages import TITLES

#: Sizes of a desktop's window and of a phone's.
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """The path of Chromium. Skips the test where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return found


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as played:
        browser = played.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, url: str, size: str = "desktop", theme: str = "light") -> Iterator[Any]:
    """A page at the dashboard; fails where a script fails, or a request leaves the host."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("request", lambda one: complaints.append(one.url) if not _own(one.url, url) else None)
    try:
        page.goto(f"{url}/dashboard")
        yield page
        assert not complaints, complaints
    finally:
        context.close()


def _own(address: str, url: str) -> bool:
    return address.startswith((url, "data:", "blob:"))


def visit(page: Any, name: str, window: int = 900) -> None:
    """Click through to a page by the menu, choose a window, and wait for a push."""
    page.get_by_role("navigation").get_by_role("link", name=TITLES[name], exact=True).click()
    page.wait_for_url(f"**/dashboard/{name}*")
    if name != "shopper":
        page.locator("select[name=window]").select_option(str(window))
        page.get_by_role("button", name="Show").click()
        page.wait_for_selector("html[data-pushes]", state="attached", timeout=60_000)


def find_visitor(page: Any, visitor: str) -> None:
    """Look for a visitor on the page Shopper."""
    page.get_by_label("Visitor").fill(visitor)
    page.get_by_role("button", name="Find").click()
    page.wait_for_selector("#timeline", timeout=60_000)


def pictures(browser: Any, url: str, folder: Path, visitor: str, window: int = 900) -> list[Path]:
    """A picture of each page, light and dark, on a desktop and on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for size in SIZES:
        for theme in THEMES:
            with opened(browser, url, size, theme) as page:
                for name in TITLES:
                    visit(page, name, window)
                    if name == "shopper":
                        find_visitor(page, visitor)
                    page.wait_for_timeout(400)
                    taken.append(folder / f"{name}-{size}-{theme}.png")
                    page.screenshot(path=taken[-1], scale="css")
    return taken


if __name__ == "__main__":
    with chromium() as started:
        made = pictures(started, sys.argv[1], Path(sys.argv[2]), (sys.argv[3:] or ["v1"])[0])
    print(*made, sep="\n")
