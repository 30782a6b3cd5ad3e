"""What is known of OpenL3."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="look, listen and learn: audio network trained to match sound and image of videos",
    sample_rate_hz=48_000,
    dim={512: 512, 6144: 6144},
    dim_option="embedding_size",
    weights="openl3_{input_repr}_{content}",
    files=(
        "errors.py",
        "models/base.py",
        "models/load.py",
        "models/mel.py",
        "models/openl3.py",
        "models/openl3_hann.py",
        "models/openl3_network.py",
        "models/openl3_spectrogram.py",
        "models/strict_state.py",
    ),
    options={
        "input_repr": Option(
            "spectrogram: 257 frequencies, or 128 or 256 mel bands; each has weights of its own",
            default="mel128",
            choices=("linear", "mel128", "mel256"),
        ),
        "content": Option(
            "videos the weights were trained on: music, or environmental sounds",
            default="music",
            choices=("music", "env"),
        ),
        "embedding_size": Option(
            "values a window: maxima over the whole window, or over twelve parts of it",
            default=512,
            choices=(512, 6144),
        ),
        "hop_s": Option("distance of two windows of one second", default=0.1, low=0.01, high=60.0, unit="s"),
        "center": Option(
            "half a second of zeros before the clip, so that a window's time is its middle",
            default=True,
            choices=(True, False),
        ),
    },
    precisions=("float32", "bfloat16"),
    backends=("embedshift", "official"),
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="CC BY 4.0",
    citation="Cramer, Wu, Salamon and Bello, Look, listen, and learn more: Design choices for deep audio embeddings, "
    "ICASSP 2019",
    source="https://github.com/marl/openl3, branch models: openl3_audio_{input_repr}_{content}-v0_4_0.h5.gz",
    length_rule="any length; zeros complete the windows of one second, as published",
    frames="1 s every hop_s",
    bfloat16_cosine=0.99999,
    checked="openl3 0.4.2 on TensorFlow 2.20, one seeded file in the official layout, all inputs and sizes, synthetic "
    "and real clips of 0.4 to 3.4 s: within 3e-6 on a CPU. Official weights were not at hand. In bfloat16, differences "
    "between clips keep a cosine of 0.995 to 0.999 only: take float32 for displacements",
)
