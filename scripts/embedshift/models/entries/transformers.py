"""What is known of audio models of Hugging Face transformers."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="any audio model of Hugging Face (AST, wav2vec 2.0, HuBERT, WavLM, MERT, Whisper's encoder, CLAP, ...)",
    sample_rate_hz=None,
    dim={},
    files=(
        "errors.py",
        "models/base.py",
        "models/load.py",
        "models/transformers.py",
        "models/transformers_layout.py",
        "models/transformers_model.py",
        "models/windows.py",
    ),
    takes_specification=True,
    options={
        "layer": Option(
            "the last output, or a hidden state: 0 is what enters the first layer, -1 the last one",
            default="last",
            choices=("last",),
            low=-1000,
            high=1000,
            whole=True,
        ),
        "pooling": Option(
            "of frames: mean or max; pooler: the model's own vector (AST's two tokens, CLAP's joint space)",
            default="mean",
            choices=("mean", "max", "pooler"),
        ),
        "revision": Option(
            "branch, tag or commit on the hub; write the commit to publish", default="main", free_text=True
        ),
    },
    licence_code="Apache-2.0 (transformers); a repository's own code is never run",
    licence_weights="the model's own: see its card",
    citation="Wolf et al., Transformers: State-of-the-art natural language processing, EMNLP 2020; and the model's own",
    source="a folder as save_pretrained writes it, or huggingface.co",
    length_rule="as its feature extractor (AST 10.3 s, Whisper 30 s, CLAP 10 s: windows); others any length",
    frames="as the network (wav2vec 2.0 and Whisper 20 ms, AST 100 ms)",
    pooling="mean, max, or the model's own",
    checked="transformers called directly, seeded small AST, wav2vec 2.0, HuBERT, Whisper, CLAP: within 1e-5",
)
