"""What is known of LAION-CLAP."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="audio and text in one space, trained on pairs of sounds and captions; audio tower HTS-AT",
    sample_rate_hz=48_000,
    dim={None: 512},
    weights="laion_clap_{checkpoint}",
    files=(
        "errors.py",
        "models/base.py",
        "models/clap_audio.py",
        "models/clap_bert.py",
        "models/clap_htsat.py",
        "models/clap_log_mel.py",
        "models/clap_weights.py",
        "models/laion_clap.py",
        "models/laion_clap_network.py",
        "models/load.py",
        "models/strict_state.py",
        "models/windows.py",
    ),
    options={
        "checkpoint": Option(
            "published weights: general audio (HTSAT-tiny), or music and AudioSet (HTSAT-base)",
            default="630k-audioset-best",
            choices=("630k-audioset-best", "music_audioset_epoch_15_esc_90.14"),
        ),
    },
    precisions=("float32", "bfloat16"),
    backends=("embedshift", "official"),
    tokenizers={None: "tokenizer_roberta-base"},
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="CC0 1.0 (lukewys/laion_clap on Hugging Face)",
    citation="Wu, Chen, Zhang, Hui, Berg-Kirkpatrick and Dubnov, Large-scale contrastive language-audio pretraining "
    "with feature fusion and keyword-to-caption augmentation, ICASSP 2023",
    source="lukewys/laion_clap on Hugging Face: 630k-audioset-best.pt, music_audioset_epoch_15_esc_90.14.pt",
    length_rule="windows of 10 s, the last one moved back to end with the clip; shorter: repeated whole, then zeros",
    frames="one a window of 10 s, of norm one",
    pooling="mean over windows; of norm one up to 10 s",
    bfloat16_cosine=0.99995,
    checked="laion-clap 1.1.7 on seeded weights in the official layout: audio within 1.1e-5 given 16-bit samples, "
    "text within 2e-6; the published weights were not at hand",
)
