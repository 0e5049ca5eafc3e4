"""The group: members join, are put out, and get partitions, in one step: only its end can be seen by others.

Members that the coordinator waits for have nothing in flight then (the barrier). Whoever it does not wait for
is put out without knowing: a process that is frozen, slow, or gone.
"""

from itertools import combinations, product

from tests.protocol.state import FENCE, IDLE, RUN, is_current, spent, with_worker


def steps(model, state):
    """Every next generation: who is put out, and who gets what."""
    needed = any(not is_current(state, owner) for owner in state.group.owners)
    if not needed and not state.budget.rebalances:
        return
    cost = state if needed else spent(state, "rebalances")
    alive = {number for number in state.group.members if is_current(state, number)}
    joining = {number for number, one in enumerate(state.workers) if one.at == IDLE}
    for out in _evicted(state, _may_freeze(model, state, alive)):
        members = (alive - out) | _let_in(model, alive - out, joining)
        if members and all(_ready(model, state.workers[number]) for number in alive - out):
            left = cost._replace(budget=cost.budget._replace(evictions=cost.budget.evictions - len(out)))
            for owners in product(sorted(members), repeat=model.bounds.partitions):
                yield _told(out, owners), _assigned(model, left, frozenset(members), owners)


def _may_freeze(model, state, alive):
    if not model.bounds.old_awake:
        return alive
    return {one for one in alive if one not in model.bounds.old or not state.workers[one].taking_over}


def _evicted(state, alive):
    for count in range(min(state.budget.evictions, len(alive)) + 1):
        yield from map(frozenset, combinations(sorted(alive), count))


def _let_in(model, staying, joining):
    """With group protocols of their own, versions do not mix: whoever is there first keeps the others out."""
    old = set(model.bounds.old)
    if not model.guards.separate_groups or not old:
        return joining
    return joining & old if staying & old else joining - old


def _ready(model, worker):
    return not model.guards.barrier or (worker.cycle is None and not worker.unwritten)


def _told(out, owners):
    gone = f", {sorted(out)} put out without knowing" if out else ""
    return f"REBALANCE: owners {list(owners)}{gone}"


def _assigned(model, state, members, owners):
    generation = state.group.generation + 1
    group = state.group._replace(generation=generation, members=members, owners=owners)
    state = state._replace(group=group)
    for number in members:
        parts = tuple(partition for partition, owner in enumerate(owners) if owner == number)
        state = with_worker(state, number, _joined(model, state, number, generation, parts))
    return state


def _joined(model, state, number, generation, parts):
    """An assignment of nothing needs no takeover."""
    first = FENCE if model.bounds.old else model.first_step
    at = first if parts else RUN
    worker = state.workers[number]._replace(at=at, generation=generation, parts=parts)
    return worker._replace(
        target=None,
        ends=(),
        offsets=(),
        positions=(),
        fenced=tuple(one for one in worker.fenced if one[0] == number),
    )
