"""What is known of the autoencoder of Stable Audio Open."""

from embedshift.models.entry import Entry

ENTRY = Entry(
    description="variational autoencoder of Stable Audio Open 1.0; the means of its latents",
    sample_rate_hz=44_100,
    dim={None: 64},
    weights="stable_audio_vae",
    files=(
        "errors.py",
        "models/base.py",
        "models/frame_blocks.py",
        "models/frame_codec.py",
        "models/load.py",
        "models/snake_encoder.py",
        "models/stable_audio_vae.py",
        "models/strict_state.py",
        "models/weight_norm.py",
    ),
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="Stability AI Community License (to be accepted by hand)",
    citation="Evans, Parker, Carr, Zukowski, Taylor and Pons, Stable Audio Open, ICASSP 2025",
    source="Hugging Face: stabilityai/stable-audio-open-1.0, vae/diffusion_pytorch_model.safetensors (gated)",
    length_rule="any length; zeros at the end up to a whole frame, as published",
    frames="64 values every 2048 samples (21.5 a second)",
    channel_rule="mean of the channels, put into both",
    checked="diffusers' AutoencoderOobleck on seeded weights in the published layout: within 1e-5; the published "
    "weights, gated, were not at hand",
)
