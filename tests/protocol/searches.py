"""Which mishaps are searched, and which guard each of them shows to be needed."""

from typing import NamedTuple

from tests.protocol.model import Bounds, Model
from tests.protocol.state import Budget

TWO = Bounds(partitions=2)
ANSWERS = Bounds(inputs=1, answers=True)
OLD_OWNER = Bounds(old=(0,), old_awake=True)
OLD_NEWCOMER = Bounds(old=(1,), old_awake=True)

#: Seconds each: everything within these bounds is tried.
SHORT = {
    one.name: one
    for one in (
        Model("a kill at any step", Bounds(), Budget(kills=1)),
        Model("a kill and a rebalance", Bounds(), Budget(kills=1, rebalances=1)),
        Model("a zombie that wakes at any step", Bounds(), Budget(evictions=1, rebalances=1)),
        Model("a zombie, and answers", ANSWERS, Budget(evictions=1, rebalances=1)),
        Model("a zombie, and then a rebalance", Bounds(), Budget(evictions=1, rebalances=2)),
        Model("two zombies", Bounds(), Budget(evictions=2, rebalances=2)),
        Model("live workers exchange partitions", TWO, Budget(rebalances=1)),
        Model("a zombie of two partitions", TWO._replace(inputs=1), Budget(evictions=1, rebalances=1)),
        Model("three workers", Bounds(workers=3, inputs=1), Budget(evictions=1, rebalances=1)),
        Model("a refused batch", Bounds(), Budget(refusals=1)),
        Model("a timeout", Bounds(inputs=1), Budget(timeouts=1, evictions=1, rebalances=1)),
        Model("a forgotten marker", Bounds(), Budget(forgotten=1, rebalances=1)),
        Model("a forgotten marker and a kill", Bounds(), Budget(forgotten=1, kills=1)),
        Model("a forgotten marker and a zombie", Bounds(), Budget(forgotten=1, evictions=1, rebalances=1)),
        Model("a forgotten marker of answers", ANSWERS, Budget(forgotten=1, kills=1)),
        Model("all markers forgotten", ANSWERS, Budget(forgotten=3, kills=1)),
        Model("an upgrade", OLD_OWNER, Budget(rebalances=2)),
        Model("an upgrade from a zombie", OLD_OWNER, Budget(evictions=1, rebalances=2)),
        Model("an upgrade with a kill", OLD_OWNER, Budget(kills=1, rebalances=1)),
        Model("a downgrade", OLD_NEWCOMER, Budget(evictions=1, rebalances=2)),
    )
}

#: Minutes each.
LONG = (
    Model("kills and zombies", Bounds(), Budget(kills=1, evictions=1, rebalances=2)),
    Model("kills, zombies, answers", ANSWERS, Budget(kills=1, evictions=1, rebalances=2)),
    Model("two kills", Bounds(), Budget(kills=2, rebalances=1)),
    Model("a long timeout", Bounds(), Budget(timeouts=1, evictions=1, rebalances=1)),
    Model("three workers, kills", Bounds(workers=3), Budget(kills=1, evictions=1, rebalances=1)),
    Model("two partitions, kills", TWO._replace(inputs=1), Budget(kills=1, evictions=1, rebalances=1)),
    Model("two partitions, forgotten", TWO._replace(inputs=1), Budget(kills=1, forgotten=1)),
    Model("all markers forgotten, zombies", ANSWERS, Budget(forgotten=3, evictions=1, rebalances=1)),
    Model("forgotten, kills, zombies", Bounds(), Budget(forgotten=1, kills=1, evictions=1, rebalances=1)),
    Model("forgotten answers, zombies", ANSWERS, Budget(forgotten=1, kills=1, evictions=1, rebalances=1)),
    Model("upgrade with everything", OLD_OWNER, Budget(kills=1, evictions=1, rebalances=2)),
    Model("three clicks", Bounds(inputs=3), Budget(evictions=2, rebalances=2)),
)


#: What nothing prevents, and what it does.
KNOWN_LIMITS = {
    "someone has aborted": Model(
        "an old worker freezes in its takeover", Bounds(old=(0,)), Budget(evictions=1, rebalances=2)
    ),
    r"answers \[0, 0\]": Model(
        "a commit is half forgotten, and its live producer's next transaction aborted",
        Bounds(answers=True),
        Budget(forgotten=2, kills=1),
    ),
}


class Mutation(NamedTuple):
    """Guards that are taken away, a search that shows it, and what it must find."""

    guards: tuple
    search: str
    finds: str


ZOMBIE, KILL, FORGOTTEN = "a zombie that wakes at any step", "a kill at any step", "a forgotten marker"
BEHIND, AGAIN = "but 1 clicks are committed", r"has committed clicks \[0, 0\]"
MUTATIONS = (
    Mutation(("generation",), ZOMBIE, BEHIND),
    Mutation(("captured", "barrier"), ZOMBIE, BEHIND),
    Mutation(("stable_offsets",), ZOMBIE, BEHIND),
    Mutation(("snapshot_last", "compares_offsets"), ZOMBIE, BEHIND),
    Mutation(("high_watermark", "compares_offsets"), KILL, BEHIND),
    Mutation(("end_last",), ZOMBIE, BEHIND),
    Mutation(("barrier",), ZOMBIE, "a live member, is refused"),
    Mutation(("ends_on_failure",), "a refused batch", r"has committed clicks \[1\]"),
    Mutation(("spares_members",), "live workers exchange partitions", "which is alive"),
    Mutation(("checks_generation",), "two zombies", "which is alive"),
    Mutation(("expects_epoch",), KILL, "which is alive"),
    Mutation(("only_fenced", "compares_offsets"), "two zombies", "someone has aborted"),
    Mutation(("epochs", "compares_offsets"), "a zombie, and answers", r"answers \[0, 0\]"),
    Mutation(("own_epoch",), FORGOTTEN, "no way to a good end"),
    Mutation(("looks_at_offsets",), FORGOTTEN, "no way to a good end"),
    Mutation(("rebuilds",), "a forgotten marker and a kill", "but 0 clicks are committed"),
    Mutation(("asks_decision", "compares_offsets"), "a forgotten marker of answers", r"answers \[0, 0\]"),
    Mutation(("compares_offsets", "settles_own"), "a forgotten marker of answers", r"answers \[0, 0\]"),
    Mutation(("waits_for_answers",), "a forgotten marker of answers", r"answers \[0, 0\]"),
    Mutation(("settles_own",), "all markers forgotten", r"answers \[0, 0\]"),
    Mutation(("separate_groups",), "an upgrade", "someone has aborted|refuses although"),
    Mutation(("fences_old", "marks_format"), "an upgrade from a zombie", BEHIND),
)
