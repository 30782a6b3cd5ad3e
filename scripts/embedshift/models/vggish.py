"""VGGish (Hershey et al., ICASSP 2017): 128 values for each 0.96 s, from the weights of the PyTorch port torchvggish.

Six convolutions with ReLU and four max-poolings, then three dense layers. Two releases differ in what they call the
embedding, and so does the option `final_relu`: torchvggish, and Google's code of 2017, put a ReLU behind the last
layer; Google's present code (tensorflow/models, research/audioset/vggish) does not and calls the embedding
pre-activation. The weights are the same. `postprocess` is the published whitening by principal components and whole
numbers from 0 to 255, as torchvggish rounds; Google's code cuts the fraction off.
"""

from pathlib import Path

import numpy as np
import torch

from embedshift.models.base import Adapter
from embedshift.models.strict_state import read_strictly
from embedshift.models.vggish_log_mel import EXAMPLE_SAMPLES, MINIMUM_SAMPLES, SAMPLE_RATE_HZ, LogMel
from embedshift.models.vggish_network import DIM, VggishNetwork, load_published, published_shapes

MEANS_SHAPES = ((DIM,), (DIM, 1))
"""The published code takes either."""
LARGEST = 2.0
LEVELS = 255
EXAMPLES_AT_ONCE = {"cpu": 24, "cuda": 1024}


class Postprocessor:
    """Whitening by principal components, values beyond 2 cut, the range from -2 to 2 in 255 whole steps."""

    def __init__(self, tensors: dict[str, torch.Tensor], device: str) -> None:
        self._directions = tensors["pca_eigen_vectors"].float().to(device)
        self._means = tensors["pca_means"].float().flatten().to(device)

    def __call__(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return whole numbers from 0 to 255 `(examples, 128)` float32."""
        whitened = (embedding - self._means) @ self._directions.T
        return torch.round((whitened.clamp(-LARGEST, LARGEST) + LARGEST) * (LEVELS / (2 * LARGEST)))


class VggishAdapter(Adapter):
    """A frame is an example of 0.96 s."""

    sample_rate_hz = SAMPLE_RATE_HZ
    dim = frame_dim = DIM
    frame_hop_s = EXAMPLE_SAMPLES / SAMPLE_RATE_HZ
    minimum_samples = MINIMUM_SAMPLES
    length_rule = (
        "examples of 0.96 s side by side, a rest at the end that fills none dropped as published; clips shorter than "
        f"{MINIMUM_SAMPLES} samples (0.975 s) are repeated from their start up to that"
    )

    def __init__(
        self, network: VggishNetwork, final_relu: bool, postprocessor: Postprocessor | None, device: str
    ) -> None:
        super().__init__()
        self._network, self._log_mel = network, LogMel(device)
        self._final_relu, self._postprocessor, self._device = final_relu, postprocessor, device

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, examples, 128)`."""
        examples = self._log_mel(torch.from_numpy(batch).to(self._device))
        pieces = examples.flatten(0, 1).split(EXAMPLES_AT_ONCE[examples.device.type])
        embedding = torch.cat([self._network(piece) for piece in pieces])
        if self._final_relu:
            embedding = embedding.relu()
        if self._postprocessor:
            embedding = self._postprocessor(embedding)
        return embedding.reshape(*examples.shape[:2], DIM).cpu().numpy()


def load(weights: Path | None, options: dict[str, object], device: str, precision: str) -> VggishAdapter:
    """Return the adapter of `options` final_relu and postprocess with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    directions = {"pca_eigen_vectors": (DIM, DIM)}
    expected = published_shapes() | directions | {"pca_means": _shape_of_means(weights)}
    tensors = read_strictly(weights, expected)
    network = load_published(tensors)
    if precision == "bfloat16":
        network.round_to_bfloat16()
    postprocessor = Postprocessor(tensors, device) if options["postprocess"] else None
    return VggishAdapter(network.to(device), bool(options["final_relu"]), postprocessor, device)


def _shape_of_means(weights: Path | None) -> tuple[int, ...]:
    """Return the shape that the stored means have, if it is one of `MEANS_SHAPES`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="pt") as file:
            shape = tuple(file.get_slice("pca_means").get_shape())
    except (SafetensorError, OSError, TypeError):  # read_strictly says what is wrong
        shape = ()
    return shape if shape in MEANS_SHAPES else MEANS_SHAPES[0]
