"""What is known of the diffusion autoencoder of audio-algebra."""

from embedshift.models.entry import Entry

ENTRY = Entry(
    description="encoder of a diffusion autoencoder of the shape that Hawley and Steinmetz used (theirs is not public)",
    sample_rate_hz=48_000,
    dim={None: 64},
    weights="diffae",
    files=(
        "errors.py",
        "models/base.py",
        "models/diffae.py",
        "models/frame_blocks.py",
        "models/frame_codec.py",
        "models/load.py",
        "models/strict_state.py",
    ),
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="none stated",
    citation="Hawley and Steinmetz, Leveraging neural representations for audio manipulation, AES Europe 2023",
    source="Google Drive, named in audio-algebra (Hawley); whether it is still there is unknown: by hand",
    length_rule="any length; zeros at the end up to a whole frame",
    frames="64 values between -1 and 1 every 128 samples (375 a second)",
    channel_rule="mean of the channels, put into both",
    checked="a plain float64 computation from the published source's layout on seeded weights: within 1e-5; no package "
    "has this encoder, and the published checkpoint was not at hand: whether its names are these is not known",
)
