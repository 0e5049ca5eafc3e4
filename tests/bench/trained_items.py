"""What the best 20 of a trained network's items cost: `python -m tests.bench.trained_items`.

The network of `pathcast benchmark next-item`, trained on a whole training file (Diginetica's: half an hour)
and kept in build/bench. As in a worker, a short list learns from 1,000 sessions; beginnings of test sessions
ask.
"""

import hashlib
import os
from pathlib import Path

import click
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.network.network import Network
from models.retrieval.exact import Exact
from tests.bench.model import KEPT
from tests.bench.retrieving import JUDGED, both_ways
from tests.bench.training import FOLDER
from trainer.experiments import network_protocol
from trainer.fitting.fit import fit
from trainer.logs.session_files import Sessions, read
from trainer.loop.options import Options, changed

ASKED = 1_000


def kept(file: Path, split: Sessions, ids: tuple[str, ...], options: Options) -> tuple[Network, Tensor]:
    """The network of this file and these options, trained now where there is none; and the items' rows."""
    network, rows, data = network_protocol.untrained(split, ids, options)
    name = hashlib.sha256(f"{file.name} {file.stat().st_size} {options}".encode()).hexdigest()[:12]
    path = KEPT / f"items-{name}.safetensors"
    if path.exists():
        network.load_state_dict(load_file(path))
    else:
        network = fit(network, data, None, options, lambda progress: None)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({key: value.contiguous() for key, value in network.state_dict().items()}, path)
    return network.eval(), rows


@click.command()
@click.option("--train", type=click.Path(path_type=Path), default=FOLDER / "diginetica_train_sessions.txt.gz")
@click.option("--test", type=click.Path(path_type=Path), default=FOLDER / "diginetica_test.txt.gz")
@click.option("--set", "settings", multiple=True, help="A setting of training, as key=value.")
@click.option("--seconds", default=4.0, help="How long each way is timed.")
def main(train: Path, test: Path, settings: tuple[str, ...], seconds: float) -> None:
    """Microseconds a query on all cores and on one, and recall of the exact 20."""
    split, options = read(train, test), changed(network_protocol.OPTIONS, settings)
    network, rows = kept(train, split.train, split.ids, options)
    with torch.inference_mode():
        exact = Exact(network.item_embeddings().contiguous(), network.item_bias)
    latest = split.train.part(max(0, len(split.train) - ASKED), len(split.train))
    cases = np.linspace(0, len(split.prefixes) - 1, JUDGED).astype(np.int64)
    asked, judged = (
        network_protocol.queries(network, rows, options.longest, sessions).clone()
        for sessions in (latest, split.prefixes.chosen(cases))
    )
    for threads in (os.cpu_count() or 1, 1):
        torch.set_num_threads(threads)
        click.echo(f"{len(split.ids):,} items, {threads} threads: {both_ways(exact, asked, judged, seconds)}")


if __name__ == "__main__":
    main()
