"""What a text tower promises: a list of texts to float32 `(texts, dim)`, in the space of its audio tower."""

from collections.abc import Sequence

import numpy as np

TEXTS_AT_ONCE = 32


class TextTower:
    """The text half of a model, ready to run. Same text, same embedding, whatever stands beside it.

    A subclass sets the attributes and writes `embed_block`; `embed_text` checks its input and makes the blocks.

    Attributes
    ----------
    dim : length of an embedding, that of the audio tower
    text_rule : how long texts are cut, and what is added to a text, in words
    """

    dim: int
    text_rule: str

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return the embeddings `(texts, dim)` float32 of `texts`, in their order.

        Raises
        ------
        ValueError
            If `texts` is not a list of strings (a single string is none).
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"embed_text takes a list of strings, found {texts!r}"[:200])
        blocks = [list(texts[start : start + TEXTS_AT_ONCE]) for start in range(0, len(texts), TEXTS_AT_ONCE)]
        embedded = [np.zeros((0, self.dim), dtype=np.float32), *(self.embed_block(block) for block in blocks)]
        return np.concatenate(embedded).astype(np.float32)

    def embed_block(self, texts: list[str]) -> np.ndarray:
        """Return the embeddings `(texts, dim)` of a few texts."""
        raise NotImplementedError
