"""Class probes under an effect: who learns from what, is tested on what, with what erased; scores of every test clip.

The regimes of Deng et al. (ICASSP 2025): train and test clean, train clean and test effected, train effected and test
clean, both effected at one strength, and with one strength drawn for each clip (`mix`). `augmented` learns from the
clean and the mixed version of each training clip (or more copies). The result are scores, from which every metric, band
and paired difference follows without training again. A classifier is trained once for (eraser, training condition,
class, fold) and serves all conditions that it is tested on; the sweep is read one strength at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift.linear_eraser import LinearEraser, linear_part
from embedshift.logistic import rows_of
from embedshift.logistic_grid import PUBLISHED_GRID, search_grid
from embedshift.progress import Progress
from embedshift.robustness_columns import AUGMENTED, CLEAN, MIX, NONE
from embedshift.training_sets import NOT_TESTED, TrainingSet, training_set

Condition = str | int
"""`clean`, `mix`, `augmented` (training only), or the position of a strength."""
EraserOf = Callable[[int, str], Any]
"""From (outer fold, class) to an eraser with `apply`, fitted on clips that the fold does not test; None for nothing."""


@dataclass(frozen=True)
class ProbeChoices:
    """How probes are trained. The defaults are ours; `folds="stratified"` is as published.

    Attributes
    ----------
    folds, negatives : see `training_sets.training_set`
    solver : `liblinear` stops where liblinear's default stops, `exact` goes to the minimum
    grid : values of C, ascending
    augmented : also learn from clean clips and so many effected copies of each together, without eraser; the first
        copy is the mixed one, the others are at further strengths drawn for each clip
    seed : draws negatives, folds, and the strengths of `mix`
    """

    folds: str = "grouped"
    negatives: str = "balanced"
    solver: str = "liblinear"
    grid: tuple[float, ...] = PUBLISHED_GRID
    augmented: int = 1
    seed: int = 42


@dataclass
class RegimeScores:
    """Scores of every test clip in every regime.

    Attributes
    ----------
    classes : names, in the order of the rows of the scores
    clips : int array (tested,), positions of the tested clips
    fold : int array (tested,), the outer fold that tested each: scores of two folds come from two classifiers
    scores : {(eraser, train, test): float64 array (classes, tested)}
    chosen_c, validation_auc : {(eraser, train): float64 array (folds, classes)}
    progress : counts grid searches, which take nearly all of the time
    """

    classes: list[str]
    clips: np.ndarray
    fold: np.ndarray
    scores: dict[tuple[str, Condition, Condition], np.ndarray] = field(default_factory=dict)
    chosen_c: dict[tuple[str, Condition], np.ndarray] = field(default_factory=dict)
    validation_auc: dict[tuple[str, Condition], np.ndarray] = field(default_factory=dict)
    progress: Progress = field(default_factory=lambda: Progress(0, "probes trained"))

    def expect(self, probes: int) -> None:
        """Begin to count towards so many probes, with a line of the log every half minute."""
        self.progress = Progress(probes, "probes trained", interval_s=30.0)

    @property
    def trained(self) -> int:
        """Return the number of grid searches done."""
        return self.progress.done


def score_regimes(
    clean: np.ndarray,
    sweep: np.ndarray,
    label: Sequence[str],
    group: Sequence[str],
    fold: np.ndarray,
    erasers: Mapping[str, EraserOf],
    choices: ProbeChoices | None = None,
    threads: int = 1,
) -> RegimeScores:
    """Train and score the probes of all classes, erasers and regimes.

    clean (clips, dim); sweep (clips, strengths, dim), indexed as sweep[:, p] only; fold (clips,) int: the outer fold
    that tests the clip, NOT_TESTED for clips that only train (see `training_sets.given_split` and
    `resampling.group_folds`). `none` need not be among the erasers. `threads` does not change the result.

    Raises
    ------
    UserError
        If a class has too few training clips or groups.
    """
    label, group = np.asarray(label), np.asarray(group)
    tested = np.flatnonzero(fold != NOT_TESTED)
    result = RegimeScores([str(name) for name in np.unique(label)], tested, fold[tested])
    conditions = _Conditions(clean, sweep, (choices or ProbeChoices()).seed)
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        for number in range(int(fold.max()) + 1):
            one = _Fold(number, label, group, fold, erasers, choices or ProbeChoices())
            if number == 0:
                result.expect((int(fold.max()) + 1) * one.probes(conditions.strengths))
            _score_fold(one, conditions, result, pool)
    return result


class _Conditions:
    """Embeddings by condition; the strengths of `mix` are drawn once for each clip."""

    def __init__(self, clean: np.ndarray, sweep: np.ndarray, seed: int) -> None:
        self._clean, self._sweep = clean, sweep
        self.strengths = sweep.shape[1]
        rng = np.random.default_rng(seed)
        self._drawn = rng.integers(self.strengths, size=len(clean))
        self._steps = rng.permuted(np.tile(np.arange(1, self.strengths), (len(clean), 1)), axis=1)
        self._mixed = self._at(self._drawn)

    def copies(self, number: int) -> tuple[np.ndarray, ...]:
        """Return effected versions (clips, dim), the mixed one first; at different strengths as far as there are."""
        further = range(min(number, self.strengths) - 1)
        return (self._mixed, *(self._at((self._drawn + self._steps[:, k]) % self.strengths) for k in further))

    def _at(self, drawn: np.ndarray) -> np.ndarray:
        versions = np.empty_like(self._clean)
        for position in range(self.strengths):
            versions[drawn == position] = self._sweep[drawn == position, position]
        return versions

    def embeddings(self, condition: Condition) -> np.ndarray:
        if isinstance(condition, str):
            return self._clean if condition == CLEAN else self._mixed
        return np.ascontiguousarray(self._sweep[:, condition])


@dataclass(frozen=True)
class _Classifier:
    """Weights (dim,) and intercept for embeddings as they are, or for erased ones where `eraser` is not None."""

    weights: np.ndarray
    intercept: float
    eraser: Any


class _Fold:
    """The classes, training sets and erasers of one outer fold."""

    def __init__(
        self,
        number: int,
        label: np.ndarray,
        group: np.ndarray,
        fold: np.ndarray,
        erasers: Mapping[str, EraserOf],
        choices: ProbeChoices,
    ) -> None:
        self.number, self.choices = number, choices
        self.test = np.flatnonzero(fold == number)
        self.classes = [str(name) for name in np.unique(label)]
        train = np.flatnonzero(fold != number)
        options = {"negatives": choices.negatives, "folds": choices.folds, "seed": choices.seed}
        self.training = {name: training_set(label, group, train, name, **options) for name in self.classes}
        self.erasers = {NONE: dict.fromkeys(self.classes)}
        for name, eraser_of in erasers.items():
            if name != NONE:
                self.erasers[name] = {label: _thin(eraser_of(number, label)) for label in self.classes}

    def probes(self, strengths: int) -> int:
        """Return how many classifiers the fold trains."""
        augmented = [AUGMENTED] if self.choices.augmented else []
        return sum(len(list(self.tasks(train))) for train in [CLEAN, MIX, *augmented, *range(strengths)])

    def tasks(self, train: Condition) -> Iterator[tuple[str, str]]:
        """Yield (eraser, class) of the classifiers that a training condition asks for."""
        for eraser in (NONE,) if train == AUGMENTED else self.erasers:
            for name in self.classes:
                yield eraser, name


def _thin(eraser: Any) -> Any:
    return linear_part(eraser) or eraser


def _score_fold(fold: _Fold, conditions: _Conditions, result: RegimeScores, pool: ThreadPoolExecutor) -> None:
    clean, mix = conditions.embeddings(CLEAN), conditions.embeddings(MIX)
    lasting = {CLEAN: _train(fold, CLEAN, (clean,), result, pool), MIX: _train(fold, MIX, (mix,), result, pool)}
    if fold.choices.augmented:
        lasting[AUGMENTED] = _train(fold, AUGMENTED, (clean, *conditions.copies(fold.choices.augmented)), result, pool)
    for test, embeddings in ((CLEAN, clean), (MIX, mix)):
        _score(fold, lasting, test, embeddings, result)
    del lasting[MIX]
    for position in range(conditions.strengths):
        effected = conditions.embeddings(position)
        here = {position: _train(fold, position, (effected,), result, pool)}
        _score(fold, lasting | here, position, effected, result)
        _score(fold, here, CLEAN, clean, result)


def _train(
    fold: _Fold, train: Condition, versions: tuple[np.ndarray, ...], result: RegimeScores, pool: ThreadPoolExecutor
) -> dict[tuple[str, str], _Classifier]:
    """Train the classifiers of one training condition, {(eraser, class): classifier}; note C and validation AUC."""
    tasks = list(fold.tasks(train))

    def one(task: tuple[str, str]) -> tuple[_Classifier, float, float]:
        eraser, name = task
        return _train_one(fold.training[name], versions, fold.erasers[eraser][name], fold.choices, name)

    found = {}
    for task, trained in zip(tasks, pool.map(one, tasks), strict=True):
        found[task] = trained
        result.progress.advance()
    for (eraser, name), (_, c, auc) in found.items():
        at = fold.number, fold.classes.index(name)
        for table, value in ((result.chosen_c, c), (result.validation_auc, auc)):
            shape = int(result.fold.max()) + 1, len(fold.classes)
            table.setdefault((eraser, train), np.full(shape, np.nan))[at] = value
    return {task: classifier for task, (classifier, _, _) in found.items()}


def _train_one(
    training: TrainingSet, versions: tuple[np.ndarray, ...], eraser: Any, choices: ProbeChoices, name: str
) -> tuple[_Classifier, float, float]:
    rows = np.concatenate([version[training.clips] for version in versions]).astype(np.float64)
    if eraser is not None:
        rows = eraser.apply(rows)
    positive, inner = (np.tile(of_clips, len(versions)) for of_clips in (training.positive, training.fold))
    search = search_grid(rows_of(rows), positive, inner, choices.grid, choices.solver, name)
    weights, intercept = search.coefficients @ rows, search.coefficients.sum()
    if isinstance(eraser, LinearEraser):
        (weights,), (intercept,), eraser = *_pulled_back(eraser, weights, intercept), None
    return _Classifier(weights, float(intercept), eraser), search.c, float(search.auc.mean(axis=1).max())


def _pulled_back(eraser: LinearEraser, weights: np.ndarray, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    pulled, shifted = eraser.pull_back(weights[:, None], np.array([intercept]))
    return pulled.T, shifted


def _score(
    fold: _Fold,
    trained: Mapping[Condition, Mapping[tuple[str, str], _Classifier]],
    test: Condition,
    embeddings: np.ndarray,
    result: RegimeScores,
) -> None:
    """Write the scores of the fold's test clips at one condition, for all classifiers in one product."""
    at = np.flatnonzero(result.fold == fold.number)
    rows = embeddings[fold.test].astype(np.float64)
    keys = [(train, *task) for train, classifiers in trained.items() for task in classifiers]
    classifiers = [trained[train][eraser, name] for train, eraser, name in keys]
    scores = _scores_of(classifiers, rows)
    for (train, eraser, name), column in zip(keys, scores.T, strict=True):
        shape = len(fold.classes), len(result.clips)
        table = result.scores.setdefault((eraser, train, test), np.full(shape, np.nan))
        table[fold.classes.index(name), at] = column


def _scores_of(classifiers: list[_Classifier], rows: np.ndarray) -> np.ndarray:
    """Return the scores (rows, classifiers); an eraser shared by classifiers is applied once."""
    scores = np.empty((len(rows), len(classifiers)))
    erasers = {id(one.eraser): one.eraser for one in classifiers}
    for identity, eraser in erasers.items():
        columns = [column for column, one in enumerate(classifiers) if id(one.eraser) == identity]
        weights = np.stack([classifiers[column].weights for column in columns], axis=1)
        intercepts = np.array([classifiers[column].intercept for column in columns])
        erased = rows if eraser is None else np.asarray(eraser.apply(rows), dtype=np.float64)
        scores[:, columns] = erased @ weights + intercepts
    return scores
