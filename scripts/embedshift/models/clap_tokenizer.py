"""The tokenizers of the CLAPs' text towers, from their published files, with all that the vocabulary must hold checked.

The files stand in a safetensors file as bytes under their names: `vocab.json` and `merges.txt` (RoBERTa, GPT-2: byte
pairs) or `vocab.txt` (BERT: word pieces). The library that looks for files by itself returns, where it finds none, a
tokenizer of five tokens without a word; so nothing is looked for here, and a vocabulary of another size is refused.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedshift.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ROBERTA_TOKENS = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 50_264}
ROBERTA_VOCABULARY = 50_265
GPT2_TOKENS = {"!": 0, "<|endoftext|>": 50_256}
GPT2_VOCABULARY = 50_257
BERT_TOKENS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}
BERT_VOCABULARY = 30_522


def roberta_tokenizer(path: Path | None) -> "Tokenizer":
    """Return the tokenizer of roberta-base: `<s>`, byte pairs of the text, `</s>`.

    Raises
    ------
    UserError
        If the file is not there, or is not this tokenizer's.
    """
    from tokenizers import AddedToken
    from tokenizers.processors import RobertaProcessing

    tokenizer = _byte_pair_tokenizer(path, ROBERTA_VOCABULARY, ROBERTA_TOKENS, unknown="<unk>")
    marks = [AddedToken(token, lstrip=token == "<mask>", special=True) for token in ROBERTA_TOKENS]
    tokenizer.add_special_tokens(marks)
    tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=False, add_prefix_space=False)
    return tokenizer


def gpt2_tokenizer(path: Path | None) -> "Tokenizer":
    """Return the tokenizer of gpt2 with `!` as its padding, as msclap makes it: an exclamation mark stands by itself.

    Raises
    ------
    UserError
        If the file is not there, or is not this tokenizer's.
    """
    tokenizer = _byte_pair_tokenizer(path, GPT2_VOCABULARY, GPT2_TOKENS)
    tokenizer.add_special_tokens(list(GPT2_TOKENS))
    return tokenizer


def bert_tokenizer(path: Path | None) -> "Tokenizer":
    """Return the tokenizer of bert-base-uncased: `[CLS]`, word pieces of the text in lower case, `[SEP]`.

    Raises
    ------
    UserError
        If the file is not there, or is not this tokenizer's.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from tokenizers.processors import BertProcessing

    pieces = _read_files(path, ("vocab.txt",))["vocab.txt"].split("\n")
    vocabulary = {piece.rstrip("\r"): place for place, piece in enumerate(pieces) if place < len(pieces) - 1 or piece}
    _require_vocabulary(path, vocabulary, BERT_VOCABULARY, BERT_TOKENS)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(BERT_TOKENS))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    return tokenizer


def _byte_pair_tokenizer(
    path: Path | None, size: int, tokens: dict[str, int], unknown: str | None = None
) -> "Tokenizer":
    from tokenizers import Tokenizer, models, pre_tokenizers

    files = _read_files(path, ("vocab.json", "merges.txt"))
    vocabulary = _parse_json(path, files["vocab.json"])
    _require_vocabulary(path, vocabulary, size, tokens)
    lines = [line for line in files["merges.txt"].split("\n") if line and not line.startswith("#version")]
    pairs = [tuple(line.split(" ")) for line in lines]
    strange = [pair for pair in pairs if len(pair) != 2 or not {*pair, "".join(pair)} <= vocabulary.keys()]
    if not pairs or strange:
        found = f"the line {' '.join(strange[0])!r}, whose parts are not in vocab.json" if strange else "no pairs"
        raise UserError(f"{path}: merges.txt does not fit vocab.json: found {found}. {_what_to_do(path)}")
    tokenizer = Tokenizer(models.BPE(vocabulary, pairs, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def _read_files(path: Path | None, names: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of the files `names` in the safetensors file `path`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if path is None or not Path(path).is_file():
        raise UserError(
            f"The tokenizer file {path} is not there. A text tower needs {' and '.join(names)}; let the workflow fetch "
            "them (rule fetch_weights)."
        )
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a whole safetensors file ({error}). {_what_to_do(path)}") from error
    if not set(names) <= tensors.keys():
        raise UserError(
            f"{path} holds {', '.join(sorted(tensors)) or 'nothing'}; expected {' and '.join(names)}: it is not the "
            f"tokenizer of this model. {_what_to_do(path)}"
        )
    return {name: _decode(path, name, tensors[name]) for name in names}


def _decode(path: Path, name: str, content: np.ndarray) -> str:
    try:
        return content.astype(np.uint8).tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {name} is not a text ({error}). {_what_to_do(path)}") from error


def _parse_json(path: Path, text: str) -> dict[str, int]:
    try:
        vocabulary = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: vocab.json is no JSON ({error}). {_what_to_do(path)}") from error
    if not isinstance(vocabulary, dict):
        raise UserError(f"{path}: vocab.json is no table of tokens. {_what_to_do(path)}")
    return vocabulary


def _require_vocabulary(path: Path, vocabulary: dict[str, int], size: int, tokens: dict[str, int]) -> None:
    """Compare the vocabulary with what the network was trained with: its size, and the tokens with a meaning."""
    if len(vocabulary) != size or set(vocabulary.values()) != set(range(size)):
        raise UserError(
            f"{path}: the vocabulary has {len(vocabulary)} tokens; the text tower was trained with {size}, numbered "
            f"from 0. {_what_to_do(path)}"
        )
    wrong = {token: vocabulary.get(token) for token, number in tokens.items() if vocabulary.get(token) != number}
    if wrong:
        token, found = next(iter(wrong.items()))
        raise UserError(
            f"{path}: the token {token} has the number {found}; expected {tokens[token]}. {_what_to_do(path)}"
        )


def _what_to_do(path: Path) -> str:
    return f"Delete {path}, so that the published files are fetched again."
