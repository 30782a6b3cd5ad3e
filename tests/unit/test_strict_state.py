"""Weights that do not fit a network: whose file it is, and what to do about it."""

import json

import pytest
import torch
from safetensors.torch import save_file

from embedshift.errors import UserError
from embedshift.models.strict_state import read_strictly


@pytest.fixture
def converted(tmp_path):
    path = tmp_path / "toy_0.5_own_abc.safetensors"
    save_file({"a": torch.ones(2)}, path)
    return path


def complaint_of(path):
    with pytest.raises(UserError, match="do(es)? not fit the network; missing: b") as caught:
        read_strictly(path, {"a": (2,), "b": (3,)})
    return str(caught.value)


def test_published_weights_are_to_be_fetched_again(converted):
    receipt = converted.with_name("toy_0.5_own_abc.receipt.json")
    for text in (None, "{", "[]", json.dumps({"sources": [{"kind": "url", "file": "net.pth"}]})):
        if text:
            receipt.write_text(text)
        text = complaint_of(converted)
        assert str(converted) in text
        assert "fetched again" in text


def test_a_users_own_checkpoint_is_named_and_never_to_be_deleted(converted):
    sources = [{"kind": "own", "file": "checkpoints/mine.pth"}, {"kind": "url", "file": "pca.pth"}]
    converted.with_name("toy_0.5_own_abc.receipt.json").write_text(json.dumps({"sources": sources}))
    text = complaint_of(converted)
    for words in ("checkpoints/mine.pth", "`weights_file`", "of this very network"):
        assert words in text
    assert "elete" not in text
