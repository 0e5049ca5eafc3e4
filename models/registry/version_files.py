"""Names of a version's files that are looked for without loading one."""

from typing import Final

MANIFEST: Final = "manifest.json"
