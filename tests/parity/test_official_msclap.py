"""Our MS-CLAP, versions 2023 and 2022, against msclap 1.3.4 itself: the same seeded checkpoint, the same samples.

Within 1e-4 of the largest value; seen: 8e-5 on a pure tone (2023), 8e-6 on notes, 1.4e-6 on recordings and on texts.
"""

from pathlib import Path

import numpy as np
import pytest
from adapter_checks import relative_error
from clap_reference import sounds
from recorded_clips import recorded_clips
from seeded_checkpoints.msclap import write_msclap_checkpoint
from seeded_checkpoints.text_tokenizers import write_model_folder, write_tokenizer

from embedshift.models.load import load_adapter
from embedshift.models.msclap_text import load_text
from embedshift.weights import convert_file

RATE_HZ = 44_100
WRAPPER = Path(__file__).with_name("wrappers") / "msclap.py"
TOKENIZERS = {"2023": ("gpt2", "GPT2Model"), "2022": ("bert-base-uncased", "BertModel")}
TEXTS = [
    "the sound of a dog", "Music!", "hall!! with !reverb", "", "Ünïcödé \N{GRINNING FACE} low-pass",
    "[MASK] a [SEP] cat <|endoftext|> x", "UPPER\ttab", "the sound of a piano in an concert hall with reverb " * 12,
]  # fmt: skip


@pytest.fixture(scope="module", params=["2023", "2022"])
def seeded(request, official, tmp_path_factory):
    """Return version, official file, its conversion and a folder with the text network; the large ones are deleted."""
    official("torch_packages")
    folder = tmp_path_factory.mktemp("msclap")
    original, converted = folder / "official.pth", folder / "converted.safetensors"
    write_msclap_checkpoint(original, 2, request.param)
    convert_file(f"msclap_{request.param}", original, converted)
    name, network = TOKENIZERS[request.param]
    write_model_folder(
        folder / "models" / name, name, {"model_type": name.partition("-")[0], "architectures": [network]}
    )
    yield request.param, original, converted, folder / "models"
    original.unlink()
    converted.unlink()


def test_audio_embeddings_are_the_packages(seeded, run_official, rng, recordings):
    version, original, converted, models = seeded
    recorded = recorded_clips(recordings, 2, RATE_HZ, 3 * RATE_HZ)
    clips = {f"recorded_{index}": clip[: (index + 2) * RATE_HZ] for index, clip in enumerate(recorded)}
    clips |= {"note": sounds(rng, 3, RATE_HZ), "whole": sounds(rng, 7 if version == "2023" else 5, RATE_HZ)}
    clips["tone"] = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
    stereo = np.stack([sounds(rng, 2, RATE_HZ), 0.1 * rng.standard_normal(2 * RATE_HZ).astype(np.float32)])
    clips |= {"mean": stereo.mean(axis=0), "one_after_the_other": stereo.reshape(-1)}
    options = {"version": version}
    published = run_official("torch_packages", WRAPPER, original, clips, options, models)
    # the package plays a clip's second channel after the first; here channels are averaged, which is meant
    assert relative_error(published["mean"], published.pop("one_after_the_other")) > 0.05
    del clips["one_after_the_other"]
    settings = {"adapter": "msclap", "options": options}
    adapter = load_adapter(settings, converted, "cpu", "float32")
    rough = load_adapter(settings, converted, "cpu", "bfloat16")
    for name, samples in clips.items():
        fitted = adapter.fit_length(samples)[None]
        found, rounded = adapter.embed(fitted)[0, 0], rough.embed(fitted)[0, 0]
        assert relative_error(found, published[name][0, 0]) < 1e-4, name
        assert found @ rounded / np.linalg.norm(found) / np.linalg.norm(rounded) >= 0.9999, name


def test_text_embeddings_are_the_packages(seeded, run_official, tmp_path):
    version, original, converted, models = seeded
    numbers = {f"{index}": np.array([index], dtype=np.float32) for index in range(len(TEXTS))}
    options = {"version": version, "texts": TEXTS}
    published = run_official("torch_packages", WRAPPER, original, numbers, options, models)
    write_tokenizer(tmp_path / "tokenizer.safetensors", TOKENIZERS[version][0])
    found = load_text(converted, tmp_path / "tokenizer.safetensors", {"version": version}, "cpu").embed_text(TEXTS)
    for index in range(len(TEXTS)):
        assert relative_error(found[index], published[f"{index}"][0]) < 1e-4, TEXTS[index]
