"""The words of robustness.csv: its own columns, and what stands in them."""

OWN_COLUMNS = ("train", "test", "eraser")
CLEAN, MIX, AUGMENTED, EFFECTED = "clean", "mix", "augmented", "effected"
"""Values of train and test; `effected` is the strength of the row, `augmented` occurs as train only."""
NONE = "none"
"""The eraser that removes nothing, against which the others are compared."""
