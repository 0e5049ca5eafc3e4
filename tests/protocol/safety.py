"""What must hold in every state, and what a good end is."""

from tests.protocol.state import COMMITTED, OPEN, REFUSED, RUN, is_current
from tests.protocol.takeover import is_committed


def wrong(model, state):
    """What is wrong with a state, "" if nothing."""
    if not model.budget.forgotten and is_refused(model, state):
        return "a worker refuses although nothing was forgotten"
    for partition in range(model.bounds.partitions):
        clicks = committed(state, partition)
        if clicks != list(range(len(clicks))):
            return f"p{partition} has committed clicks {clicks}"
    for log in range(model.bounds.partitions, model.logs):
        clicks = committed(state, log)
        if len(set(clicks)) != len(clicks):
            return f"p{log - model.bounds.partitions} has committed answers {clicks}"
    return ""


def committed(state, log):
    """Clicks in the order of their committed entries."""
    entries = state.logs[log]
    return [entry.click for entry in entries if entry.click >= 0 and is_committed(state, log, entry)]


def is_finished(model, state):
    """Everything is applied, by owners of the present generation, and can be read; or someone must be asked.

    What the broker has forgotten of a live owner can be read after the owner's next transaction.
    """
    if is_refused(model, state):
        return True
    everything = list(range(model.bounds.inputs))
    for log in range(model.logs):
        owner = state.group.owners[log % model.bounds.partitions]
        if sorted(entry.click for entry in state.logs[log] if _seen(entry, owner)) != everything:
            return False
    return all(
        is_current(state, owner) and state.workers[owner].at == RUN and state.workers[owner].cycle is None
        for owner in state.group.owners
    )


def is_refused(model, state):
    """Whether a worker of the new version has ended for good."""
    workers = (one for number, one in enumerate(state.workers) if number not in model.bounds.old)
    return any(one.at == REFUSED for one in workers)


def _seen(entry, owner):
    return entry.click >= 0 and (entry.status == COMMITTED or (entry.status == OPEN and entry.id == owner))
