"""What is known of musicnn."""

from embedshift.models.entry import Entry, Option

MUSICNN_LAYERS = ("penultimate", "mean_pool", "max_pool", "taggram")
VGG_LAYERS = ("pool5", "taggram")

ENTRY = Entry(
    description="musically motivated CNN for music tagging, and its VGG baseline",
    sample_rate_hz=16_000,
    dim={"penultimate": 200, "mean_pool": 753, "max_pool": 753, "taggram": 50, "pool5": 256},
    dim_option="layer",
    weights="musicnn_{checkpoint}",
    files=(
        "errors.py",
        "models/base.py",
        "models/load.py",
        "models/mel.py",
        "models/musicnn.py",
        "models/musicnn_log_mel.py",
        "models/musicnn_networks.py",
        "models/strict_state.py",
    ),
    options={
        "checkpoint": Option(
            "published weights: trained on MagnaTagATune (MTT) or the Million Song Dataset (MSD)",
            default="MTT_musicnn",
            choices=("MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg"),
        ),
        "layer": Option(
            "activation taken as the embedding",
            depends_on="checkpoint",
            choices_by={
                "MTT_musicnn": MUSICNN_LAYERS,
                "MSD_musicnn": MUSICNN_LAYERS,
                "MTT_vgg": VGG_LAYERS,
                "MSD_vgg": VGG_LAYERS,
            },
        ),
    },
    precisions=("float32", "bfloat16"),
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="ISC (musicnn 0.1.0)",
    citation="Pons and Serra, musicnn: Pre-trained convolutional neural networks for music audio tagging, 2019",
    source="inside the wheel musicnn 0.1.0",
    length_rule="patches of 3 s side by side, the rest dropped as published; shorter than 2.976 s: repeated",
    frames="one a patch of 2.992 s",
    bfloat16_cosine=0.99995,
    checked="the published TensorFlow code on its published weights: every stored layer within 1e-4",
)
