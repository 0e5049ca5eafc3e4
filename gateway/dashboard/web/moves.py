"""Promote, pin, release, roll back and retrain: asked for by a form, confirmed by a second one."""

import asyncio
from typing import Final

from fastapi import Response

from gateway.dashboard.figures.pages import PageView, Sources, panels_of
from gateway.dashboard.figures.panels import PagePanel
from gateway.dashboard.figures.registry_desk import MOVES, RegistryDesk
from gateway.dashboard.web.page_rendering import PageOptions, page_of
from gateway.http.token_file import Caller, Role
from models.errors import PathcastError

#: Characters of a reason.
REASON_CHARS: Final = 300


class ModelMoves:
    """The part of the page Models that changes something; `desk` None: this gateway has no registry."""

    def __init__(self, desk: RegistryDesk | None, sources: Sources) -> None:
        self._desk, self._sources = desk, sources

    async def options(self, options: PageOptions, caller: Caller) -> PageOptions:
        """The page's options with the registry's panels and the form of moves."""
        if self._desk is None:
            return options
        below, versions, told = await asyncio.to_thread(self._known, self._desk)
        return options._replace(
            below=below,
            moves=MOVES,
            versions=versions,
            may_operate=Role.OPERATE in caller.roles,
            told=options.told or told,
        )

    @staticmethod
    def _known(desk: RegistryDesk) -> tuple[list[PagePanel], list[str], str]:
        try:
            return desk.panels(), desk.names(), ""
        except PathcastError as error:
            return [], [], str(error)

    async def post(
        self, fields: dict[str, str], options: PageOptions, view: PageView, caller: Caller
    ) -> Response:
        """Ask for a confirmation, or make the confirmed move."""
        asked = {name: fields.get(name, "")[:REASON_CHARS] for name in ("move", "version", "reason")}
        told, asked = await self._told(fields, asked, caller)
        shown = await asyncio.to_thread(panels_of, "models", self._sources, view)
        return page_of("models", shown, await self.options(options._replace(told=told, asked=asked), caller))

    async def _told(
        self, fields: dict[str, str], asked: dict[str, str], caller: Caller
    ) -> tuple[str, dict[str, str]]:
        nothing = {"move": "", "version": "", "reason": ""}
        if self._desk is None:
            return "This gateway has no registry: name its folder by PATHCAST_REGISTRY.", nothing
        if not asked["reason"].strip():
            return "A reason is missing; it is recorded in the ledger.", asked | {"move": ""}
        if asked["move"] not in MOVES or (asked["move"] in ("promote", "pin") and not asked["version"]):
            return "Choose a move of the list; promote and pin also need a version.", asked | {"move": ""}
        if fields.get("confirmed") != "yes":
            return f"Please confirm: {MOVES[asked['move']].lower()} {asked['version']}.", asked
        made = (asked["move"], asked["version"], asked["reason"], f"dashboard: {caller.name}")
        try:
            return await asyncio.to_thread(self._desk.move, *made), nothing
        except (PathcastError, OSError) as error:
            return f"Nothing was changed, or not all of it: {error}", nothing
