"""Checkpoints of PyTorch: what is read, and that nothing which could run code is."""

import numpy as np
import pytest
import torch

from embedshift.errors import UserError
from embedshift.torch_checkpoint import read_torch_checkpoint


@pytest.fixture
def state(rng):
    return {"bn.weight": torch.tensor(rng.normal(size=4)), "fc.weight": torch.tensor(rng.normal(size=(2, 3)))}


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=0)


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "before 1.6"])
def test_a_nested_state_with_a_prefix_is_found(state, tmp_path, new_format):
    content = {"epoch": 3, "nested": {"model": {f"module.{name}": tensor for name, tensor in state.items()}}}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=new_format)
    found = read_torch_checkpoint(tmp_path / "x.pth", state_key="nested.model", strip_prefix="module.")
    assert_same(found, state)


def test_a_prefix_need_not_be_there(state, tmp_path):
    torch.save(state, tmp_path / "x.pth")
    assert_same(read_torch_checkpoint(tmp_path / "x.pth", strip_prefix="module."), state)


def test_numpy_objects_are_rebuilt_where_they_are_allowed_only(state, tmp_path):
    numpy_content = {"best": np.float64(0.4), "step": np.int64(7), "sampler": np.arange(5), "model": state}
    torch.save(numpy_content, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"numpy.*multiarray\S* which is not a weight"):
        read_torch_checkpoint(tmp_path / "x.pth", state_key="model")
    assert_same(read_torch_checkpoint(tmp_path / "x.pth", state_key="model", numpy_globals=True), state)
    assert not any("multiarray" in str(each) for each in torch.serialization.get_safe_globals()), (
        "nothing stays allowed"
    )


def test_numpy_objects_under_the_names_of_numpy_1_are_rebuilt(state, tmp_path):
    """numpy 2 writes numpy._core; the published files were written by numpy 1, as numpy.core."""
    torch.save({"best": np.float64(0.4), "grid": np.ones((2, 2)), "model": state}, tmp_path / "x.pth",
               _use_new_zipfile_serialization=False)  # fmt: skip
    content = (tmp_path / "x.pth").read_bytes()
    # protocol 2 writes names as lines of text, without a length
    assert b"numpy._core.multiarray\n" in content
    (tmp_path / "old.pth").write_bytes(content.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"))
    assert_same(read_torch_checkpoint(tmp_path / "old.pth", state_key="model", numpy_globals=True), state)


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("numpy_globals", [True, False])
def test_code_in_a_checkpoint_is_not_run(state, tmp_path, numpy_globals):
    torch.save({"model": state, "x": Harmful(tmp_path / "touched")}, tmp_path / "x.pth")
    with pytest.raises(UserError, match="could run foreign code"):
        read_torch_checkpoint(tmp_path / "x.pth", state_key="model", numpy_globals=numpy_globals)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("cut", [0, 10, 500, -200])
@pytest.mark.parametrize("new_format", [True, False])
def test_a_cut_file_is_refused_by_name(state, tmp_path, cut, new_format):
    torch.save(state, tmp_path / "whole.pth", _use_new_zipfile_serialization=new_format)
    (tmp_path / "x.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:cut])
    with pytest.raises(UserError, match=r"x\.pth \(\d+ bytes\) is not a whole PyTorch checkpoint"):
        read_torch_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><html>", b"\x80\x02}q", b"PK\x03\x04 not a zip", b"text"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(UserError, match="not a whole PyTorch checkpoint"):
        read_torch_checkpoint(tmp_path / "x.pth")


def test_a_missing_key_a_mixture_and_a_tensor_alone_are_named(state, tmp_path):
    torch.save({"epoch": 1, "weights": state}, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"x\.pth has no 'model'.* It holds: epoch, weights"):
        read_torch_checkpoint(tmp_path / "x.pth", state_key="model")
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"1 names begin with 'module\.' \(module\.a\), 1 do not \(b\)"):
        read_torch_checkpoint(tmp_path / "x.pth", strip_prefix="module.")
    torch.save(torch.ones(3), tmp_path / "x.pth")
    with pytest.raises(UserError, match="expected a state dictionary, found one Tensor"):
        read_torch_checkpoint(tmp_path / "x.pth")
    torch.save({"model": {}}, tmp_path / "x.pth")
    with pytest.raises(UserError, match="found nothing"):
        read_torch_checkpoint(tmp_path / "x.pth", state_key="model")


def test_what_the_file_is_not_is_said_in_our_words(state, tmp_path):
    """torch's own text, cut or whole, advises to load without its protection."""
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    torch.save(state, tmp_path / "whole.pth")
    contents = {
        "empty": b"",
        "neither the zip archive": b"no weights at all",
        "it ends too early": (tmp_path / "whole.pth").read_bytes()[:-200],
        "Linear, which is not a weight": (tmp_path / "module.pth").read_bytes(),
    }
    for words, content in contents.items():
        (tmp_path / "x.pth").write_bytes(content)
        with pytest.raises(UserError, match=words) as caught:
            read_torch_checkpoint(tmp_path / "x.pth")
        assert "weights_only" not in str(caught.value)
        assert "Error" not in str(caught.value)
