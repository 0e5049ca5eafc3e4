"""`pathcast log forget`."""

import click


@click.command()
@click.argument("visitors", nargs=-1, required=True)
def forget(visitors: tuple[str, ...]) -> None:
    """Erase all rows of VISITORS, also those not yet ingested, and list the models that learned from them.

    With pseudonyms, rows under the visitors' pseudonyms are erased, too. This erases from the event log only;
    for a visitor's request use `pathcast visitor forget`.
    """
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened
    from streams.config.secret_file import pseudonyms
    from streams.config.worker_settings import WorkerSettings
    from trainer.eventlog import log_erasure
    from trainer.eventlog.log_tables import CLICKS
    from trainer.promotion.trained_on_erased import trained_on_erased

    pseudonymiser = pseudonyms(WorkerSettings().pseudonym_key_file)
    called = {*visitors, *(pseudonymiser.visitor(one.encode()) for one in visitors if pseudonymiser)}
    erased = log_erasure.forget(opened(), called, now_ms())
    for found in erased:
        click.echo(f"{found.rows:,} rows of {found.table}[{found.partition}] erased")
    known = trained_on_erased(
        str(WorkerSettings().registry), [found for found in erased if found.table == CLICKS.name]
    )
    click.echo(f"models that learned from them: {', '.join(known.had) or 'none'}")
    if known.unknown:
        click.echo(f"models of which this is unknown: {', '.join(known.unknown)}")
