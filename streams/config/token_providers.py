"""Tokens for SASL as the client libraries ask for them; imported only where tokens are used."""

import asyncio

from aiokafka.abc import AbstractTokenProvider as AsyncProvider
from kafka.net.sasl.oauth import AbstractTokenProvider as Provider

from streams.config.sasl_tokens import KeptToken


class AiokafkaTokens(AsyncProvider):  # type: ignore[misc]
    """For aiokafka's clients and Faust's."""

    def __init__(self, kept: KeptToken) -> None:
        self._kept = kept

    async def token(self) -> str:
        """The token; it is made off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(None, self._kept.text)


class KafkaPythonTokens(Provider):  # type: ignore[misc]
    """For kafka-python's clients."""

    def __init__(self, kept: KeptToken) -> None:
        super().__init__()
        self._kept = kept

    def token(self) -> str:
        """The token."""
        return self._kept.text()
