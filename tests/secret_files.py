"""What every reader of a file with a secret refuses, and how."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streams.errors import SetUpError


def refuses_what_is_no_secret(read: Callable[[Path | None], object], file: Path, variable: str) -> None:
    """Without a file there is nothing; a missing or short one is refused, and not shown."""
    assert read(None) is None
    with pytest.raises(SetUpError, match=rf"cannot read {variable} .*{file.name}: No such file"):
        read(file)
    file.write_text("hunter2\n")
    with pytest.raises(SetUpError, match="holds 7 bytes, expected at least 32") as refused:
        read(file)
    assert "hunter2" not in str(refused.value)
