"""A browser that looks on sees nothing more once its token is revoked, or has lost a role."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.http import token_file
from gateway.http.token_file import Role
from tests.dashboard_app import application
from tests.gateways import gateway_settings, listening

LATER = datetime(2099, 1, 1, tzinfo=UTC)
#: Seconds in which a stream must end.
SOON = 5


def entry(*roles):
    return token_file.line("anna", "secret", roles, LATER)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([Role.READ], token_file.line("berta", "another", [Role.READ], LATER)),
        ([Role.READ, Role.OPERATE], entry(Role.READ)),
    ],
)
async def test_its_stream_ends_within_seconds(tmp_path, before, after):
    path = tmp_path / "tokens.toml"
    path.write_text(entry(*before))
    headers = {"Authorization": "Bearer secret"}
    async with listening(application(TopicFeed(), tokens=path), gateway_settings(port=0)) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            async with client.stream("GET", "/dashboard/push/live") as stream:
                lines = stream.aiter_lines()
                assert stream.status_code == 200
                while not (await anext(lines)).startswith("data: "):
                    pass
                path.write_text(after)
                async with asyncio.timeout(SOON):
                    async for _ in lines:
                        pass
