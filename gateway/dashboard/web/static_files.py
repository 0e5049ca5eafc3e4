"""Scripts and styles: the dashboard's own, and Plotly's from its Python package."""

import gzip
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import Request, Response

from gateway.http.problems import HttpProblem

HERE: Final = Path(__file__).parent / "static"
PLOTLY: Final = "plotly.min.js"
_KINDS: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
#: All files by name: none but these is served, whatever an address says.
NAMES: Final = ("dashboard.css", "dashboard.js", "theme.js", PLOTLY)


class StaticFile(NamedTuple):
    """A file, compressed, with its digest."""

    content: bytes
    packed: bytes
    digest: str
    kind: str


@cache
def static_file(name: str) -> StaticFile:
    """A file of NAMES; read and compressed once a process."""
    content = _content(name)
    return StaticFile(
        content,
        gzip.compress(content, 6),
        hashlib.sha256(content).hexdigest()[:32],
        _KINDS[Path(name).suffix],
    )


def _content(name: str) -> bytes:
    if name == PLOTLY:
        return resources.files("plotly").joinpath("package_data", PLOTLY).read_bytes()
    return (HERE / name).read_bytes()


def answer(request: Request, name: str) -> Response:
    """The file, or that the browser's copy is current. Raises HttpProblem (404)."""
    if name not in NAMES:
        raise HttpProblem(404, "not_found", f"no such file; expected one of {', '.join(NAMES)}")
    found = static_file(name)
    headers = {"ETag": f'"{found.digest}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.kind)
    return Response(found.content, headers=headers, media_type=found.kind)
