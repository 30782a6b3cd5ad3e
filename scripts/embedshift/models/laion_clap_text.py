"""LAION-CLAP's text tower, equal to laion-clap's: RoBERTa's pooled first token, projected, of norm one."""

from pathlib import Path

import numpy as np
import torch

from embedshift.models.clap_tokenizer import roberta_tokenizer
from embedshift.models.clap_weights import fill
from embedshift.models.laion_clap_network import CONSTANTS, DIM, RobertaTower, published_shapes
from embedshift.models.strict_state import read_strictly
from embedshift.models.text import TextTower

MOST_TOKENS = 77


class LaionClapText(TextTower):
    """The text tower of one checkpoint."""

    dim = DIM
    text_rule = "cut to 77 tokens, the first and the last of which mark the text's ends; no prompt is added"

    def __init__(self, network: RobertaTower, tokenizer: object, device: str) -> None:
        self._network, self._tokenizer, self._device = network, tokenizer, device
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.enable_padding(pad_id=1, pad_token="<pad>")

    @torch.inference_mode()
    def embed_block(self, texts: list[str]) -> np.ndarray:
        """Return the embeddings `(texts, 512)`, each of norm one."""
        encoded = self._tokenizer.encode_batch(texts)
        tokens = torch.tensor([text.ids for text in encoded], device=self._device)
        mask = torch.tensor([text.attention_mask for text in encoded], device=self._device, dtype=torch.bool)
        return self._network(tokens, mask).cpu().numpy()


def load_text(weights: Path | None, tokenizer: Path | None, options: dict[str, str], device: str) -> LaionClapText:
    """Return the text tower of `options` checkpoint; `tokenizer` is the file of the weights `tokenizer_roberta-base`.

    Raises
    ------
    UserError
        If the weights or the tokenizer are not there or are not those of the checkpoint.
    """
    words = roberta_tokenizer(tokenizer)
    with torch.device("meta"):
        network = RobertaTower()
    names = set(network.state_dict())
    shapes = published_shapes(options["checkpoint"])
    tensors = read_strictly(weights, shapes, wanted=names.__contains__, constants=CONSTANTS)
    return LaionClapText(fill(network, tensors, device), words, device)
