"""What is known of a user's own class."""

from embedshift.models.entry import Entry

ENTRY = Entry(
    description="your own class in your own file; docs/add_your_own_model.md shows one of ten lines",
    sample_rate_hz=None,
    dim={},
    files=(
        "device.py",
        "errors.py",
        "models/base.py",
        "models/load.py",
        "models/python.py",
        "models/user_adapter.py",
        "models/user_module.py",
    ),
    takes_specification=True,
    free_options=True,
    licence_code="yours",
    licence_weights="yours",
    citation="yours",
    source="options that name files are watched: another content embeds again",
    length_rule="any length from its minimum_samples, shorter: repeated",
    frames="as the class returns them",
    pooling="mean over frames, or its own pool",
    checked="at load: finite, the same twice, alone and in a batch within 1e-5",
)
