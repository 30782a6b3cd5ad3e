"""A training and a test side that share no group, with as many training clips of every class.

As the split of Deng, Wang, Richard and McFee (ICASSP 2025): the first of four folds of a stratified, grouped division
is the test side; of the training side, every class keeps as many clips as the smallest has. Their code went through a
set of names, so that no two runs gave one split; here the names are sorted first.
"""

import random
from collections import Counter
from collections.abc import Sequence

from embedshift.errors import UserError


def choose_split(
    names: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[str],
    *,
    class_order: Sequence[str],
    folds: int,
    split_seed: int,
    balance_seed: int | None,
) -> dict[str, str]:
    """Return `{name: train or test}`; names that balancing leaves out are not in it.

    The same for any order of the clips. Classes are balanced in `class_order`, all drawing from one stream of random
    numbers; without `balance_seed` nothing is left out.

    Raises
    ------
    UserError
        If there are fewer groups than folds, or no class has as many clips.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    rows = sorted(zip(names, labels, groups, strict=True))
    labels, groups = [row[1] for row in rows], [row[2] for row in rows]
    largest = max(Counter(labels).values())
    if min(len(set(groups)), largest) < folds:
        raise UserError(
            f"{len(set(groups))} recordings, {largest} clips in the largest class, cannot be divided into {folds} "
            "folds. Add clips, lower reader_options.folds (2 at least), or give a table of the split."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=split_seed)
    train, test = next(splitter.split([[0]] * len(rows), labels, groups))
    train_names = {label: [rows[row][0] for row in train if labels[row] == label] for label in class_order}
    if balance_seed is not None:
        train_names = balance(train_names, balance_seed)
    split = {rows[row][0]: "test" for row in test}
    return split | {name: "train" for names_of_class in train_names.values() for name in names_of_class}


def balance(names_of: dict[str, list[str]], seed: int) -> dict[str, list[str]]:
    """Return so many names of each class, drawn at random, as the smallest class that is there has."""
    rng = random.Random(seed)
    fewest = min(len(names) for names in names_of.values() if names)
    balanced = {}
    for label, names in names_of.items():
        shuffled = list(names)
        rng.shuffle(shuffled)
        balanced[label] = shuffled[:fewest]
    return balanced
