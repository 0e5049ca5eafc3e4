"""What all tests of training share."""

from collections.abc import Iterator

import pytest
import torch

from tests.known_bandit import bandit

__all__ = ["bandit", "one_thread"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other on a shared machine cost more than they bring."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
