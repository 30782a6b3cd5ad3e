"""Any package with the HEAR interface as a model: `hear:<module>`.

HEAR (Turian et al., Holistic Evaluation of Audio Representations, 2022) has a module offer `load_model(path)`, a model
with `sample_rate`, `get_scene_embeddings(audio, model)`, `(sounds, dim)`, and `get_timestamp_embeddings(audio, model)`,
`(sounds, frames, dim)` with the times `(sounds, frames)` in ms. `audio` is a tensor `(sounds, samples)`.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from embedshift.errors import UserError
from embedshift.models.user_adapter import UserAdapter, whole_number
from embedshift.models.user_module import import_named, mistakes_in

FUNCTIONS = {"scene": "get_scene_embeddings", "timestamps": "get_timestamp_embeddings"}
MILLISECONDS = 1000.0


class HearAdapter(UserAdapter):
    """One model of a HEAR module; a frame is a scene, or a time stamp."""

    def __init__(self, module: ModuleType, model: Any, options: dict[str, Any], folder: Path, device: str) -> None:
        name = f"The HEAR module {module.__name__}"
        if not hasattr(model, "sample_rate"):
            raise UserError(f"{name}: the model of load_model has no sample_rate, which the HEAR interface asks for.")
        rate_hz = whole_number(model.sample_rate, f"{name}: the sample rate in Hz")
        minimum = max(1, round(float(options["minimum_s"]) * rate_hz))
        super().__init__(name, folder, rate_hz, minimum, bool(options["thread_safe"]))
        self._get = getattr(module, FUNCTIONS[options["embedding"]])
        self._stamps = options["embedding"] == "timestamps"
        self._model, self._device = model, device

    @torch.inference_mode()
    def call_user_code(self, batch: np.ndarray) -> Any:
        """Return the embeddings of a batch; of a pair with time stamps, the embeddings."""
        returned = self._get(torch.from_numpy(batch).to(self._device), self._model)
        return returned[0] if self._stamps else returned

    @torch.inference_mode()
    def measure_hop_s(self) -> float | None:
        """Return the distance of the time stamps of one second, None for scenes or where there is one stamp only."""
        if not self._stamps:
            return None
        noise = torch.zeros((1, self.length_of(self.sample_rate_hz)), device=self._device)
        with mistakes_in(self._folder, f"{self._name} failed on one second"):
            times = np.asarray(self._get(noise, self._model)[1].detach().cpu(), dtype=np.float64).reshape(-1)
        return float(np.median(np.diff(times))) / MILLISECONDS if len(times) > 1 else None


def load(weights_path: Path | None, options: dict[str, Any], device: str, precision: str) -> HearAdapter:
    """Return the adapter of the module `options["specification"]`; its own weights are in the option `weights`.

    Raises
    ------
    UserError
        If the module is not there, lacks a function of the interface, fails, or does not keep an adapter's promises.
    """
    name, folder = options["specification"], options.get("folder") or None
    module = import_named(name, folder)
    needed = ("load_model", FUNCTIONS[options["embedding"]])
    missing = [function for function in needed if not callable(getattr(module, function, None))]
    if missing:
        raise UserError(f"The module {name} has no {' and no '.join(missing)}, which the HEAR interface asks for.")
    place = Path(folder).expanduser().absolute() if folder else Path(module.__file__ or ".").parent
    weights = str(Path(options["weights"]).expanduser()) if options.get("weights") else ""
    with mistakes_in(place, f"load_model of {name} failed"):
        model = module.load_model(weights)
        model = model.to(device).eval() if isinstance(model, torch.nn.Module) else model
    adapter = HearAdapter(module, model, options, place, device)
    adapter.prove(adapter.measure_hop_s())
    return adapter
