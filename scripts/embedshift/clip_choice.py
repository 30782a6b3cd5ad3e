"""The clips that a study shows: one choice for maps and sounds, so that a clip that is heard is found in the map."""

import hashlib
from collections import Counter
from collections.abc import Sequence


def choose_clips(
    clip_id: Sequence[str],
    label: Sequence[str],
    seed: int,
    *,
    per_class: int | None = None,
    in_all: int | None = None,
) -> list[int]:
    """Return positions of up to `per_class` clips of each class and up to `in_all` in all, in the order of choice.

    Clips are ranked by a digest of seed and clip_id, and the classes take turns: the first clip of every class comes
    before the second of any. So all models and effects show the same clips, also where some other clip is left out
    or added, and a smaller choice is the beginning of a larger one.
    """
    ranked = sorted(range(len(clip_id)), key=lambda i: hashlib.sha256(f"{seed} {clip_id[i]}".encode()).hexdigest())
    taken: Counter[str] = Counter()
    turn = {}
    for position in ranked:
        turn[position] = taken[str(label[position])]
        taken[str(label[position])] += 1
    chosen = [position for position in ranked if per_class is None or turn[position] < per_class]
    return sorted(chosen, key=turn.__getitem__)[:in_all]
