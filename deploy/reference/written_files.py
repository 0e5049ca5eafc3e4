"""Where the generated documents are written: a module that imports nothing, so that help comes at once."""

from pathlib import Path
from typing import Final

CONTRACT_DIRECTORY: Final = Path("docs/contract")
SETTINGS_FILE: Final = Path("docs/settings.md")
