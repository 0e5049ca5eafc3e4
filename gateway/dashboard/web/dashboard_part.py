"""The routes of the dashboard, and the reader that runs beside them once somebody looks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse, StreamingResponse

from gateway.dashboard.feeds.topic_reader import TopicReader
from gateway.dashboard.figures.pages import PAGES, WINDOWS, PageView, Sources, panels_of
from gateway.dashboard.figures.paths_page import ALL, BEFORE, NOTHING, PathChoice, segments
from gateway.dashboard.figures.registry_desk import RegistryDesk
from gateway.dashboard.web import static_files
from gateway.dashboard.web.dashboard_access import cookie_token, form, still_looks, viewer
from gateway.dashboard.web.moves import ModelMoves
from gateway.dashboard.web.page_rendering import PageOptions, Selection, page_of
from gateway.dashboard.web.pushing import Pushes, state_text
from gateway.dashboard.web.shopper_view import ShopperView
from gateway.dashboard.web.signing_in import PageRoute, with_sign_in
from gateway.dashboard.web.similar_view import Similar, SimilarView
from gateway.http.guard import TokenGuard
from gateway.http.parts import GatewayPart
from gateway.http.problems import HttpProblem
from gateway.http.token_file import Caller, Role

#: Window of a page that is opened without one.
DEFAULT_WINDOW = 300
#: The page Models opens with a longer one, because outcomes become known late.
LONG_WINDOW = 3600


class DashboardParts(NamedTuple):
    """What the dashboard is made of; `clock` is the wall clock in epoch ms, `similar` finds similar items."""

    guard: TokenGuard
    sources: Sources
    reader: TopicReader | None
    desk: RegistryDesk | None
    shopper: ShopperView
    clock: Callable[[], int]
    similar: Similar | None = None


def dashboard(parts: DashboardParts, secure: bool = False) -> GatewayPart:
    """The part. `secure`: cookies are for HTTPS only."""
    router = APIRouter(prefix="/dashboard", include_in_schema=False, route_class=PageRoute)
    router.add_api_route("/static/{name}", _static, methods=["GET"])
    with_sign_in(router, parts.guard, secure)
    pages = DashboardRoutes(parts)
    router.add_api_route("", pages.first, methods=["GET"])
    router.add_api_route("/push/{page}", pages.push, methods=["GET"])
    router.add_api_route("/moves", pages.move, methods=["POST"])
    router.add_api_route("/shopper", pages.shopper_form, methods=["GET"])
    router.add_api_route("/shopper", pages.shopper, methods=["POST"])
    router.add_api_route("/{page}", pages.page, methods=["GET"])

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        yield
        if parts.reader is not None:
            await asyncio.to_thread(parts.reader.stop)

    return GatewayPart(router, running)


class DashboardRoutes:
    """What the routes answer."""

    def __init__(self, parts: DashboardParts) -> None:
        self._parts, self._sources = parts, parts.sources
        self._pushes = Pushes(parts.sources, parts.clock)
        self._moves = ModelMoves(parts.desk, parts.sources)
        self._similar = SimilarView(parts.similar)

    async def first(self) -> Response:
        """The first page."""
        return RedirectResponse("/dashboard/live", 307)

    async def page(self, request: Request, page: str) -> Response:
        """A page of panels."""
        caller = self._look(request)
        view = self._view(request, caller, _known(page))
        shown = await asyncio.to_thread(panels_of, page, self._sources, view)
        options = self._options(request, view, page)
        if page == "models":
            options = await self._moves.options(options, caller)
        if page == "items":
            options = await self._similar.options(options, request.query_params.get("item", ""))
        return page_of(page, shown, options)

    async def push(self, request: Request, page: str) -> Response:
        """Its panels from now on."""
        caller = self._look(request)
        view = self._view(request, caller, _known(page))
        pushed = self._pushes.stream(page, view, lambda: still_looks(self._parts.guard, request, caller))
        return StreamingResponse(pushed, media_type="text/event-stream")

    async def move(self, request: Request) -> Response:
        """A move of versions, asked for or confirmed."""
        fields, caller = await form(request), self._look(request, Role.OPERATE)
        view = self._view(request, caller, "models")
        return await self._moves.post(fields, self._options(request, view, "models"), view, caller)

    async def shopper_form(self, request: Request) -> Response:
        """The form that asks for a visitor."""
        self._look(request)
        return self._parts.shopper.empty(cookie_token(request) is not None)

    async def shopper(self, request: Request) -> Response:
        """What is known of the form's visitor."""
        fields = await form(request)
        self._look(request)
        visitor = fields.get("visitor", "").strip()
        return await self._parts.shopper.page(visitor, cookie_token(request) is not None)

    def _look(self, request: Request, role: Role = Role.READ) -> Caller:
        """Who looks; from now on the topics are read."""
        caller = viewer(self._parts.guard, request, role)
        if self._parts.reader is not None:
            self._parts.reader.start()
        return caller

    def _view(self, request: Request, caller: Caller, page: str) -> PageView:
        given = request.query_params
        paths = PathChoice(given.get("segment", ALL)[:200], given.get("beside", NOTHING)[:200])
        seconds = _seconds(given.get("window", ""), page)
        return PageView(seconds, self._parts.clock(), Role.OPERATE in caller.roles, paths)

    def _options(self, request: Request, view: PageView, page: str) -> PageOptions:
        choices = _choices(self._sources, view) if page == "paths" else []
        chosen = {"window": str(view.seconds), **{one.name: one.chosen for one in choices}}
        cookie = cookie_token(request) is not None
        push = f"/dashboard/push/{page}?{urlencode(chosen)}"
        return PageOptions(view.seconds, push, state_text(self._sources), cookie, choices)


async def _static(request: Request, name: str) -> Response:
    """A script or style."""
    return await asyncio.to_thread(static_files.answer, request, name)


def _known(page: str) -> str:
    if page not in PAGES:
        raise HttpProblem(404, "not_found", f"no such page; expected one of {', '.join(PAGES)}")
    return page


def _seconds(given: str, page: str) -> int:
    """The chosen window; the default for one that is not offered."""
    default = LONG_WINDOW if page in ("models", "paths") else DEFAULT_WINDOW
    return int(given) if given.isdecimal() and int(given[:9]) in WINDOWS else default


def _choices(sources: Sources, view: PageView) -> list[Selection]:
    """Segments and what they may be compared with."""
    with sources.feed.lock:
        known = segments(sources.feed)
    return [
        Selection("segment", "Segment", known, view.paths.segment),
        Selection("beside", "Compared with", [NOTHING, BEFORE, *known], view.paths.beside),
    ]
