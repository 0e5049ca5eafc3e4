"""`GET /v1/pathcast.js`: the script that shops' pages include."""

from importlib import resources

from fastapi import APIRouter, Response


def snippet_routes() -> APIRouter:
    """The route; it needs no token, because pages hold theirs in their own markup."""
    router = APIRouter(tags=["events"])
    text = (resources.files("gateway") / "events" / "pathcast.js").read_bytes()

    @router.get(
        "/v1/pathcast.js",
        response_class=Response,
        responses={200: {"content": {"text/javascript": {}}, "description": "The script."}},
    )
    async def snippet() -> Response:
        """The script for pages: it sends events by `sendBeacon`, and asks for answers."""
        headers = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(text, headers=headers, media_type="text/javascript; charset=utf-8")

    return router
