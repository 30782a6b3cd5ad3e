"""What is known of VGGish."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="CNN for sound event tagging, trained on YouTube-8M; AudioSet's released features came from it",
    sample_rate_hz=16_000,
    dim={None: 128},
    weights="vggish",
    files=(
        "errors.py",
        "models/base.py",
        "models/load.py",
        "models/strict_state.py",
        "models/vggish.py",
        "models/vggish_log_mel.py",
        "models/vggish_network.py",
    ),
    options={
        "final_relu": Option(
            "ReLU behind the last layer: true as torchvggish has it, false as Google's present code has it",
            default=True,
            choices=(True, False),
        ),
        "postprocess": Option(
            "whitening by principal components and whole numbers from 0 to 255, as torchvggish rounds (Google's code "
            "cuts the fraction off)",
            default=False,
            choices=(False, True),
        ),
    },
    precisions=("float32", "bfloat16"),
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="Apache-2.0 (torchvggish 0.1, converted from Google's)",
    citation="Hershey et al., CNN architectures for large-scale audio classification, ICASSP 2017",
    source="releases of harritaylor/torchvggish, v0.1",
    length_rule="examples of 0.96 s side by side, the rest dropped as published; shorter than 0.975 s: repeated",
    frames="one an example of 0.96 s",
    bfloat16_cosine=0.99998,
    checked="torchvggish 0.2 on seeded weights: within 4e-6; post-processed: the same whole numbers, but for a value "
    "in thousands that falls to the neighbouring one. The published checkpoint itself was not at hand",
)
