"""What is known of EnCodec."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="neural audio codec; the encoder's continuous latents, before quantisation",
    sample_rate_hz={"24khz": 24_000, "48khz": 48_000},
    rate_option="model",
    dim={None: 128},
    weights="encodec_{model}",
    files=(
        "errors.py",
        "models/base.py",
        "models/encodec.py",
        "models/encodec_network.py",
        "models/frame_blocks.py",
        "models/frame_codec.py",
        "models/load.py",
        "models/strict_state.py",
        "models/weight_norm.py",
    ),
    options={
        "model": Option(
            "24khz: causal, mono; 48khz: stereo (mono put into both channels), in segments of 1 s whose level is taken "
            "out",
            default="24khz",
            choices=("24khz", "48khz"),
        )
    },
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="48khz: MIT; 24khz: none stated with the weights, the package is MIT",
    citation="Défossez, Copet, Synnaeve and Adi, High fidelity neural audio compression, TMLR 2023",
    source="Hugging Face: facebook/encodec_24khz, facebook/encodec_48khz",
    length_rule="any length; 24khz: a rest shorter than a frame makes a frame; 48khz: segments of 1 s every 0.99 s",
    frames="128 values, 75 a second (24khz) or 150 a segment of 1 s (48khz)",
    checked="the package encodec 0.1.1 and transformers' EncodecModel on seeded weights in both layouts: within 1e-5",
)
