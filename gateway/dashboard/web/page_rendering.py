"""Pages as HTML. Everything that a page shows is escaped."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import jinja2
import msgspec
from fastapi import Response
from starlette.responses import HTMLResponse

from gateway.dashboard.figures.pages import TITLES, WINDOWS
from gateway.dashboard.figures.panels import PagePanel, duration_text

HERE: Final = Path(__file__).parent
#: No request leaves the host, no script but the dashboard's own runs, and no other site frames a page. Plotly
#: sets styles of its own elements.
POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
)
#: The form of moves before anything was asked for.
NOTHING_ASKED: Final = MappingProxyType({"move": "", "version": "", "reason": ""})
encode_json = msgspec.json.Encoder().encode


class Selection(NamedTuple):
    """A selection beside the window."""

    name: str
    label: str
    values: list[str]
    chosen: str


class PageOptions(NamedTuple):
    """What a page of panels has beside its panels."""

    window: int
    push: str
    state: str
    by_cookie: bool
    choices: Sequence[Selection] = ()
    #: The item whose similar ones are shown; None: the page has no such field.
    item: str | None = None
    below: Sequence[PagePanel] = ()
    moves: Mapping[str, str] = MappingProxyType({})
    versions: Sequence[str] = ()
    may_operate: bool = False
    told: str = ""
    asked: Mapping[str, str] = NOTHING_ASKED


def page_of(page: str, shown: list[PagePanel], options: PageOptions) -> Response:
    """A page of panels that are pushed later."""
    windows = {seconds: duration_text(seconds) for seconds in WINDOWS}
    return html("page.html", page, TITLES[page], shown=shown, windows=windows, **options._asdict())


def html(
    template: str, page: str, title: str, status: int = 200, charts: bool = True, **values: Any
) -> Response:
    """A page by its template."""
    text = _environment.get_template(template).render(
        page=page, title=title, titles=TITLES, charts=charts, **values
    )
    return HTMLResponse(text, status, {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"})
