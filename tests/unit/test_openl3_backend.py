"""`backend: official` of OpenL3: what is wrong with the package or the file is told in words."""

import sys
from types import SimpleNamespace

import pytest

from embedshift.errors import UserError
from embedshift.models import official_openl3

OPTIONS = {"input_repr": "mel128", "content": "music", "embedding_size": 512, "hop_s": 0.1, "center": True}


def test_a_package_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "openl3", None)
    with pytest.raises(UserError, match=r"openl3 0\.4\.2(.|\n)*--sdm conda"):
        official_openl3.load(tmp_path / "weights.h5", OPTIONS, "cpu", "float32")


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_a_file_that_keras_refuses(error, monkeypatch, tmp_path):
    def refuse(path, input_repr, embedding_size):
        raise error("Layer count mismatch")

    models = SimpleNamespace(load_audio_embedding_model_from_path=refuse)
    monkeypatch.setitem(sys.modules, "openl3", SimpleNamespace(models=models))
    with pytest.raises(UserError, match=r"weights\.h5(.|\n)*mel128(.|\n)*Layer count mismatch"):
        official_openl3.load(tmp_path / "weights.h5", OPTIONS, "cpu", "float32")
