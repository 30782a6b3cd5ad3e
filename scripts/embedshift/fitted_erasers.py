"""The erasers of one job: fitted once for each fold and class on that fold's training clips, then shared."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from embedshift.erasers.catalog import ERASERS
from embedshift.erasers.eraser import Eraser
from embedshift.erasers.fit import fit_erasers
from embedshift.erasers.training_clips import TrainingClips
from embedshift.robustness_columns import NONE
from embedshift.sweep import Sweep

ALL = "all"

Row = dict[str, Any]


class FittedErasers:
    """Erasers by fold and class, fitted when they are first asked for.

    Attributes
    ----------
    maps : names of the erasers that are maps, in the order of the config, without `none`
    copies : effected copies of each training clip where the config asks for augmentation, 0 where it does not
    threads : for the fits; no number depends on it
    """

    def __init__(self, sweep: Sweep, fold: np.ndarray, wanted: Mapping[str, Any], threads: int = 1) -> None:
        """Prepare. fold (clips,) int: the fold that tests each clip, -1 for clips that only train."""
        self.threads = threads
        self._sweep, self._fold, self._wanted = sweep, fold, wanted
        choices = wanted["robustness"]
        named = {name: choices["erasers"][name] for name in choices["eraser_order"]}
        kinds = {name: ERASERS[settings["eraser"]].kind for name, settings in named.items()}
        augmented = [named[name]["options"]["copies"] for name, kind in kinds.items() if kind == "augmentation"]
        self.copies = max(augmented, default=0)
        self._settings = {name: named[name] for name, kind in kinds.items() if kind not in ("none", "augmentation")}
        self.maps = list(self._settings)
        self._fitted: dict[tuple[int, str], dict[str, Eraser]] = {}

    def of_class(self, name: str, fold: int, label: str) -> Eraser:
        """Return eraser `name` fitted on the training clips of one class, or of all where the config says so."""
        of_all = self._wanted["robustness"]["fit_on"] == ALL
        return self._of(fold, ALL if of_all else label)[name]

    def of_all_classes(self, name: str, fold: int) -> Eraser | None:
        """Return eraser `name` fitted on the training clips of all classes; None for `none`."""
        return None if name == NONE else self._of(fold, ALL)[name]

    def rows(self) -> Iterator[Row]:
        """Yield dimensions and shares of energy removed by the erasers fitted so far: means over the folds."""
        for name in self.maps:
            for label in sorted({label for _, label in self._fitted}):
                fitted = [of_fold[name] for (_, of), of_fold in self._fitted.items() if of == label]
                yield from _removal_rows(name, label, fitted)

    def for_storage(self) -> dict[str, Eraser]:
        """Return every fitted eraser under the key `name-fold-class`, classes by number; each says its class itself."""
        numbers = {label: str(number) for number, label in enumerate(np.unique(self._sweep.label))} | {ALL: ALL}
        return {
            f"{name}-{fold}-{numbers[label]}": eraser
            for (fold, label), fitted in sorted(self._fitted.items())
            for name, eraser in fitted.items()
        }

    def _of(self, fold: int, label: str) -> dict[str, Eraser]:
        if (fold, label) not in self._fitted:
            self._fitted[fold, label] = self._fit(fold, label)
        return self._fitted[fold, label]

    def _fit(self, fold: int, label: str) -> dict[str, Eraser]:
        sweep, wanted = self._sweep, self._wanted
        train = np.flatnonzero(self._fold != fold)
        clips = TrainingClips(
            sweep.trajectories,
            sweep.clean,
            sweep.label,
            wanted["values"],
            sweep.group,
            all_clean=sweep.clean[train],
            clips=train if label == ALL else train[sweep.label[train] == label],
            dataset=wanted["dataset"],
            model=wanted["model"],
            effect=wanted["effect"],
            label=label,
            threads=self.threads,
        )
        return fit_erasers(self._settings, clips, wanted["seed"])


def _removal_rows(name: str, label: str, fitted: list[Eraser]) -> Iterator[Row]:
    facts = {
        "eraser_dimensions": [eraser.n_dimensions for eraser in fitted],
        "clean_energy_removed": [eraser.energy_removed.clean for eraser in fitted],
        "displacement_energy_removed": [eraser.energy_removed.displacement for eraser in fitted],
    }
    clips = round(np.mean([eraser.fitted_on.clips for eraser in fitted]))
    for measure, values in facts.items():
        shared = {"label": label, "measure": measure, "variant": "mean_over_folds", "split": "in_sample"}
        yield shared | {"eraser": name, "value": float(np.mean(values)), "n": clips}
