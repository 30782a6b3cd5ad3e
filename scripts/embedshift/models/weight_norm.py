"""Weight normalisation (Salimans and Kingma, NeurIPS 2016) worked out once, when the weights are loaded."""

import torch

GAIN, DIRECTION = ".weight_g", ".weight_v"


def normalised_shapes(shapes: dict[str, tuple[int, ...]], names: set[str]) -> dict[str, tuple[int, ...]]:
    """Return `shapes` with each weight of `names` as a checkpoint has it: a gain a channel, and a direction."""
    published = {}
    for name, shape in shapes.items():
        if name in names:
            published[name.removesuffix(".weight") + GAIN] = (shape[0], *(1 for _ in shape[1:]))
            published[name.removesuffix(".weight") + DIRECTION] = shape
        else:
            published[name] = shape
    return published


def fold_weight_norm(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return `tensors` with gain times direction over its length, `weight`, in place of each gain and direction."""
    folded = {name: value for name, value in tensors.items() if not name.endswith((GAIN, DIRECTION))}
    for name in tensors:
        if name.endswith(GAIN):
            layer = name.removesuffix(GAIN)
            folded[f"{layer}.weight"] = torch._weight_norm(tensors[layer + DIRECTION], tensors[name], 0)
    return folded
