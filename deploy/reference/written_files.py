"""Paths of generated documents; imports nothing, so that `--help` is fast."""

from pathlib import Path
from typing import Final

CONTRACT_DIRECTORY: Final = Path("docs/contract")
SETTINGS_FILE: Final = Path("docs/settings.md")
