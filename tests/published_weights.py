"""The published weights for tests: those already fetched, else fetched now; without a network the test is skipped."""

import json
from pathlib import Path

import pytest

from embedshift.errors import UserError
from embedshift.weights import fetch_weights

FOLDER = Path(__file__).resolve().parents[1] / "data" / "weights"


def published_weights(name: str) -> Path:
    output, receipt = FOLDER / f"{name}.safetensors", FOLDER / f"{name}.receipt.json"
    if not (output.exists() and receipt.exists()):
        try:
            fetch_weights(json.dumps({"kind": "catalog", "weights": name}), output, receipt, FOLDER)
        except UserError as error:
            pytest.skip(f"weights {name} are not at hand: {error}")
    return output
