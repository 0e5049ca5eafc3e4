"""Refuse parameters that a route does not know: a misspelt one must not be ignored."""

from collections.abc import Callable

from fastapi import Request

from gateway.http.problems import HttpProblem


def only(*names: str) -> Callable[[Request], None]:
    """A dependency: the address has no other parameters, and none twice. Raises HttpProblem (422)."""

    async def check(request: Request) -> None:
        given = [name for name, _ in request.query_params.multi_items()]
        wrong = sorted(set(given) - set(names)) or sorted({name for name in given if given.count(name) > 1})
        if wrong:
            expected = ", ".join(names) or "none"
            details = [
                {"at": name[:100], "field": "", "message": f"expected once at most, of: {expected}"}
                for name in wrong
            ]
            raise HttpProblem(
                422, "parameters", f"{len(wrong)} parameters are not known or occur twice", details
            )

    return check  # type: ignore[return-value]
