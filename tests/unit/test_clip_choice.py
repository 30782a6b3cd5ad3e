"""One choice of clips for maps and sounds."""

import numpy as np

from embedshift.clip_choice import choose_clips
from embedshift.sweep import Sweep
from embedshift.trajectories import trajectory_rows

CLIPS, LABELS = [f"clip{i}" for i in range(60)], [f"class{i % 3}" for i in range(60)]


def test_the_same_clips_are_chosen_when_others_are_missing():
    chosen = choose_clips(CLIPS, LABELS, 9, per_class=4)
    assert [sum(LABELS[i] == name for i in chosen) for name in sorted(set(LABELS))] == [4, 4, 4]
    kept = [i for i in range(60) if i in set(chosen) or i % 2]
    again = choose_clips([CLIPS[i] for i in kept], [LABELS[i] for i in kept], 9, per_class=4)
    assert [CLIPS[kept[i]] for i in again] == [CLIPS[i] for i in chosen]
    assert set(chosen) != set(choose_clips(CLIPS, LABELS, 10, per_class=4))


def test_classes_take_turns_and_a_smaller_choice_begins_a_larger_one():
    unequal = ["rare"] * 2 + ["common"] * 58
    for seed in range(10):
        whole = choose_clips(CLIPS, unequal, seed)
        assert sorted(whole) == list(range(60))
        assert {unequal[i] for i in whole[:2]} == {unequal[i] for i in whole[2:4]} == {"rare", "common"}
        assert choose_clips(CLIPS, unequal, seed, in_all=7) == whole[:7]
    assert choose_clips(CLIPS, LABELS, 1, in_all=0) == choose_clips(CLIPS, LABELS, 1, per_class=0) == []


def test_a_clip_that_is_heard_is_found_in_the_map(rng):
    clean = rng.standard_normal((60, 4)).astype(np.float32)
    sweep = Sweep(np.array(CLIPS), np.array(LABELS), np.array(CLIPS), clean, clean[:, None] + np.float32(1))
    for seed in range(5):
        drawn = {row["variant"] for row in trajectory_rows(sweep, ["1"], clips_per_class=2, seed=seed)}
        heard = {CLIPS[i] for i in choose_clips(CLIPS, LABELS, seed, in_all=6)}
        assert heard == drawn - {"mean", "pc1", "pc2", "pc3"}
