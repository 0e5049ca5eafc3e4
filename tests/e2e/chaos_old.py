"""Workers of the version before: one transaction a partition, checkpoints of format 1."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.e2e.worker import Worker

#: The last commit with a transaction for each partition.
COMMIT = "1674d336badbc66a4b05626ef7ee67c95664e318"
ROOT = Path(__file__).parents[2]
PACKAGES = ("models", "streams", "trainer", "deploy")


def checkout(folder):
    """Its code in a folder; None where the commit is not known here (a shallow clone, an archive)."""
    command = ("git", "-C", ROOT, "archive", COMMIT, *PACKAGES)
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


class OldWorker(Worker):
    """A worker that runs this code."""

    command = (sys.executable, "-c", "from deploy.cli import main; main()", "worker")

    def __init__(self, code, *args, **settings):
        super().__init__(*args, **settings)
        self.code = code

    @property
    def environment(self):
        return super().environment | {"PYTHONPATH": str(self.code)}
