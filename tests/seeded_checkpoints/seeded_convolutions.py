"""Seeded weights for the layouts of the codecs: filters of unit gain, so that activations neither die nor explode."""

import re

import numpy as np


def fill(shapes, seed, gains=None):
    """Return {name: float32 array} for {name: shape}: what a name ends in says what the values are.

    gains : {regular expression: factor} for filters that should pass on more or less
    """
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in shapes.items():
        values = rng.standard_normal(shape)
        for endings, rule in RULES.items():
            if name.endswith(endings):
                values = rule(values)
                break
        for pattern, gain in (gains or {}).items():
            if re.search(pattern, name) and name.endswith(("weight", "weight_g")):
                values = gain * values
        tensors[name] = values.astype(np.float32)
    return tensors


def _unit_rows(values):
    return 1.2 * values / np.sqrt((values**2).sum(axis=tuple(range(1, values.ndim)), keepdims=True))


RULES = {
    ("weight_v", "embed"): lambda values: values,
    ("codebook.weight",): lambda values: 0.25 * values,
    ("weight_g",): lambda values: 1.2 + 0.1 * values,
    ("norm.weight",): lambda values: 1.0 + 0.1 * values,
    (".alpha",): lambda values: np.exp(0.3 * values),
    (".beta",): lambda values: 0.3 * values,
    ("lstm.weight_ih_l0", "lstm.weight_ih_l1", "lstm.weight_hh_l0", "lstm.weight_hh_l1"): _unit_rows,
    (".weight",): _unit_rows,
    ("bias", "bias_ih_l0", "bias_ih_l1", "bias_hh_l0", "bias_hh_l1"): lambda values: 0.1 * values,
}
