"""Sign in with a token, which a cookie keeps that no script can read and no other site can send."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse

from gateway.dashboard.web.dashboard_access import COOKIE, SIGNED_IN_SECONDS, form
from gateway.dashboard.web.page_rendering import html
from gateway.http.guard import TokenGuard
from gateway.http.problems import HttpProblem
from gateway.http.token_file import LOCAL, Role


def sign_in_page(told: str = "", status: int = 200) -> Response:
    """The form that asks for a token."""
    return html("sign_in.html", "", "Sign in", status, charts=False, by_cookie=False, told=told)


class PageRoute(APIRoute):
    """A route whose refusals are pages where a browser asks for one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except HttpProblem as problem:
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                if problem.status == 401:
                    return RedirectResponse("/dashboard/sign-in", 303)
                page = sign_in_page(str(problem), problem.status)
                page.headers.update(problem.headers)
                return page

        return answer


def with_sign_in(router: APIRouter, guard: TokenGuard, secure: bool) -> None:
    """Add the routes to sign in and out. `secure`: the cookie is for HTTPS only."""

    @router.get("/sign-in")
    async def ask() -> Response:
        return sign_in_page()

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        token = (await form(request)).get("token", "").strip()
        try:
            caller = guard.caller(request, token)
        except HttpProblem as problem:
            return sign_in_page(str(problem), problem.status)
        if Role.READ not in caller.roles:
            held = ", ".join(sorted(caller.roles))
            return sign_in_page(f"The token has {held}, expected the role read.", 403)
        answer = RedirectResponse("/dashboard/live", 303)
        if caller is LOCAL:  # who needs no token is given no cookie of whatever was typed
            return answer
        answer.set_cookie(
            COOKIE,
            token,
            max_age=SIGNED_IN_SECONDS,
            path="/dashboard",
            httponly=True,
            # A proxy on this machine that ends TLS says so (X-Forwarded-Proto).
            secure=secure or request.url.scheme == "https",
            samesite="strict",
        )
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        await form(request)
        answer = RedirectResponse("/dashboard/sign-in", 303)
        answer.delete_cookie(COOKIE, path="/dashboard")
        return answer
