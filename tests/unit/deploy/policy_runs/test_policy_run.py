"""A policy run of the trainer on simulated rewards: decisions, training, gate, promotion."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from deploy.policy_runs.policy_admission import PolicyAdmission
from deploy.policy_runs.policy_run import PolicyRun
from deploy.runs.promotion_moves import policy_promotions
from models.contract.decision_context import Context
from models.policies import policy_files
from models.registry import policy_versions
from models.registry.version_files import policies_folder
from tests.simulated_rewards import fill
from trainer.eventlog.log import EventLog
from trainer.logs.log_files import read_log
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.policy_runs.policy_run_settings import PolicyRunSettings
from trainer.policy_runs.policy_schedule import POSTERIOR, RUN
from trainer.policy_runs.policy_workdir import PolicyOrder, PolicyResult, PolicyWorkdir
from trainer.promotion.status import What
from trainer.simulation.shop import Shop
from trainer.simulation.shop_policies import uniform
from trainer.simulation.standard_shop import standard_actions
from trainer.simulation.true_values import one_decision

AT = 1_800_000_000_000


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    """Decisions of a policy that knows nothing, so that there is much to learn."""
    shop = Shop.fit(read_log([Path("deploy/data/rees46_electronics.csv.gz")]).collect(), standard_actions())
    log = EventLog.at(str(tmp_path_factory.mktemp("log")))
    fill(log, shop, one_decision(shop), uniform(shop), 12_000, seed=1)
    return log


def _run(
    events: EventLog, registry: Path, level: float = 0.6, inputs: tuple[str, ...] = (), **settings: object
) -> PolicyRun:
    actions = replace(standard_actions(), inputs=inputs)
    chosen = PolicyRunSettings(kind="thompson", holdout=0.5).model_copy(update=settings)
    moves = policy_promotions(registry, actions.placement, announced=False, by="policy gate")
    gate = PolicyGateSettings(least_effective=50, level=level)
    return PolicyRun(events, registry, chosen, PolicyAdmission(actions, gate, moves))


def _made(run: PolicyRun, folder: Path, sort: str = RUN, at: int = AT) -> PolicyResult:
    order = PolicyOrder(sort=sort, reason="a test", at=at, rewards=1)
    workdir = PolicyWorkdir(folder)
    workdir.begin(order)
    return run.maker(workdir).make(order)


def test_a_run_trains_judges_and_promotes(events: EventLog, tmp_path: Path) -> None:
    run = _run(events, tmp_path / "registry")
    done = _made(run, tmp_path / "work")
    assert done.promoted, done.why
    assert done.version is not None
    assert run.admission.moves.ledger.status().serving == done.version
    folder = policies_folder(tmp_path / "registry", "simulated") / done.version
    version = policy_versions.load(folder)
    assert version.kind == "thompson"
    assert version.metrics["decisions"] > 5_000
    report = json.loads((folder / "gate" / "report.json").read_text())
    assert report["verdict"] == "passed"
    assert report["reason"] == done.why
    assert report["incumbent"] == "logging"


def test_a_killed_run_makes_the_same_version(
    events: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _made(_run(events, tmp_path / "one"), tmp_path / "work1")
    run = _run(events, tmp_path / "two")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(PolicyWorkdir, "made", die)
        with pytest.raises(KeyboardInterrupt):
            _made(run, tmp_path / "work2")
    again = PolicyWorkdir(tmp_path / "work2")
    order = again.order()
    assert order is not None
    second = run.maker(again).make(order)
    assert (first.version, first.why) == (second.version, second.why)


def test_a_posterior_is_updated_without_the_gates_lead(events: EventLog, tmp_path: Path) -> None:
    run = _run(events, tmp_path / "registry")
    before = _made(run, tmp_path / "work")
    after = _made(run, tmp_path / "work", POSTERIOR, AT + 300_000)
    assert after.promoted, after.why
    assert after.version != before.version
    assert run.admission.moves.ledger.status().serving == after.version
    assert after.why.startswith("its posterior has newer rewards")


def test_a_candidate_that_is_not_shown_to_be_better_is_refused(events: EventLog, tmp_path: Path) -> None:
    run = _run(events, tmp_path / "registry", level=0.97, kind="uniform")
    done = _made(run, tmp_path / "work")
    assert not done.promoted
    assert "not shown to be better" in done.why
    assert run.admission.moves.ledger.status().serving is None
    assert run.admission.moves.ledger.entries()[-1].what == What.REFUSED


STATES = ("price", "hidden:0", "hidden:1")


def _log_with_states(folder: Path, *networks: str) -> EventLog:
    """Decisions of a placement that records inputs, of one network after another."""
    actions = replace(standard_actions(), inputs=STATES)
    shop = Shop.fit(read_log([Path("deploy/data/rees46_electronics.csv.gz")]).collect(), actions)
    log = EventLog.at(str(folder))
    fill(log, shop, one_decision(shop), uniform(shop), 3_000, 1, networks[0])
    return log


def test_a_policy_learns_from_the_files_inputs_and_names_their_network(tmp_path: Path) -> None:
    events = _log_with_states(tmp_path / "log", "20260101T000000-aaaaaaaaaaaa")
    run = _run(events, tmp_path / "registry", inputs=STATES)
    done = _made(run, tmp_path / "work")
    assert done.version is not None, done.why
    version = policy_versions.load(policies_folder(tmp_path / "registry", "simulated") / done.version)
    policy = version.bound(run.admission.actions)
    assert policy.inputs == STATES
    assert version.network == "20260101T000000-aaaaaaaaaaaa"
    assert version.records(STATES)
    assert not version.records(STATES[:2])
    context = Context(0.2, "cart", 5_000, "add_to_cart", 3, 1, vector=[1.0, 0.5, -0.5])
    assert policy.served([context]).sum() == pytest.approx(1)


def test_a_version_that_workers_leave_alone_is_no_incumbent(tmp_path: Path) -> None:
    """It reads the states of another network, so rules decide: the candidate must beat those."""
    events = _log_with_states(tmp_path / "log", "new")
    run = _run(events, tmp_path / "registry", inputs=STATES)
    first = _made(run, tmp_path / "work")
    assert first.version is not None
    for network, incumbent in (("new", first.version), ("old", "logging")):
        saved = _with_network(run, first.version, network)
        run.admission.moves.promote(saved, "a test")
        again = _made(run, tmp_path / "work", at=AT + 1_000)
        assert again.version is not None
        report = policies_folder(tmp_path / "registry", "simulated") / again.version / "gate" / "report.json"
        expected = saved if incumbent == first.version else incumbent
        assert json.loads(report.read_text())["incumbent"] == expected


def _with_network(run: PolicyRun, version: str, network: str) -> str:
    """The same policy, said to read the states of another network."""
    content = policy_versions.load(policies_folder(run.registry, "simulated") / version).content
    notes = content.description.notes | {"network": network}
    files = policy_files.save(replace(content.description, notes=notes), content.tensors)
    return policy_versions.save(run.registry, files, "simulated", AT - 1_000)


def test_an_empty_log_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    done = _made(_run(EventLog.at(str(tmp_path / "log")), tmp_path / "registry"), tmp_path / "work")
    assert (done.version, done.promoted) == (None, False)
    assert "has no rewards of the placement simulated" in done.why
