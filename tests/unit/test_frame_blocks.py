"""How far a frame sees, against gradients; and clips in blocks, against whole clips."""

import pytest
import torch
from torch import nn

from embedshift.models.frame_blocks import encode_in_blocks, reach_of
from embedshift.models.weight_norm import fold_weight_norm


def network_of(seed, *sizes):
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(*(nn.Conv1d(1, 1, kernel, stride, padding, dilation)
                              for kernel, stride, padding, dilation in sizes))  # fmt: skip
    for parameter in network.parameters():
        parameter.data = torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.1
    return network


NETWORKS = {
    "strides": ((7, 1, 3, 1), (4, 2, 1, 1), (7, 1, 9, 3), (10, 5, 3, 1), (8, 4, 2, 1), (3, 1, 1, 1)),
    "one side": ((6, 3, 3, 1), (4, 2, 2, 1)),
    "nothing": ((4, 4, 0, 1), (1, 1, 0, 1)),
}
HOPS = {"strides": 40, "one side": 6, "nothing": 4}


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_frame_depends_on_the_frames_within_reach_and_on_no_others(kind):
    network, hop, frames, frame = network_of(1, *NETWORKS[kind]), HOPS[kind], 41, 20
    signal = torch.zeros((1, 1, frames * hop), dtype=torch.float64, requires_grad=True)
    network(signal)[0, 0, frame].backward()
    touched = torch.nonzero(signal.grad[0, 0]) // hop
    before, after = reach_of(network, hop)
    assert (frame - int(touched.min()), int(touched.max()) - frame) == (before, after)


@pytest.mark.parametrize("block_frames", [1, 3, 20, 63, 64])
def test_blocks_side_by_side_are_the_whole(block_frames):
    network, hop = network_of(2, *NETWORKS["strides"]), HOPS["strides"]
    signal = torch.randn((2, 1, 64 * hop), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.inference_mode():
        whole = network(signal)
        found = encode_in_blocks(network, signal, hop, reach_of(network, hop), block_frames)
    torch.testing.assert_close(found, whole, rtol=1e-12, atol=0)


def test_too_small_a_reach_would_be_seen():
    network, hop = network_of(2, *NETWORKS["strides"]), HOPS["strides"]
    signal = torch.randn((1, 1, 64 * hop), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    before, after = reach_of(network, hop)
    for reach in ((before - 1, after), (before, after - 1)):
        found = encode_in_blocks(network, signal, hop, reach, 20)
        assert not torch.allclose(found, network(signal), rtol=1e-9, atol=0)


def test_weight_normalisation_is_torchs():
    layer = nn.utils.parametrizations.weight_norm(nn.Conv1d(5, 3, 7))
    published = {
        "layer.weight_g": layer.parametrizations.weight.original0.detach() * 1.7,
        "layer.weight_v": layer.parametrizations.weight.original1.detach(),
        "layer.bias": layer.bias.detach(),
    }
    layer.parametrizations.weight.original0.data *= 1.7
    folded = fold_weight_norm(published)
    assert set(folded) == {"layer.weight", "layer.bias"}
    torch.testing.assert_close(folded["layer.weight"], layer.weight.detach(), rtol=1e-6, atol=0)
