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
from baselines.tune.options import differences
from baselines.tune.space import Settings, Space
from competition.errors import UserError, first_line

if TYPE_CHECKING:
    from optuna.trial import Trial

FILE = "study.db"
_NAME = "search"
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
    is_recipe: bool = False  # the recipe as it is, nothing drawn


@dataclass(slots=True)
class SearchStudy:
    """Draws the values of the next trial and keeps what came of all."""

    study: optuna.Study
    space: Space
    seed: int
    startup: int
    _running: "dict[int, Trial]" = field(default_factory=dict)
    _unpruned: set[int] = field(default_factory=set)  # running trials that must finish
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

    def measure_recipe(self, own: Settings | None) -> tuple[int, Settings]:
        """Number and values of a new trial of the recipe as it is, which is never pruned.

        Args:
            own: the recipe's values where the space holds them all; None: it lies outside, so that the trial has no
                values and the sampler learns nothing from it.
        """
        if own is not None:
            self.study.enqueue_trial(self.space.encode(own))
        trial = self.study.ask(self.space.distributions() if own is not None else None)
        trial.set_user_attr("is_recipe", True)
        self._running[trial.number] = trial
        self._unpruned.add(trial.number)
        return trial.number, self.space.decode(trial.params)

    @property
    def is_retrying(self) -> bool:
        """Whether values of a trial that was interrupted come next."""
        return bool(self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

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
        return evaluated.number not in self._unpruned and bool(trial.should_prune())

    def close(self, ended: Ended) -> None:
        """Note how a trial ended."""
        trial = self._running.pop(ended.number)
        noted = {"state": ended.state, "seconds": ended.seconds, "accuracy": ended.accuracy, "facts": dict(ended.facts)}
        for name, value in noted.items():
            trial.set_user_attr(name, value)
        # A trial without values would take every key from what the sampler looks at: Optuna is told that it failed.
        state = _STATES.get(ended.state, TrialState.FAIL) if trial.params else TrialState.FAIL
        value = ended.accuracy if state is TrialState.COMPLETE else None
        self.study.tell(ended.number, value, state)

    def records(self) -> list[Record]:
        """All trials that ended, in order."""
        trials = self.study.get_trials(deepcopy=False)
        return [self._record(trial) for trial in trials if trial.state.is_finished()]

    def _record(self, trial: FrozenTrial) -> Record:
        accuracy = trial.user_attrs.get("accuracy")
        if accuracy is None:
            accuracy = max(trial.intermediate_values.values(), default=None)
        return Record(
            number=trial.number,
            state=trial.user_attrs.get("state", "interrupted"),
            accuracy=accuracy,
            settings=self.space.decode(trial.params),
            seconds=trial.user_attrs.get("seconds", 0.0),
            facts=trial.user_attrs.get("facts", {}),
            is_recipe=trial.user_attrs.get("is_recipe", False),
        )

    def importances(self) -> dict[str, float]:
        """Share of each key in what decides between good and middling trials, largest first; empty for a few trials.

        PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023).
        """
        done = [record for record in self.records() if record.state == "finished" and record.settings]
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
    startup = min(10, max(3, trials // 4))
    check_study(folder, space, identity, resume)
    with _readable(folder / FILE) as storage:
        study = optuna.create_study(
            storage=storage,
            study_name=_NAME,
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=startup, n_warmup_steps=_WARM_UP, n_min_trials=2),
            load_if_exists=True,
        )
    study.set_user_attr("identity", _plain(space, identity))
    _free_interrupted(study)
    return SearchStudy(study, space, seed, startup)


def check_study(folder: Path, space: Space, identity: Mapping[str, Any], resume: bool) -> None:
    """Refuse what `open_study` would refuse, without writing anything; the arguments are the same.

    Raises:
        UserError: there is a study already and `resume` is not set, or it was made for something else.
    """
    path = folder / FILE
    if not path.exists():
        return
    if not resume:
        raise UserError(f"{folder}: holds a search already; add --resume to go on with it, or choose another --out")
    with _readable(path) as storage:
        named = [study for study in optuna.get_all_study_summaries(storage) if study.study_name == _NAME]
        storage.remove_session()
        storage.engine.dispose()  # a process forked later must not hold this one's connection
    before = named[0].user_attrs.get("identity") if named else None  # None: it was killed as it began
    different = [] if before is None else differences(before, _plain(space, identity))
    if different:
        raise UserError(f"{path}: made with another {', '.join(different)}; give the same, or choose another --out")


@contextmanager
def _readable(path: Path) -> Iterator[optuna.storages.RDBStorage]:
    """The database of a study; what is wrong with it becomes one line."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 30}})
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = first_line(error)[:120]
        raise UserError(f"{path}: no readable study ({reason}); delete it to start anew") from None


def _plain(space: Space, identity: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps({**identity, "space": space.describe()}, default=str))
    return found


def _free_interrupted(study: optuna.Study) -> None:
    """Trials that a killed search left running are tried again with the same values."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params and "is_recipe" not in trial.user_attrs:  # the recipe is tried again without being asked
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
