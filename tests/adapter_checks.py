"""What every adapter of a network is held to: clips stand alone in a batch, and foreign weights are refused."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from embedshift.errors import UserError


def relative_error(found, expected):
    """Return the largest difference, of the largest expected value."""
    return np.abs(found - expected).max() / np.abs(expected).max()


def change_by_company(adapter, clips):
    """Return by how much frames of `clips (clips, samples)` change, of the largest value, with what stands beside them.

    Each clip alone is compared with all of them together, backwards, and beside eight other threads.
    """
    alone = np.concatenate([adapter.embed(clip[None]) for clip in clips])
    with ThreadPoolExecutor(8) as pool:
        together, *one_by_one = pool.map(adapter.embed, [clips, *clips[:, None]])
    found = [adapter.embed(clips), adapter.embed(clips[::-1].copy())[::-1], together, np.concatenate(one_by_one)]
    assert [frames.shape for frames in found] == [alone.shape] * len(found)
    return relative_error(np.stack(found), alone)


def refusal_of_a_renamed_tensor(load, weights, folder, name, renamed):
    """Return what `load(path)` says of `weights` (safetensors) in which one tensor has another name."""
    tensors = load_file(weights)
    tensors[renamed] = tensors.pop(name)
    save_file(tensors, folder / "renamed.safetensors")
    with pytest.raises(UserError) as caught:
        load(folder / "renamed.safetensors")
    return str(caught.value)
