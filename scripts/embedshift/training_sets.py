"""What the classifier of a class learns from: which clips, which of them are positive, and their folds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embedshift.errors import UserError
from embedshift.logistic_grid import PUBLISHED_FOLDS, check_folds, grouped_folds, stratified_folds

NOT_TESTED = -1
FOLDS = ("grouped", "stratified")
NEGATIVES = ("balanced", "all")


@dataclass(frozen=True)
class TrainingSet:
    """Clips (rows,) int, whether they are positive (rows,) bool, and their fold for choosing C (rows,) int."""

    clips: np.ndarray
    positive: np.ndarray
    fold: np.ndarray


def training_set(
    label: np.ndarray,
    group: np.ndarray,
    train: np.ndarray,
    name: str,
    *,
    negatives: str = "balanced",
    folds: str = "grouped",
    seed: int = 42,
) -> TrainingSet:
    """Return the training set of class `name` among the clips `train` (int positions).

    negatives: `balanced`, as published, is an equal share of every other class that together make about as many
    clips as the positive ones, drawn without replacement; `all` is every clip of the other classes. folds: `grouped`
    keeps clips of a group together when C is chosen, `stratified` is scikit-learn's default, as published.

    Raises
    ------
    UserError
        If a fold would lack a class.
    """
    positives = train[label[train] == name]
    others = [train[label[train] == other] for other in np.unique(label[train]) if other != name]
    if not len(positives) or not others:
        raise UserError(
            f"The classifier of '{name}' needs training clips of that class and of another; among the {len(train)} "
            f"training clips there are {len(positives)} of '{name}' and {len(others)} other classes. Use another "
            "split, or leave the class out of the study."
        )
    if negatives == "balanced":
        others = list(_equal_shares(others, max(1, len(positives) // len(others)), seed))
    clips = np.concatenate([positives, *others])
    positive = np.arange(len(clips)) < len(positives)
    return TrainingSet(clips, positive, _folds(positive, group[clips], folds, seed, name))


def _equal_shares(others: list[np.ndarray], share: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for clips in others:
        yield np.sort(rng.choice(clips, size=min(share, len(clips)), replace=False))


def _folds(positive: np.ndarray, group: np.ndarray, folds: str, seed: int, name: str) -> np.ndarray:
    if folds == "grouped":
        fold = grouped_folds(positive, group, PUBLISHED_FOLDS, seed)
    elif min(np.count_nonzero(positive), np.count_nonzero(~positive)) < PUBLISHED_FOLDS:
        fold = np.arange(len(positive)) % PUBLISHED_FOLDS  # some fold lacks a class: refused next, with its reason
    else:
        fold = stratified_folds(positive)
    check_folds(positive, fold, name)
    return fold


def given_split(split: np.ndarray) -> np.ndarray:
    """Return the outer fold of each clip (clips,): 0 for split `test`, NOT_TESTED for the others.

    Raises
    ------
    UserError
        If there is no test clip or no other clip.
    """
    fold = np.where(np.asarray(split) == "test", 0, NOT_TESTED)
    if not (fold == 0).any() or (fold == 0).all():
        raise UserError(
            f"The given split has {np.count_nonzero(fold == 0)} test clips of {len(fold)}: it needs test and train. "
            "Name them 'train' and 'test' in the column split of the manifest, or use grouped folds instead."
        )
    return fold
