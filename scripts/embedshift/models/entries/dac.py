"""What is known of the Descript Audio Codec."""

from embedshift.models.entry import Entry, Option

MODELS = ("16khz", "24khz", "44khz")
PROJECTED = {"16khz": 96, "24khz": 256, "44khz": 72}

ENTRY = Entry(
    description="neural audio codec (Descript Audio Codec): continuous or quantised latents",
    sample_rate_hz={"16khz": 16_000, "24khz": 24_000, "44khz": 44_100},
    rate_option="model",
    dim={f"{model} {layer}": 1024 for model in MODELS for layer in ("latents", "quantised")}
    | {f"{model} projected": dim for model, dim in PROJECTED.items()},
    dim_option=("model", "layer"),
    weights="dac_{model}",
    files=(
        "errors.py",
        "models/base.py",
        "models/dac.py",
        "models/frame_blocks.py",
        "models/frame_codec.py",
        "models/load.py",
        "models/snake_encoder.py",
        "models/strict_state.py",
    ),
    options={
        "model": Option("the published model, by its sample rate", default="44khz", choices=MODELS),
        "layer": Option(
            "latents: the encoder's output; quantised: the sum of the chosen codes; projected: 8 values a codebook, "
            "before the choice",
            default="latents",
            choices=("latents", "quantised", "projected"),
        ),
    },
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="MIT (README of descript-audio-codec)",
    citation="Kumar, Seetharaman, Luebs, Kumar and Kumar, High-fidelity audio compression with improved RVQGAN, "
    "NeurIPS 2023",
    source="Hugging Face: descript/dac_16khz, descript/dac_24khz, descript/dac_44khz",
    length_rule="any length; zeros at the end up to a whole frame, as published",
    frames="one every 320 samples (16khz, 24khz) or 512 (44khz)",
    checked="the package descript-audio-codec 1.0.0 and transformers' DacModel on seeded weights in both layouts: "
    "within 1e-5",
)
