"""After a chaos run: what was published and what is stored, against the oracle."""

from collections import Counter, defaultdict, deque
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import msgspec
import rocksdict

from models.durations import DAY_MS
from streams.config.topics import TopicNames
from tests.e2e.chaos_reading import CHECKPOINT, checkpoint_of, latest, read_all
from tests.e2e.chaos_world import ATTRIBUTION_HOURS, CHURN_DAYS, PANE_HOURS, PARTITIONS, TTL_DAYS
from tests.e2e.oracle import Partition
from tests.e2e.oracle_offers import Actions
from tests.e2e.oracle_shopper import Rules
from tests.e2e.oracle_state import differences, expected

HOUR_MS = 3_600_000
ACTIONS = Path(__file__).parents[2] / "deploy/data/actions.toml"
RULES = Rules(
    churn=int(CHURN_DAYS * DAY_MS),
    ttl=int(TTL_DAYS * DAY_MS),
    window=int(ATTRIBUTION_HOURS * HOUR_MS),
    retention=PANE_HOURS * HOUR_MS,
)
#: An answer this soon after its click shows that nothing is piled up any more.
CAUGHT_UP_MS = 1_000
#: Of what differs, so many are told.
TOLD = 20


class Published(msgspec.Struct):
    """What is checked of an answer, whichever of the three."""

    event_id: str
    visitor_id: str
    rung: str
    model_version: str
    scored_at: int
    session_id: str = ""
    session_clicks: int = 0
    action: str = ""
    decision_id: str = ""
    context: dict = {}
    items: list = []


class Verdict:
    """Figures of a run and what is wrong with it."""

    def __init__(self):
        self.figures = Counter()
        self.tiers = Counter()
        self.calm_tiers = Counter()
        self.wrong = []

    def hold(self, differing, what):
        """Every entry of `differing` is wrong."""
        differing = list(differing)
        self.wrong += [f"{what}: {one}" for one in differing[:TOLD]]
        if len(differing) > TOLD:
            self.wrong.append(f"{what}: {len(differing)} in all")

    def add(self, other):
        """What was found elsewhere."""
        self.figures += other.figures
        self.tiers += other.tiers
        self.calm_tiers += other.calm_tiers
        self.wrong += other.wrong


class Case(NamedTuple):
    """What an examination of a partition needs to know; it goes to a process of its own."""

    client: dict
    names: TopicNames
    changelog: str
    disturbed: list
    number: int


def examine(world, verdict):
    """All partitions; by number the state that each must have, for `disk`."""
    given = world.client(), world.names, world.changelog, world.disturbed
    cases = [Case(*given, number) for number in range(PARTITIONS)]
    with ProcessPoolExecutor(PARTITIONS, get_context("spawn")) as pool:
        found = list(pool.map(_examined, cases))
    for one, _ in found:
        verdict.add(one)
    return [state for _, state in found]


def _examined(case):
    examination = Examination(case)
    examination.run()
    return examination.verdict, examination.wanted


def disk(datadir, states, verdict):
    """The RocksDB files of a stopped worker that owned every partition."""
    for number, wanted in enumerate(states):
        found = list(datadir.rglob(f"*state-{number}.db"))
        if len(found) != 1:
            verdict.hold([found], f"disk[{number}]: expected one database, found")
            continue
        state = stored_on(found[0])
        verdict.figures["disk_keys"] += len(state)
        verdict.hold(differences(wanted, state), f"disk[{number}]")


class Examination:
    """One partition's topics against the oracle."""

    def __init__(self, case):
        self.case, self.names, self.verdict = case, case.names, Verdict()
        self.actions = Actions(ACTIONS.read_text())
        self.wanted = {}
        self._decode = msgspec.json.Decoder(Published).decode

    def _read(self, topic):
        return read_all(self.case.client, topic, self.case.number)

    def run(self):
        """Fills `verdict` and `wanted`, the partition's state by key."""
        names, number = self.names, self.case.number
        log = self._read(names.clicks)
        topics = (names.purchase_intent, names.recommendations, names.ad_decisions)
        intents, listed, decisions = (
            [self._decode(record.value) for record in self._read(topic)] for topic in topics
        )
        oracle = self._oracle(log, decisions, listed)
        self._count(log, oracle, (intents, listed, decisions))
        for kind, found in (("intent", intents), ("recommendations", listed), ("decision", decisions)):
            self._sequence(f"{kind}[{number}]", found, oracle.answers)
        self._letters(oracle)
        self._contents(oracle.answers, intents, decisions)
        self._tiers(oracle.answers, intents)
        self._feedback(oracle, decisions)
        self._state(latest(self._read(self.case.changelog)), oracle, log)

    def _count(self, log, oracle, published):
        self.verdict.figures += Counter(
            clicks=len(log),
            answered=len(oracle.answers),
            duplicates=oracle.duplicates,
            dead_letters=len(oracle.letters),
            answers=sum(map(len, published)),
            visitors=len(oracle.shoppers),
        )

    def _oracle(self, log, decisions, listed):
        actions, lists = defaultdict(deque), defaultdict(deque)
        for decision in decisions:
            actions[decision.event_id].append(decision.action)
        for one in listed:
            lists[one.event_id].append((one.rung, one.model_version, [item["item_id"] for item in one.items]))
        oracle = Partition(RULES, self.actions)
        for record in log:
            oracle.apply(record, *(partial(_next, found) for found in (actions, lists)))
        oracle.finish()
        return oracle

    def _feedback(self, oracle, decisions):
        """Each decision that ended has exactly one record, with what the oracle knows of its outcomes."""
        # An event id that is forgotten is decided again under the same id; the record is of either decision.
        made = defaultdict(list)
        for one in decisions:
            made[one.decision_id].append(msgspec.to_builtins(one.context))
        for topic, name, wanted in (
            (self.names.rewards, "decision_id", oracle.rewards),
            (self.names.recommendation_outcomes, "recommendation_id", oracle.followed),
        ):
            found = [msgspec.json.decode(record.value) for record in self._read(topic)]
            where = f"{topic}[{self.case.number}]"
            have, need = (Counter(said(one, wanted) for one in all_of) for all_of in (found, wanted))
            self.verdict.hold((need - have).elements(), f"{where} missing")
            self.verdict.hold((have - need).elements(), f"{where} too many")
            self.verdict.figures[name.replace("_id", "s_ended")] += len(found)
            self.verdict.figures[name.replace("_id", "s_with_outcomes")] += sum(
                bool(one["outcomes"]) for one in found
            )
            if name == "decision_id":
                odd = [one[name] for one in found if one["context"] not in made[one[name]]]
                self.verdict.hold(odd, f"{where} other context than the decision's")

    def _sequence(self, where, found, wanted):
        """Exactly one answer per applied click, in the order in which they were applied."""
        got = [(answer.visitor_id, answer.event_id) for answer in found]
        right = [(answer.visitor_id, answer.event_id) for answer in wanted]
        if got != right:
            have, need = Counter(got), Counter(right)
            self.verdict.hold((need - have).elements(), f"{where} missing")
            self.verdict.hold((have - need).elements(), f"{where} too many")
            self.verdict.hold([] if have != need else ["same answers"], f"{where} order differs")

    def _letters(self, oracle):
        found, number = [], self.case.number
        for record in self._read(self.names.dead_letters):
            told = dict(record.headers[:6])
            found.append((int(told["source-offset"]), told["reason"].decode()))
        have, need = Counter(found), Counter(oracle.letters)
        self.verdict.hold((need - have).elements(), f"dead letter[{number}] missing")
        self.verdict.hold((have - need).elements(), f"dead letter[{number}] too many")

    def _contents(self, answers, intents, decisions):
        """What was published follows from the oracle's own state: session, stage, cart, mask."""
        differing = []
        for answer, intent, decision in zip(answers, intents, decisions, strict=False):
            scored = ("purchase_probability", "session_risk")
            context = {said: one for said, one in decision.context.items() if said not in scored}
            session = f"{answer.visitor_id}:{answer.session}"
            if context != answer.context:
                differing.append(f"{answer.event_id}: {context}, expected {answer.context}")
            if (intent.session_id, intent.session_clicks) != (session, answer.position):
                differing.append(f"{answer.event_id}: {intent.session_id} click {intent.session_clicks}")
        self.verdict.hold(differing, f"published[{self.case.number}]")

    def _tiers(self, answers, intents):
        """Rungs of who consents; `calm`: while all workers were up and had worked off what had piled up."""
        disturbed, caught_up = self.case.disturbed, False
        for answer, intent in zip(answers, intents, strict=False):
            if any(since <= intent.scored_at <= until for since, until in disturbed):
                caught_up = False
            elif intent.scored_at - answer.sent < CAUGHT_UP_MS:
                caught_up = True
            if not answer.consent:
                allowed = ("popular", "popular_in_category")
                self.verdict.hold(
                    [intent.rung] if intent.rung not in allowed else [], "refused, yet answered by"
                )
                continue
            self.verdict.tiers[intent.rung] += 1
            if caught_up:
                self.verdict.calm_tiers[intent.rung] += 1

    def _state(self, state, oracle, log):
        where = f"changelog[{self.case.number}]"
        checkpoint = state.pop(CHECKPOINT, None)
        wanted = (log[-1].offset + 1, oracle.watermark) if log else None
        if log and (checkpoint is None or checkpoint_of(checkpoint) != wanted):
            self.verdict.hold(
                [checkpoint_of(checkpoint) if checkpoint else None], f"{where} checkpoint, expected {wanted}"
            )
        self.wanted = expected(oracle)
        self.verdict.figures["keys"] += len(self.wanted)
        sizes = [len(value) for key, value in state.items() if key.startswith(b"v")]
        self.verdict.figures["visitor_bytes"] += sum(sizes)
        self.verdict.hold(differences(self.wanted, state), where)


def _next(found, event_id):
    return found[event_id].popleft() if found[event_id] else None


def said(record, wanted):
    """What the oracle knows of a record, as text."""
    names = wanted[0] if wanted else record
    return msgspec.json.encode({name: record[name] for name in sorted(names)}).decode()


def stored_on(path):
    """A database's pairs, without the checkpoint and Faust's position."""
    options = rocksdict.Options(raw_mode=True)
    database = rocksdict.Rdict(str(path), options=options, access_type=rocksdict.AccessType.read_only())
    pairs = {key: value for key, value in database.items() if key[:1] in (b"v", b"t", b"p", b"d", b"a")}
    database.close()
    return pairs
