"""Experiments on the topic `experiments`: what is known, and the record of one that starts or stops."""

from deploy.cluster.clients import consumer, latest_values, producer
from models.experiments.experiment import Experiment, ExperimentError, decode_experiment, encode_experiment
from streams.config.connection import Connection


def known_experiments(to: Connection, topic: str) -> list[Experiment]:
    """All experiments, running and stopped, the latest started last. Raises KafkaUnreachable."""
    with consumer(to) as client:
        return sorted(latest_values(client, topic, decode_experiment), key=lambda one: one.started_at)


def experiment_named(known: list[Experiment], name: str) -> Experiment:
    """The experiment of this name. Raises ExperimentError."""
    found = next((one for one in known if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in known) or "none"
        raise ExperimentError(
            f"no experiment {name!r}: there are {names}; `pathcast experiment start` starts one"
        )
    return found


def publish_experiment(to: Connection, topic: str, experiment: Experiment) -> None:
    """Tell all workers. Raises KafkaUnreachable."""
    with producer(to) as client:
        client.send(topic, encode_experiment(experiment), experiment.name.encode(), partition=0).get(60)
