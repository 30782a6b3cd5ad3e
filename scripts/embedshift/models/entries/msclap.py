"""What is known of MS-CLAP."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="audio and text in one space, trained on pairs of sounds and captions; HTS-AT (2023) or Cnn14 (2022)",
    sample_rate_hz=44_100,
    dim={None: 1024},
    weights="msclap_{version}",
    files=(
        "errors.py",
        "models/base.py",
        "models/clap_audio.py",
        "models/clap_bert.py",
        "models/clap_gpt2.py",
        "models/clap_htsat.py",
        "models/clap_log_mel.py",
        "models/clap_weights.py",
        "models/load.py",
        "models/mel.py",
        "models/msclap.py",
        "models/msclap_network.py",
        "models/panns_networks.py",
        "models/strict_state.py",
        "models/windows.py",
    ),
    options={"version": Option("published version", default="2023", choices=("2023", "2022"))},
    precisions=("float32", "bfloat16"),
    tokenizers={"2023": "tokenizer_gpt2", "2022": "tokenizer_bert-base-uncased"},
    tokenizer_option="version",
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="MS-PL (microsoft/msclap on Hugging Face)",
    citation="Elizalde, Deshmukh and Wang, Natural language supervision for general-purpose audio representations, "
    "ICASSP 2024",
    source="microsoft/msclap on Hugging Face: CLAP_weights_2023.pth, CLAP_weights_2022.pth",
    length_rule="windows of 7 s (2022: 5 s), the last one moved back to end with the clip; shorter: repeated and cut",
    frames="one a window of 7 s (2022: 5 s), not of norm one",
    pooling="mean over windows",
    bfloat16_cosine=0.99995,
    checked="msclap 1.3.4 on seeded weights in the official layout: audio within 8e-5 on a pure tone and 8e-6 on other "
    "sounds, text within 2e-6; the published weights were not at hand",
)
