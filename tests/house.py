"""Measure the structure of the code: files a room, lengths of files and functions, imports, circles, names.

`python -m tests.house` prints the figures beside their limits and exits with 1 where one is exceeded;
`tests/contract/test_house.py` holds them. A room is a folder of a package; the root of a package is one, too.
"""

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "streams", "trainer", "gateway", "deploy")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Figure(NamedTuple):
    """A measured value and its limit; `worst` names what is responsible for it."""

    name: str
    value: float
    limit: float
    worst: str = ""

    @property
    def held(self) -> bool:
        """Whether the value is within its limit."""
        return self.value <= self.limit


class Source(NamedTuple):
    """One file: its dotted module name, number of lines, and syntax tree."""

    module: str
    lines: int
    tree: ast.Module

    @property
    def room(self) -> str:
        """The folder that the file is in, dotted."""
        return self.module.rpartition(".")[0]


def sources(root: Path = ROOT) -> list[Source]:
    """All files of the packages; `__init__` files hold nothing and do not count."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return [_source(root, path) for path in paths if path.name != "__init__.py"]


def _source(root: Path, path: Path) -> Source:
    text = path.read_text()
    module = ".".join(path.relative_to(root).with_suffix("").parts)
    return Source(module, text.count("\n"), ast.parse(text))


def imports(files: list[Source]) -> dict[str, set[str]]:
    """By module the project's modules that it imports, also inside functions and for type checkers only."""
    known = {file.module for file in files}
    return {file.module: set(_imported(file.tree, known)) - {file.module} for file in files}


def _imported(tree: ast.Module, known: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in known else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (strongly connected components of two and more)."""
    reached = {node: _reached(graph, node) for node in graph}
    groups = {
        tuple(sorted(other for other in reached[node] if node in reached.get(other, ()))) for node in graph
    }
    return sorted(list(group) for group in groups if len(group) > 1)


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    seen, waiting = set(), list(graph[start])
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += graph.get(node, ())
    return seen


def _rooms(graph: dict[str, set[str]], files: list[Source]) -> dict[str, set[str]]:
    """Imports between rooms; each file at a package's root (errors, settings, metrics) is a room."""
    room = {file.module: file.module if file.room in PACKAGES else file.room for file in files}
    between: dict[str, set[str]] = defaultdict(set)
    for module, imported in graph.items():
        between[room[module]] |= {room[one] for one in imported if one in room} - {room[module]}
    return {name: between.get(name, set()) for name in room.values()}


def _p90(values: list[int]) -> int:
    return sorted(values)[int(0.9 * (len(values) - 1))]


def _functions(files: list[Source]) -> list[tuple[int, str]]:
    return [
        (int(node.end_lineno or 0) - node.lineno + 1, f"{file.module}.{node.name}")
        for file in files
        for node in ast.walk(file.tree)
        if isinstance(node, FUNCTIONS)
    ]


def _repeated(names: list[str]) -> tuple[int, str]:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    return len(twice), ", ".join(twice)


def figures(files: list[Source]) -> list[Figure]:
    """All figures with their limits."""
    graph = imports(files)
    known = {file.module for file in files}
    inside = {module: imported & known for module, imported in graph.items()}
    rooms = Counter(file.room for file in files).most_common(1)[0]
    longest = max(files, key=lambda file: file.lines)
    functions = _functions(files)
    most = max(inside, key=lambda module: len(inside[module]))
    classes = [n.name for file in files for n in file.tree.body if isinstance(n, ast.ClassDef)]
    names = [file.module.rpartition(".")[2] for file in files]
    module_circles, room_circles = circles(inside), circles(_rooms(inside, files))
    lengths = [length for length, _ in functions]
    return [
        Figure("files in a room", rooms[1], 18, rooms[0]),
        Figure("lines of a file, median", median(file.lines for file in files), 110),
        Figure("lines of a file, p90", _p90([file.lines for file in files]), 170),
        Figure("lines of a file, most", longest.lines, 250, longest.module),
        Figure("lines of a function, p90", _p90(lengths), 16),
        Figure("lines of a function, most", *_split(max(functions), 50)),
        Figure("project imports of a file, median", median(map(len, inside.values())), 4),
        Figure("project imports of a file, most", len(inside[most]), 20, most),
        Figure("circles of modules", len(module_circles), 0, str(module_circles or "")),
        Figure("circles of rooms", len(room_circles), 0, str(room_circles or "")),
        Figure("class names that occur twice", *_limited(_repeated(classes))),
        Figure("file names that occur twice", *_limited(_repeated(names))),
    ]


def _split(found: tuple[int, str], limit: int) -> tuple[int, int, str]:
    return found[0], limit, found[1]


def _limited(found: tuple[int, str]) -> tuple[int, int, str]:
    return _split(found, 5)


def main() -> int:
    """Print the table; 1 where a limit is exceeded."""
    found = figures(sources())
    for figure in found:
        mark = "" if figure.held else "  <-- exceeded"
        print(f"{figure.name:36} {figure.value:6g} of {figure.limit:4g}  {figure.worst[:200]}{mark}")
    return 0 if all(figure.held for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
