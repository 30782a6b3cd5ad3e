"""Hugging Face models against transformers itself: feature extractor and network called directly, seeded weights."""

import json

import numpy as np
import pytest
import torch
import transformers
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file

from embedshift.batching import map_ahead
from embedshift.device import use_one_thread
from embedshift.errors import UserError
from embedshift.models.catalog import check_model
from embedshift.models.load import load_adapter
from embedshift.weights_formats import read_weights, write_safetensors

TOLERANCE = 1e-5
SETTINGS = {"adapter": "transformers:x/y", "options": {"layer": "last", "pooling": "mean"}}
SMALL = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
WAVEFORM = SMALL | {"conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
WHISPER = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2,
           "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "vocab_size": 50,
           "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}  # fmt: skip
CLAP_AUDIO = {"patch_embeds_hidden_size": 16, "hidden_size": 128, "depths": [1, 1, 1, 1],
              "num_attention_heads": [2, 2, 2, 2], "projection_dim": 24}  # fmt: skip
CLAP_TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
             "vocab_size": 50, "projection_dim": 24}  # fmt: skip


def wav2vec2(**settings):
    return transformers.Wav2Vec2FeatureExtractor(sampling_rate=16_000, do_normalize=True, **settings)


def clap_extractor():
    return transformers.ClapFeatureExtractor(frequency_min=50, truncation="rand_trunc")


MODELS = {
    "ast": lambda: (transformers.ASTForAudioClassification(transformers.ASTConfig(**SMALL)),
                    transformers.ASTFeatureExtractor()),
    "wav2vec2": lambda: (transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**WAVEFORM)), wav2vec2()),
    "hubert": lambda: (
        transformers.HubertModel(
            transformers.HubertConfig(**WAVEFORM, feat_extract_norm="layer", do_stable_layer_norm=True)),
        wav2vec2(return_attention_mask=True)),
    "whisper": lambda: (transformers.WhisperForConditionalGeneration(transformers.WhisperConfig(**WHISPER)),
                        transformers.WhisperFeatureExtractor()),
    "clap": lambda: (
        transformers.ClapModel(transformers.ClapConfig(audio_config=CLAP_AUDIO, text_config=CLAP_TEXT,
                                                       projection_dim=24)),
        clap_extractor()),
    "clap_audio_model": lambda: (transformers.ClapAudioModel(transformers.ClapAudioConfig(**CLAP_AUDIO)),
                                 clap_extractor()),
}  # fmt: skip


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Return folders of models as `save_pretrained` writes them, weights large enough to tell layers apart."""
    made = {}
    for name, make in MODELS.items():
        torch.manual_seed(7)
        network, extractor = make()
        with torch.no_grad():
            for key, parameter in network.named_parameters():
                if parameter.ndim > 1 and "pos_conv" not in key:
                    parameter.normal_(std=1.5 / np.sqrt(parameter[0].numel()))
            for key, value in network.named_buffers():
                if key.endswith("batch_norm.running_mean"):
                    value.fill_(-30.0)
                elif key.endswith("batch_norm.running_var"):
                    value.fill_(100.0)
        made[name] = tmp_path_factory.mktemp(name)
        network.save_pretrained(made[name])
        extractor.save_pretrained(made[name])
    return made


def pack(folder, output):
    """Write the one file that the rule fetch_weights makes of a folder."""
    write_safetensors(output, read_weights([folder], {"format": "model_folder"}))
    return output


@pytest.fixture
def load(folders, tmp_path):
    def from_folder(name, **options):
        weights = pack(folders[name], tmp_path / f"{name}.safetensors")
        settings = check_model("m", {"adapter": f"transformers:{folders[name]}", "options": options})
        return load_adapter(settings, weights, "cpu", "float32")

    return from_folder


def direct(folder, clips, layer=None):
    """Return transformers' own output for clips of at most one window."""
    auto = transformers.ClapAudioModel if folder.name.startswith("clap_audio") else transformers.AutoModel
    network = auto.from_pretrained(folder).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    features = extractor([*clips], sampling_rate=extractor.sampling_rate, return_tensors="pt")
    network = network.get_encoder() if network.config.is_encoder_decoder else network
    run = network.get_audio_features if isinstance(network, transformers.ClapModel) else network
    with torch.no_grad():
        return run(**features) if layer is None else run(**features, output_hidden_states=True).hidden_states[layer]


def assert_close(found, expected):
    expected = expected.numpy()
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 0.01
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def sounds(rng, rate_hz, seconds, number=3):
    time_s = np.arange(round(rate_hz * seconds)) / rate_hz
    pitches = rng.uniform(80, 2_000, (number, 1))
    return (0.2 * np.sin(2 * np.pi * pitches * time_s) + 0.01 * rng.standard_normal((number, len(time_s)))).astype(
        np.float32
    )


@pytest.mark.parametrize("name", ["wav2vec2", "hubert"])
@pytest.mark.parametrize("layer", ["last", 0, 2, -1])
def test_waveform_models_give_their_frames(load, folders, rng, name, layer):
    adapter = load(name, layer=layer)
    assert (adapter.sample_rate_hz, adapter.dim, adapter.frame_hop_s, adapter.minimum_samples) == (
        16_000,
        32,
        0.02,
        400,
    )
    clips = sounds(rng, 16_000, 1.7)
    found = adapter.embed(clips)
    expected = direct(folders[name], clips, None if layer == "last" else layer)
    assert_close(found, expected.last_hidden_state if layer == "last" else expected)
    assert_close(adapter.pool(found[0]), torch.from_numpy(found[0]).mean(dim=0))


def test_the_receptive_field_is_what_the_network_needs(folders):
    network = transformers.AutoModel.from_pretrained(folders["wav2vec2"]).eval()
    assert network(torch.zeros(1, 400)).last_hidden_state.shape[1] == 1
    with pytest.raises(RuntimeError):
        network(torch.zeros(1, 399))


@pytest.mark.parametrize("seconds", [3.0, 10.255])
def test_ast_gives_patches_in_time_and_its_own_summary(load, folders, rng, seconds):
    clips = sounds(rng, 16_000, seconds, 2)
    expected = direct(folders["ast"], clips)
    times = expected.last_hidden_state[:, 2:].reshape(2, 12, 101, 32).mean(dim=1)
    steps = {3.0: 30, 10.255: 101}[seconds]
    adapter = load("ast")
    assert (adapter.sample_rate_hz, adapter.dim, adapter.frame_hop_s) == (16_000, 32, 0.1)
    assert_close(adapter.embed(clips), times[:, :steps])
    assert_close(load("ast", pooling="pooler").embed(clips)[:, 0], expected.pooler_output)
    hidden = direct(folders["ast"], clips, 1)
    found = load("ast", layer=1, pooling="pooler").embed(clips)[:, 0]
    assert_close(found, (hidden[:, 0] + hidden[:, 1]) / 2)


def test_the_patches_of_ast_lie_in_time_where_the_sound_is(load):
    """A click at 2 s changes the frames around it most: the order of the patches is that of time."""
    adapter = load("ast", layer=0)
    quiet = np.full((1, 64_000), 1e-3, np.float32) * np.random.default_rng(0).standard_normal((1, 64_000))
    click = quiet.copy()
    click[0, 32_000:32_100] += 0.5
    moved = np.abs(adapter.embed(click.astype(np.float32)) - adapter.embed(quiet.astype(np.float32)))[0].sum(axis=1)
    assert moved.argmax() in (18, 19, 20)
    assert moved[:17].max() < 0.01 * moved.max()
    assert moved[22:].max() < 0.01 * moved.max()


@pytest.mark.parametrize("layer", ["last", 1])
def test_whisper_keeps_the_frames_of_the_clip(load, folders, rng, layer):
    adapter = load("whisper", layer=layer)
    assert (adapter.sample_rate_hz, adapter.dim, adapter.frame_hop_s) == (16_000, 32, 0.02)
    clips = sounds(rng, 16_000, 3.01, 2)
    expected = direct(folders["whisper"], clips, None if layer == "last" else layer)
    expected = expected.last_hidden_state if layer == "last" else expected
    assert expected.shape[1] == 1500
    assert_close(adapter.embed(clips), expected[:, :151])


@pytest.mark.parametrize("name", ["clap", "clap_audio_model"])
def test_clap_gives_its_grid_in_time_and_the_joint_space(load, folders, rng, name):
    clips = sounds(rng, 48_000, 3.0, 2)
    expected = direct(folders[name], clips)
    adapter = load(name)
    assert (adapter.sample_rate_hz, adapter.dim) == (48_000, 128)
    found = adapter.embed(clips)
    assert found.shape == (2, 32, 128)
    assert adapter.frame_hop_s == 10 / 32
    assert_close(found, expected.last_hidden_state.mean(dim=2).transpose(1, 2))
    assert_close(load(name, pooling="pooler").embed(clips)[:, 0], expected.pooler_output)


def test_the_largest_value_of_each_dimension(load, rng):
    adapter = load("wav2vec2", pooling="max")
    frames = adapter.embed(sounds(rng, 16_000, 1.0, 1))[0]
    np.testing.assert_array_equal(adapter.pool(frames), frames.max(axis=0))


@pytest.mark.parametrize(("name", "rate_hz", "window"), [("ast", 16_000, 164_080), ("clap", 48_000, 480_000)])
def test_long_clips_are_seen_in_windows_of_which_the_last_ends_with_the_clip(load, rng, name, rate_hz, window):
    adapter = load(name)
    clips = sounds(rng, rate_hz, 2.3 * window / rate_hz, 2)
    starts = [0, window, clips.shape[1] - window]
    expected = np.concatenate([adapter.embed(clips[:, start : start + window]) for start in starts], axis=1)
    np.testing.assert_array_equal(adapter.embed(clips), expected)
    assert load(name, pooling="pooler").embed(clips).shape[1] == 3


@pytest.mark.parametrize("name", [name for name in MODELS if name != "clap_audio_model"])
def test_same_clip_same_embedding_in_any_batch_and_thread(load, rng, name):
    adapter = load(name)
    clips = sounds(rng, adapter.sample_rate_hz, 1.1, 5)
    alone = np.concatenate([adapter.embed(clip[None]) for clip in clips])
    scale = np.abs(alone).max()
    assert np.abs(adapter.embed(clips) - alone).max() <= TOLERANCE * scale
    assert np.abs(adapter.embed(clips[::-1].copy())[::-1] - alone).max() <= TOLERANCE * scale
    jobs = [clips[i : i + 1] for i in range(5)] * 3
    threads = np.concatenate(list(map_ahead(adapter.embed, jobs, threads=8, ahead=15, at_start=use_one_thread)))
    assert np.abs(threads - np.tile(alone, (3, 1, 1))).max() <= TOLERANCE * scale


def test_real_recordings(load, folders, real_recordings):
    for name, rate_hz in (("wav2vec2", 16_000), ("ast", 16_000), ("clap", 48_000)):
        clips = recorded_clips(real_recordings, 3, rate_hz, 3 * rate_hz)
        pooling = {"wav2vec2": "mean"}.get(name, "pooler")
        adapter, expected = load(name, pooling=pooling), direct(folders[name], clips)
        wanted = expected.last_hidden_state if name == "wav2vec2" else expected.pooler_output[:, None]
        assert_close(adapter.embed(clips), wanted)


def test_mert_is_hubert_under_its_own_name(load, folders, tmp_path, rng):
    """Its published class inherits everything from HubertModel while its two extensions are off."""
    tensors = load_file(pack(folders["hubert"], tmp_path / "as_mert.safetensors"))
    described = json.loads(tensors["files/config.json"].numpy().tobytes())
    described |= {"model_type": "mert_model", "auto_map": {"AutoModel": "modeling_MERT.MERTModel"},
                  "architectures": ["MERTModel"], "feature_extractor_cqt": False, "deepnorm": False}  # fmt: skip

    def written(**changed):
        content = json.dumps(described | changed).encode()
        tensors["files/config.json"] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        save_file(tensors, tmp_path / "as_mert.safetensors")
        return tmp_path / "as_mert.safetensors"

    clips = sounds(rng, 16_000, 1.0)
    found = load_adapter(SETTINGS, written(), "cpu", "float32").embed(clips)
    np.testing.assert_array_equal(found, load("hubert").embed(clips))
    with pytest.raises(UserError, match="feature_extractor_cqt") as caught:
        load_adapter(SETTINGS, written(feature_extractor_cqt=True), "cpu", "float32")
    assert "python:<file.py>:<Class>" in str(caught.value)


def edited(folder, output, config=None, drop=(), add=None):
    tensors = load_file(pack(folder, output))
    if config is not None:
        described = json.loads(tensors["files/config.json"].numpy().tobytes()) | config
        tensors["files/config.json"] = torch.frombuffer(bytearray(json.dumps(described).encode()), dtype=torch.uint8)
    tensors = {name: value for name, value in tensors.items() if not name.endswith(drop or "\0")} | (add or {})
    save_file(tensors, output)
    return output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drop": "layers.1.final_layer_norm.bias"}, ["missing: encoder.layers.1.final_layer_norm.bias"]),
        ({"config": {"num_hidden_layers": 2}}, ["left over", "encoder.layers.2"]),
        ({"config": {"num_hidden_layers": 4}}, ["missing", "encoder.layers.3"]),
        ({"config": {"intermediate_size": 48}}, ["another shape", "(64, 32) instead of (48, 32)"]),
        ({"add": {"wav2vec2.encoder.extra": torch.zeros(2)}}, ["left over: wav2vec2.encoder.extra"]),
        ({"drop": "preprocessor_config.json"}, ["no preprocessor_config.json"]),
        ({"drop": "config.json"}, ["no config.json"]),
        ({"config": {"model_type": "encodec"}}, ["codec", "adapter encodec"]),
        ({"config": {"model_type": "no_such"}}, ["no_such", "none that transformers knows"]),
        ({"config": {"model_type": "no_such", "auto_map": {"AutoModel": "x.Y"}}}, ["code of its own", "never runs"]),
    ],
)
def test_what_is_wrong_with_a_model_is_told_in_words(folders, tmp_path, change, words):
    path = edited(folders["wav2vec2"], tmp_path / "edited.safetensors", **change)
    with pytest.raises(UserError) as caught:
        load_adapter(SETTINGS, path, "cpu", "float32")
    for word in words:
        assert word in str(caught.value)


def test_heads_and_old_buffers_are_left_out_and_named_in_the_log(folders, tmp_path, caplog):
    add = {"wav2vec2.encoder.position_ids": torch.arange(3)}
    path = edited(folders["wav2vec2"], tmp_path / "with_head.safetensors", add=add)
    with caplog.at_level("INFO", logger="embedshift"):
        load_adapter(SETTINGS, path, "cpu", "")
    assert "lm_head.weight, wav2vec2.encoder.position_ids" in caplog.text


def test_names_of_older_checkpoints_are_understood(folders, tmp_path, rng):
    """Weight normalisation was stored as weight_g and weight_v until transformers 4.30, and is in most checkpoints."""
    tensors = load_file(pack(folders["wav2vec2"], tmp_path / "old.safetensors"))
    before = load_adapter(SETTINGS, tmp_path / "old.safetensors", "cpu", "float32")
    names = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    renamed = {}
    for name, value in tensors.items():
        for new, old in names.items():
            name = name.replace(new, old)
        renamed[name] = value
    assert renamed.keys() != tensors.keys()
    save_file(renamed, tmp_path / "old.safetensors")
    after = load_adapter(SETTINGS, tmp_path / "old.safetensors", "cpu", "float32")
    clips = sounds(rng, 16_000, 1.0)
    np.testing.assert_array_equal(before.embed(clips), after.embed(clips))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("wav2vec2", {"layer": 4}, ["options.layer: found 4", "from -4 to 3"]),
        ("wav2vec2", {"pooling": "pooler"}, ["options.pooling", "mean, max"]),
        ("clap", {"layer": 2}, ["options.layer", "allowed for ClapAudioModel: last"]),
    ],
)
def test_options_that_a_model_does_not_have(load, name, options, words):
    with pytest.raises(UserError) as caught:
        load(name, **options)
    for word in words:
        assert word in str(caught.value)


def test_a_model_that_is_none_for_audio(tmp_path):
    torch.manual_seed(0)
    config = transformers.BertConfig(**SMALL, vocab_size=20)
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    (tmp_path / "bert" / "preprocessor_config.json").write_text("{}")
    path = pack(tmp_path / "bert", tmp_path / "bert.safetensors")
    with pytest.raises(UserError, match="no feature extractor for audio"):
        load_adapter(SETTINGS, path, "cpu", "")


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        load_adapter(SETTINGS, tmp_path / "nowhere.safetensors", "cpu", "float32")
    (tmp_path / "half.safetensors").write_bytes(b"half")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load_adapter(SETTINGS, tmp_path / "half.safetensors", "cpu", "float32")
