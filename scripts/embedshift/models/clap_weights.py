"""From a network without memory and a checkpoint's tensors to a network that is ready to run."""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def fill(network: Network, tensors: Mapping[str, torch.Tensor], device: str) -> Network:
    """Return `network`, made on torch's device `meta`, with copies of `tensors` on `device`.

    Copies, because those read lie where they lie in the file, at addresses that products are slow from. Nothing is
    made empty first: on `meta`, torch needs its compiler for that, which takes longer to import than the rest.
    """
    network.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, assign=True)
    return network.to(device).eval()
