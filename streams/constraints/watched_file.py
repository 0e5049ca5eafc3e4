"""A file whose content is looked at again when it changes."""

from pathlib import Path


class WatchedFile:
    """Compares a file with what was last taken of it; `text` is its content at first."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self._text = path.expanduser(), text
        self._seen: tuple[int, int, int] | None = None

    def changed(self) -> str | None:
        """Its content if it is another than before, else None. Raises OSError, UnicodeDecodeError."""
        try:
            return self._changed()
        except (OSError, UnicodeDecodeError):
            # Once it can be read again it is news, whatever it holds.
            self._seen, self._text = None, ""
            raise

    def _changed(self) -> str | None:
        found = self.path.stat()
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen == self._seen:
            return None
        text = self.path.read_text()
        self._seen, before, self._text = seen, self._text, text
        return text if text != before else None
