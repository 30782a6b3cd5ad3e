"""Does a model give the published numbers on this machine? What `snakemake verify_models` asks.

Where the published package's embeddings of three signals are stored (`models/references/`), they are compared. In any
case a clip must have one embedding: again, in a batch and at another place in it.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.check_signals import check_signals
from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.models.load import load_adapter

LOGGER = logging.getLogger("embedshift")
REFERENCES = Path(__file__).with_name("models") / "references"
GOLDEN = Path("data/weights/downloads")
SAME = 1e-5
"""Largest relative difference between two embeddings of one clip."""
BFLOAT16_TOLERANCE = 1e-4
ITSELF = "itself"
BFLOAT16_SAME = 1e-2
"""The same for bfloat16, whose numbers have two to three digits."""


RELATIVE = "largest difference over largest value"
ONE_MINUS_COSINE = "1 - cosine"


@dataclass(frozen=True)
class Finding:
    """One comparison: `difference` by the `measure`, which may be `tolerance` at most."""

    model: str
    compared_with: str
    difference: float
    tolerance: float
    measure: str = RELATIVE

    @property
    def holds(self) -> bool:
        """Return whether the difference is within the tolerance; NaN is not."""
        return bool(self.difference <= self.tolerance)


def verify_models(models: Mapping[str, Mapping[str, Any]], weights: Mapping[str, Path], device: str) -> list[Finding]:
    """Return every comparison for the named models and log one line each.

    Models with `backend: official` are left out, with a line that says so: their packages are in other environments.

    Parameters
    ----------
    models : `{name: resolved settings}` as in the config
    weights : `{name: converted weights}`; models without weights are left out
    device : `cpu` or `cuda`

    Raises
    ------
    UserError
        If a comparison does not hold, naming the models, the differences and the tolerances.
    """
    compared = {name: dict(settings) for name, settings in models.items() if settings.get("backend") != "official"}
    for name in [name for name in models if name not in compared]:
        LOGGER.warning("%s: left out; with backend: official the published package itself computes, in an environment "
                       "of its own", name)  # fmt: skip
    findings = [found for name in compared for found in _verify(name, compared[name], weights.get(name), device)]
    failed = [finding for finding in findings if not finding.holds]
    if failed:
        told = "\n".join(f"  - {_in_words(finding)}" for finding in failed)
        raise UserError(
            f"{len(failed)} of {len(findings)} comparisons do not hold:\n{told}\nDelete the weights of these models in "
            "data/weights and start again; if it stays, this machine or a library computes otherwise: please report it."
        )
    return findings


def stored_reference(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the stored reference for an adapter with these options and published weights, None where there is none."""
    file = REFERENCES / f"{settings['adapter'].partition(':')[0]}.json"
    if "weights_file" in settings or not file.exists():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    return next((case for case in stored["cases"] if case["options"] == settings["options"]), None)


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest absolute difference divided by the largest absolute expected value."""
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(np.float32).tiny))


def findings_table(findings: list[Finding]) -> str:
    """Return the comparisons as plain text, a line each."""
    lines = [_in_words(finding) for finding in findings]
    published = {finding.model for finding in findings if not finding.compared_with.startswith(ITSELF)}
    without = {finding.model for finding in findings} - published
    lines += [f"{model}: no published numbers are stored for these weights and options" for model in sorted(without)]
    return "\n".join(lines) + "\n"


def _verify(name: str, settings: dict[str, Any], weights: Path | None, device: str) -> Iterator[Finding]:
    adapter = load_adapter(settings, weights, device, settings["precision"])
    for finding in _comparisons(name, settings, adapter):
        LOGGER.info("%s", _in_words(finding))
        yield finding


def _comparisons(name: str, settings: dict[str, Any], adapter: Adapter) -> Iterator[Finding]:
    signals = check_signals(adapter.sample_rate_hz)
    alone = {key: embedding_of(adapter.embed, adapter, samples) for key, samples in signals.items()}
    exact = settings["precision"] == "float32"
    yield from _against_reference(name, stored_reference(settings), alone, exact)
    if settings["adapter"] == "openl3" and exact:
        yield from _against_openl3_files(name, settings, adapter)
    batch = np.stack([adapter.fit_length(samples) for samples in signals.values()])
    for title, order in ((f"{ITSELF} in a batch", [0, 1, 2]), (f"{ITSELF} in another place of a batch", [2, 0, 1])):
        frames = adapter.embed(batch[order])
        found = np.stack([adapter.pool(frames[order.index(index)]) for index in range(len(order))])
        difference = relative_difference(found, np.stack(list(alone.values())))
        yield Finding(name, title, difference, SAME if exact else BFLOAT16_SAME)


def _against_reference(
    name: str, reference: Mapping[str, Any] | None, alone: Mapping[str, np.ndarray], exact: bool
) -> Iterator[Finding]:
    for key, values in reference["embeddings"].items() if reference else ():
        expected, compared_with = np.array(values), f"{reference['made_with']}, {key}"
        if exact:
            difference = relative_difference(alone[key], expected)
            yield Finding(name, compared_with, difference, reference["tolerance"])
        else:
            cosine = expected @ alone[key] / np.linalg.norm(expected) / np.linalg.norm(alone[key])
            yield Finding(name, compared_with, float(1 - cosine), BFLOAT16_TOLERANCE, ONE_MINUS_COSINE)


def _against_openl3_files(name: str, settings: Mapping[str, Any], adapter: Adapter) -> Iterator[Finding]:
    """Compare with OpenL3's own regression files, where the user has put them beside the downloaded weights."""
    from embedshift.models.openl3_golden import GOLDEN_FILES, TOLERANCE, compare_with_golden

    for golden in GOLDEN_FILES:
        if "weights_file" in settings or settings["options"] != golden.options:
            continue
        audio, expected = (GOLDEN / address.rpartition("/")[2] for address in (golden.audio, golden.expected))
        if audio.exists() and expected.exists():
            found = compare_with_golden(adapter.embed, audio, expected)
            yield Finding(name, f"OpenL3's own {expected.name}", found.difference, TOLERANCE)
        else:
            LOGGER.warning("%s: to compare with OpenL3's own numbers, put %s and %s into %s",
                           name, golden.audio, golden.expected, GOLDEN)  # fmt: skip


def embedding_of(embed: Callable[[np.ndarray], np.ndarray], adapter: Adapter, samples: np.ndarray) -> np.ndarray:
    """Return the clip embedding `(dim,)` of mono `samples (n,)` at the adapter's rate."""
    return adapter.pool(embed(adapter.fit_length(samples)[None])[0])


def _in_words(finding: Finding) -> str:
    verdict = "equal" if finding.holds else "DIFFERENT"
    return (
        f"{finding.model} against {finding.compared_with}: {verdict}, {finding.measure} {finding.difference:.1e} "
        f"(tolerance {finding.tolerance:.0e})"
    )
