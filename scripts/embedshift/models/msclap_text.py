"""MS-CLAP's text towers, equal to msclap's: GPT-2's last token (2023) or BERT's first (2022), projected.

Published for version 2023: " <|endoftext|>" is put behind each text, the exclamation mark is the padding, and the
token that is projected is the one whose place is the number of tokens that are no exclamation mark, less one. So a
text that itself has exclamation marks is read some tokens before its end. That is kept, since it is what the published
numbers are; texts without them are not concerned. Texts are not cut; the package fails on more than one text when one
of them exceeds its length, and with more tokens than the network has places there is nothing to embed.
"""

from pathlib import Path

import numpy as np
import torch

from embedshift.errors import UserError
from embedshift.models.clap_bert import BERT_BASE
from embedshift.models.clap_gpt2 import POSITIONS
from embedshift.models.clap_tokenizer import bert_tokenizer, gpt2_tokenizer
from embedshift.models.clap_weights import fill
from embedshift.models.msclap_network import CONSTANTS, DIM, FILTERS, CaptionTower, published_shapes
from embedshift.models.strict_state import read_strictly
from embedshift.models.text import TextTower

PREFIX = "caption_encoder."
END = " <|endoftext|>"
MOST_TOKENS = {"2023": POSITIONS, "2022": BERT_BASE.positions}


class MsClapText(TextTower):
    """The text tower of one version."""

    dim = DIM

    def __init__(self, network: CaptionTower, tokenizer: object, version: str, device: str) -> None:
        self._network, self._tokenizer, self._version, self._device = network, tokenizer, version, device
        self._tokenizer.enable_padding(pad_id=0, pad_token="!" if version == "2023" else "[PAD]")
        added = f"{END!r} is put behind each text" if version == "2023" else "no prompt is added"
        self.text_rule = f"not cut, {MOST_TOKENS[version]} tokens at most; {added}"

    @torch.inference_mode()
    def embed_block(self, texts: list[str]) -> np.ndarray:
        """Return the embeddings `(texts, 1024)`, not of norm one.

        Raises
        ------
        UserError
            If a text has more tokens than the network has places for.
        """
        encoded = self._tokenizer.encode_batch([text + END for text in texts] if self._version == "2023" else texts)
        self._require_places(texts, [sum(text.attention_mask) for text in encoded])
        tokens = torch.tensor([text.ids for text in encoded], device=self._device)
        mask = torch.tensor([text.attention_mask for text in encoded], device=self._device, dtype=torch.bool)
        hidden = self._network.base(tokens) if self._version == "2023" else self._network.base(tokens, mask)
        # the exclamation mark, and so the padding, has the number zero
        place = (tokens != 0).sum(dim=1) - 1 if self._version == "2023" else torch.zeros_like(tokens[:, 0])
        chosen = hidden[torch.arange(len(texts), device=self._device), place]
        return self._network.projection(chosen).cpu().numpy()

    def _require_places(self, texts: list[str], lengths: list[int]) -> None:
        most = MOST_TOKENS[self._version]
        for text, length in zip(texts, lengths, strict=True):
            if length > most:
                raise UserError(f"The text {text[:60]!r}... has {length} tokens; MS-CLAP takes {most}. Shorten it.")


def load_text(weights: Path | None, tokenizer: Path | None, options: dict[str, str], device: str) -> MsClapText:
    """Return the text tower of `options` version; `tokenizer` is the file of its tokenizer.

    That is `tokenizer_gpt2` for version 2023, `tokenizer_bert-base-uncased` for 2022.

    Raises
    ------
    UserError
        If the weights or the tokenizer are not there or are not those of the version.
    """
    version = options["version"]
    words = gpt2_tokenizer(tokenizer) if version == "2023" else bert_tokenizer(tokenizer)
    with torch.device("meta"):
        network = CaptionTower(version)
    tensors = read_strictly(
        weights,
        published_shapes(version),
        wanted=lambda name: name.startswith(PREFIX),
        constants=CONSTANTS,
        optional=(FILTERS[version][0],),
    )
    network = fill(network, {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}, device)
    return MsClapText(network, words, version, device)
