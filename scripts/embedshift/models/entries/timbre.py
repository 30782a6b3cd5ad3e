"""What is known of the handcrafted timbre features."""

from embedshift.models.entry import Entry

ENTRY = Entry(
    description="handcrafted: 20 MFCC, their deltas, 13 spectral and temporal descriptors; means and deviations",
    sample_rate_hz=22_050,
    dim={None: 106},
    files=("models/base.py", "models/load.py", "models/mel.py", "models/timbre.py"),
    licence_code="embedshift's own (GPL-3.0-or-later); definitions as in librosa (ISC)",
    licence_weights="no weights",
    citation="McFee et al., librosa: Audio and music signal analysis in Python, SciPy 2015",
    source="no weights",
    runs_on_gpu=False,
    length_rule="any length; shorter than nine frames (0.19 s): repeated",
    frames="2048 samples every 512 (23 ms)",
    pooling="mean and standard deviation over frames",
    checked="librosa's functions called directly: within 5e-3 in each feature's unit plus 1e-4 of its value",
)
