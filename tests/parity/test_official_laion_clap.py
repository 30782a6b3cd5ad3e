"""Our LAION-CLAP against laion-clap 1.1.7 itself: the same seeded checkpoint in the official layout, the same samples.

The package's 16 bits are a difference that is meant. Clips that have been through them are compared within 1e-4 of the
largest value (seen: 1.1e-5 on a pure tone, 6e-7 on recordings); without them the difference has its own bounds.
"""

from pathlib import Path

import numpy as np
import pytest
from adapter_checks import relative_error
from clap_reference import sounds
from recorded_clips import recorded_clips
from seeded_checkpoints.laion_clap import write_laion_clap_checkpoint
from seeded_checkpoints.text_tokenizers import write_model_folder, write_tokenizer

from embedshift.models.laion_clap_text import load_text
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

RATE_HZ = 48_000
WRAPPERS = Path(__file__).with_name("wrappers")
CHECKPOINTS = ("630k-audioset-best", "music_audioset_epoch_15_esc_90.14")
ROBERTA = {
    "model_type": "roberta", "architectures": ["RobertaModel"], "vocab_size": 50_265, "max_position_embeddings": 514,
    "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip
TEXTS = [
    "the sound of a dog", "Music!", "", "Ünïcödé \N{GRINNING FACE} low-pass", "<mask> a </s> cat", "UPPER\ttab",
    "the sound of a piano in an concert hall with reverb " * 12,
]  # fmt: skip


@pytest.fixture(scope="module", params=CHECKPOINTS)
def seeded(request, official, tmp_path_factory):
    """Return a checkpoint's name, the official file, and its conversion; 1.5 GB that are deleted afterwards."""
    official("torch_packages")
    folder = tmp_path_factory.mktemp("laion_clap")
    original, converted = folder / f"{request.param}.pt", folder / "converted.safetensors"
    write_laion_clap_checkpoint(original, 1, request.param)
    convert_file(f"laion_clap_{request.param}", original, converted)
    yield request.param, original, converted
    original.unlink()
    converted.unlink()


def through_16_bits(samples):
    """Return samples as the package rounds them."""
    return ((np.clip(samples, -1, 1) * 32_767).astype(np.int16) / 32_767).astype(np.float32)


def test_audio_embeddings_are_the_packages(seeded, run_official, rng, recordings):
    checkpoint, original, converted = seeded
    recorded = recorded_clips(recordings, 2, RATE_HZ, 3 * RATE_HZ)
    clips = {f"recorded_{index}": clip[: (index + 2) * RATE_HZ] for index, clip in enumerate(recorded)}
    clips |= {"note": sounds(rng, 3, RATE_HZ), "long": sounds(rng, 13, RATE_HZ)}
    clips["tone"] = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
    options = {"checkpoint": checkpoint}
    published = run_official("torch_packages", "embedshift.models.official_laion_clap", original, clips, options)
    adapter = load_adapter({"adapter": "laion_clap", "options": options}, converted, "cpu", "float32")
    for name, samples in clips.items():
        expected = published[name][0]
        assert expected.shape == ((2, 512) if name == "long" else (1, 512))
        as_package = adapter.embed(adapter.fit_length(through_16_bits(samples))[None])[0]
        assert relative_error(as_package, expected) < 1e-4, name
        as_given = adapter.embed(adapter.fit_length(samples)[None])[0]
        assert relative_error(as_given, expected) < (0.02 if name == "tone" else 0.005), name


def test_text_embeddings_are_the_packages(seeded, run_official, tmp_path):
    checkpoint, original, converted = seeded
    if checkpoint != CHECKPOINTS[0]:
        pytest.skip("both checkpoints have the same text network")
    for name, config in (("roberta-base", ROBERTA), ("facebook/bart-base", {"model_type": "bart"})):
        write_model_folder(tmp_path / "models" / name, "roberta-base", config)
    write_model_folder(tmp_path / "models" / "bert-base-uncased", "bert-base-uncased", {"model_type": "bert"})
    numbers = {f"{index}": np.array([index], dtype=np.float32) for index in range(len(TEXTS))}
    wrapper, options = WRAPPERS / "laion_clap_text.py", {"texts": TEXTS}
    published = run_official("torch_packages", wrapper, original, numbers, options, tmp_path / "models")
    write_tokenizer(tmp_path / "tokenizer.safetensors", "roberta-base")
    tower = load_text(converted, tmp_path / "tokenizer.safetensors", {"checkpoint": checkpoint}, "cpu")
    found = tower.embed_text(TEXTS)
    for index in range(len(TEXTS)):
        assert relative_error(found[index], published[f"{index}"][0]) < 1e-4, TEXTS[index]
