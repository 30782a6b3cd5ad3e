"""What is known of modules with the HEAR interface."""

from embedshift.models.entry import Entry, Option

ENTRY = Entry(
    description="any Python module with the HEAR interface (load_model, get_scene_embeddings, ...)",
    sample_rate_hz=None,
    dim={},
    files=(
        "device.py",
        "errors.py",
        "models/base.py",
        "models/hear.py",
        "models/load.py",
        "models/user_adapter.py",
        "models/user_module.py",
    ),
    takes_specification=True,
    options={
        "embedding": Option("one a clip, or one a time stamp", default="scene", choices=("scene", "timestamps")),
        "weights": Option("file that load_model of the module reads", default="", free_text=True),
        "folder": Option("where the module lies, if it is not installed", default="", free_text=True),
        "minimum_s": Option("shorter clips are repeated up to it", default=0.0, low=0.0, high=600.0, unit="s"),
        "thread_safe": Option("it may be called from several threads at once", default=False, choices=(False, True)),
    },
    licence_code="the module's own",
    licence_weights="the module's own",
    citation="Turian et al., HEAR: Holistic Evaluation of Audio Representations, NeurIPS 2021 competition track, 2022",
    source="the option weights, or what the module does itself",
    length_rule="any length from minimum_s, shorter: repeated",
    frames="the time stamps of the module, or one",
    checked="at load: finite, the same twice, alone and in a batch within 1e-5",
)
