"""laion-clap 1.1.7's text tower. An array of one value asks for the text of that number among the option `texts`.

The working folder must hold `roberta-base`, `bert-base-uncased` and `facebook/bart-base`.
"""

import torch
from transformers import BartModel, BartTokenizer, BertModel, BertTokenizer, RobertaModel, RobertaTokenizer  # noqa: F401

from embedshift.models import official_laion_clap


class Official:
    def __init__(self, model, texts):
        self._model, self._texts = model, texts

    def embed(self, batch):
        with torch.no_grad():
            return self._model.get_text_embedding([self._texts[int(batch[0, 0])]])


def load(weights, options, device, precision):
    with official_laion_clap.torchvision_stood_in_for():
        import laion_clap
    model = laion_clap.CLAP_Module(enable_fusion=False, device="cpu", amodel="HTSAT-tiny")
    model.load_ckpt(ckpt=str(weights), verbose=False)
    return Official(model.eval(), options["texts"])
