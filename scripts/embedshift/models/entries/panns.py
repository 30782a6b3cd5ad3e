"""What is known of PANNs."""

from embedshift.models.entry import Entry, Option, Requirement

OFFICIAL = {"backend": "official"}
ONLY = "panns-inference knows nothing else"

ENTRY = Entry(
    description="CNNs for sound event tagging, trained on AudioSet (527 classes)",
    sample_rate_hz=32_000,
    dim={
        "Cnn14 embedding": 2048,
        "Cnn14 clip_tags": 527,
        "MobileNetV1 embedding": 1024,
        "MobileNetV1 clip_tags": 527,
    },
    dim_option=("network", "layer"),
    weights="panns_{network}",
    files=(
        "errors.py",
        "models/base.py",
        "models/load.py",
        "models/mel.py",
        "models/panns.py",
        "models/panns_log_mel.py",
        "models/panns_networks.py",
        "models/strict_state.py",
    ),
    options={
        "network": Option(
            "Cnn14 (80 million parameters) or the small MobileNetV1 (5 million)",
            default="Cnn14",
            choices=("Cnn14", "MobileNetV1"),
        ),
        "layer": Option(
            "embedding: the layer before the classifier; clip_tags: probabilities of the 527 classes of AudioSet",
            default="embedding",
            choices=("embedding", "clip_tags"),
        ),
        "window_s": Option(
            "clip: one embedding of the whole clip, as published; a number: one embedding a window of so many seconds "
            "(1.0 with MobileNetV1 for a neuralogram)",
            default="clip",
            choices=("clip",),
            low=0.31,
            high=600.0,
            unit="s",
        ),
        "hop_s": Option(
            "distance of two windows; window: side by side",
            default="window",
            choices=("window",),
            low=0.01,
            high=600.0,
            unit="s",
        ),
    },
    requirements=(
        Requirement({"window_s": "clip"}, "hop_s", "window", "without a length in window_s there are no windows"),
        Requirement(OFFICIAL, "network", "Cnn14", ONLY),
        Requirement(OFFICIAL, "window_s", "clip", ONLY),
    ),
    precisions=("float32", "bfloat16"),
    backends=("embedshift", "official"),
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="CC BY 4.0 (Zenodo record 3987831)",
    citation="Kong et al., PANNs: Large-scale pretrained audio neural networks for audio pattern recognition, "
    "IEEE/ACM TASLP 2020",
    source="Zenodo record 3987831: Cnn14_mAP=0.431.pth, MobileNetV1_mAP=0.389.pth",
    length_rule="any length from 9920 samples (0.31 s) or one window; shorter: repeated; windows: the rest is dropped",
    frames="one a clip as published, or one a window of window_s every hop_s",
    pooling="none, or mean over windows",
    bfloat16_cosine=0.99997,
    checked="Cnn14: panns-inference 0.1.1 on seeded weights, within 4e-6; MobileNetV1, which it lacks: the published "
    "layout written out plainly, within 3e-6. The published checkpoints themselves were not at hand",
)
