"""Small vocabularies in the file formats and with the sizes of the published tokenizers of the text towers."""

import json

import numpy as np
from safetensors.numpy import save_file

WORDS = "the sound of a dog cat barking music guitar piano plays loudly this is in an concert hall with reverb low pass"
SIZES = {"roberta-base": 50_265, "gpt2": 50_257, "bert-base-uncased": 30_522}


def tokenizer_files(name):
    """Return {file: text}: bytes, the pieces of a few words, and filling up to the published size."""
    return _word_pieces() if name == "bert-base-uncased" else _byte_pairs(name)


def write_tokenizer(path, name):
    """Write the files as the workflow stores them: bytes in a safetensors file."""
    texts = tokenizer_files(name)
    save_file({file: np.frombuffer(text.encode(), dtype=np.uint8).copy() for file, text in texts.items()}, path)


def write_model_folder(folder, name, config):
    """Write what `from_pretrained(name)` of the published packages looks for: tokenizer, config, a token of weights."""
    folder.mkdir(parents=True)
    for file, text in tokenizer_files(name).items():
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file({"nothing": np.zeros(1, dtype=np.float32)}, folder / "model.safetensors", metadata={"format": "pt"})


def _byte_pairs(name):
    first, last = {
        "roberta-base": (["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"]),
        "gpt2": ([], ["<|endoftext|>"]),
    }[name]
    pairs = _pairs()
    tokens = [*first, *_bytes(), *("".join(pair) for pair in pairs)]
    filling = [f"filling{index:05d}" for index in range(SIZES[name] - len(tokens) - len(last))]
    vocabulary = {token: place for place, token in enumerate([*tokens, *filling, *last])}
    merges = "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in pairs)
    return {"vocab.json": json.dumps(vocabulary, ensure_ascii=False), "merges.txt": merges}


def _bytes():
    """Return the printable stand-ins of the 256 bytes in the order of GPT-2: the printable ones come first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]


def _pairs():
    """Return the merges that build each word, with and without a space before it, from its left end."""
    pairs = {}
    for word in WORDS.split():
        for whole in (f"Ġ{word}", word):
            for end in range(1, len(whole)):
                pairs.setdefault((whole[:end], whole[end]), None)
    return list(pairs)


def _word_pieces():
    letters = [chr(letter) for letter in range(ord("a"), ord("z") + 1)] + list("0123456789.,!?'-")
    pieces = [*letters, *(f"##{letter}" for letter in letters), *(word for word in WORDS.split() if len(word) > 1)]
    tokens = ["[PAD]", *(f"[unused{index}]" for index in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += list(dict.fromkeys(pieces))
    filling = [f"filling{index:05d}" for index in range(SIZES["bert-base-uncased"] - len(tokens))]
    return {"vocab.txt": "".join(f"{token}\n" for token in [*tokens, *filling])}
