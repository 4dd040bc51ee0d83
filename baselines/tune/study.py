"""The record of a search: an Optuna study in SQLite that outlives a killed search."""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from baselines.tune.messages import SHARES, Ended, Evaluated
from baselines.tune.space import Settings, Space
from competition.errors import UserError

if TYPE_CHECKING:
    from optuna.trial import Trial

FILE = "study.db"
_WARM_UP = 2  # tenths of a run that are never judged
_STATES = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "diverged": TrialState.PRUNED}


@dataclass(frozen=True, slots=True)
class Record:
    """One trial as it ended."""

    number: int
    state: str  # finished, pruned, diverged, failed, interrupted
    accuracy: float | None  # of a pruned trial: the best one until then
    settings: Settings
    seconds: float
    facts: Mapping[str, Any]


@dataclass(slots=True)
class SearchStudy:
    """Draws the values of the next trial and keeps what came of all."""

    study: optuna.Study
    space: Space
    seed: int
    startup: int
    _running: "dict[int, Trial]" = field(default_factory=dict)
    _judged: dict[int, tuple[int, float]] = field(default_factory=dict)  # last tenth and its accuracy

    @property
    def trial_seconds(self) -> float | None:
        """What every trial was given; None before the first one."""
        return self.study.user_attrs.get("trial_seconds")

    @trial_seconds.setter
    def trial_seconds(self, seconds: float) -> None:
        self.study.set_user_attr("trial_seconds", seconds)

    def suggest(self, first: Settings | None = None) -> tuple[int, Settings]:
        """Number and values of a new trial; `first` are values to try before any other."""
        if first:
            self.study.enqueue_trial(self.space.encode(first), skip_if_exists=True)
        number = len(self.study.get_trials(deepcopy=False))
        self.study.sampler = _sampler(self.seed, number, self.startup)
        trial = self.study.ask(self.space.distributions())
        self._running[trial.number] = trial
        return trial.number, self.space.decode(trial.params)

    def judge(self, evaluated: Evaluated) -> bool:
        """Note an evaluation; True when the trial is below the median of the others at the same share of the run.

        Shares of a run are compared rather than epochs: with one budget for all, a small model makes forty epochs
        where a large one makes five.
        """
        trial, tenth = self._running[evaluated.number], evaluated.tenth
        before, accuracy = self._judged.get(evaluated.number, (tenth - 1, evaluated.accuracy))
        if not before < tenth < SHARES:
            return False
        for between in range(before + 1, tenth):  # what a run with few evaluations had to show at that time
            trial.report(accuracy, between)
        trial.report(evaluated.accuracy, tenth)
        self._judged[evaluated.number] = tenth, evaluated.accuracy
        return bool(trial.should_prune())

    def close(self, ended: Ended) -> None:
        """Note how a trial ended."""
        trial = self._running.pop(ended.number)
        for name, value in {"state": ended.state, "seconds": ended.seconds, "facts": dict(ended.facts)}.items():
            trial.set_user_attr(name, value)
        state = _STATES.get(ended.state, TrialState.FAIL)
        value = ended.accuracy if state is TrialState.COMPLETE else None
        self.study.tell(ended.number, value, state)

    def records(self) -> list[Record]:
        """All trials that ended, in order."""
        trials = self.study.get_trials(deepcopy=False)
        return [self._record(trial) for trial in trials if trial.state.is_finished()]

    def _record(self, trial: FrozenTrial) -> Record:
        best = max(trial.intermediate_values.values(), default=None)
        return Record(
            number=trial.number,
            state=trial.user_attrs.get("state", "interrupted"),
            accuracy=trial.value if trial.state is TrialState.COMPLETE else best,
            settings=self.space.decode(trial.params),
            seconds=trial.user_attrs.get("seconds", 0.0),
            facts=trial.user_attrs.get("facts", {}),
        )

    def importances(self) -> dict[str, float]:
        """Share of each key in what decides between good and middling trials, largest first; empty for a few trials.

        PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023).
        """
        done = [record for record in self.records() if record.state == "finished"]
        if (
            len(done) < max(6, 2 * len(self.space.dimensions))
            or len({record.accuracy for record in done}) < 3
            or len(self.space.dimensions) < 2
        ):
            return {}
        with _quiet():
            return optuna.importance.get_param_importances(
                self.study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )


def open_study(
    folder: Path, space: Space, identity: Mapping[str, Any], seed: int, trials: int, resume: bool
) -> SearchStudy:
    """Begin the study of a folder, or go on with it.

    Args:
        folder: where `study.db` lies.
        space: what is varied.
        identity: what must stay the same when a search is resumed; plain values.
        seed: of the sampler.
        trials: planned; the first quarter of them is drawn at random.
        resume: go on with what is there.

    Raises:
        UserError: there is a study already and `resume` is not set, or it was made for something else.
    """
    path = folder / FILE
    refuse_to_overwrite(folder, resume)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    startup = min(10, max(3, trials // 4))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=startup, n_warmup_steps=_WARM_UP, n_min_trials=2)
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 30}})
        study = optuna.create_study(
            storage=storage, study_name="search", direction="maximize", pruner=pruner, load_if_exists=True
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:120]
        raise UserError(f"{path}: no readable study ({reason}); delete it to start anew") from None
    _check_identity(path, study, {**identity, "space": space.describe()})
    _free_interrupted(study)
    return SearchStudy(study, space, seed, startup)


def refuse_to_overwrite(folder: Path, resume: bool) -> None:
    """Raise a `UserError` where a study lies already and nobody said to go on with it."""
    if (folder / FILE).exists() and not resume:
        raise UserError(f"{folder}: holds a search already; add --resume to go on with it, or choose another --out")


def _check_identity(path: Path, study: optuna.Study, identity: Mapping[str, Any]) -> None:
    now = json.loads(json.dumps(identity, default=str))
    before = study.user_attrs.get("identity")
    if before is None:
        study.set_user_attr("identity", now)
        return
    different = [name for name in now if now[name] != before.get(name)]
    if different:
        raise UserError(f"{path}: made with another {', '.join(different)}; give the same, or choose another --out")


def _free_interrupted(study: optuna.Study) -> None:
    """Trials that a killed search left running are tried again with the same values."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _sampler(seed: int, number: int, startup: int) -> optuna.samplers.BaseSampler:
    """TPE (Bergstra et al., 2011) seeded by the trial's number, so that a resumed search draws what it would have."""
    state = np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1)
    with _quiet():
        return optuna.samplers.TPESampler(
            seed=int(state[0]), n_startup_trials=startup, multivariate=True, constant_liar=True
        )


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
