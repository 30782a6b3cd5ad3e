"""The CLAPs' text towers: networks and tokenizers against those of transformers, and what is refused."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from seeded_checkpoints.clap_parts import seeded_tensors
from seeded_checkpoints.laion_clap import write_laion_clap_checkpoint
from seeded_checkpoints.msclap import write_msclap_checkpoint
from seeded_checkpoints.text_tokenizers import tokenizer_files, write_tokenizer

from embedshift.errors import UserError
from embedshift.models import clap_bert, clap_gpt2, clap_tokenizer, laion_clap_network, msclap_network
from embedshift.models.clap_bert import Bert, BertSize
from embedshift.models.clap_gpt2 import Gpt2
from embedshift.models.laion_clap_text import load_text as load_laion
from embedshift.models.msclap_text import load_text as load_msclap
from embedshift.models.text import TEXTS_AT_ONCE, TextTower
from embedshift.weights import convert_file

TEXTS = [
    "the sound of a dog", "music", "A Guitar plays loudly!", "hall!! with !reverb", "Ünïcödé 音楽 \N{GRINNING FACE} x",
    "", " ", "the cat's <mask> is </s> barking <s>", "[MASK] a low [SEP] pass <|endoftext|> x", "UPPER\ttab\nline",
]  # fmt: skip
LONG = "the sound of a piano in an concert hall with reverb " * 12
MAKERS = {
    "roberta-base": clap_tokenizer.roberta_tokenizer,
    "gpt2": clap_tokenizer.gpt2_tokenizer,
    "bert-base-uncased": clap_tokenizer.bert_tokenizer,
}


def seeded(network, seed):
    state = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict(seeded_tensors(state, seed))
    return network.eval()


@pytest.mark.parametrize("kind", ["roberta", "bert"])
def test_bert_is_that_of_transformers(kind):
    from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

    size = BertSize(300, 80, 2, 2 if kind == "roberta" else 0, 1e-5, width=48, layers=3, heads=4, inner_width=96)
    ours = seeded(Bert(size), 1)
    settings = {
        "vocab_size": 300, "max_position_embeddings": 80, "type_vocab_size": 2, "layer_norm_eps": 1e-5,
        "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 96,
    }  # fmt: skip
    padding = {"pad_token_id": 1} if kind == "roberta" else {}
    reference = (
        RobertaModel(RobertaConfig(**settings, **padding)) if kind == "roberta" else BertModel(BertConfig(**settings))
    )
    unknown = reference.eval().load_state_dict(ours.state_dict(), strict=False)
    assert unknown.unexpected_keys == []
    assert [name for name in unknown.missing_keys if not name.endswith(("position_ids", "token_type_ids"))] == []
    tokens = torch.randint(5, 300, (3, 20), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(3, 20, dtype=torch.bool)
    tokens[1, 11:], mask[1, 11:] = 1, False
    with torch.no_grad():
        expected = reference(input_ids=tokens, attention_mask=mask.long())
        hidden = ours(tokens, mask)
    torch.testing.assert_close(hidden[mask], expected.last_hidden_state[mask], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.pooled(hidden), expected.pooler_output, rtol=1e-4, atol=1e-5)


def test_gpt2_is_that_of_transformers(monkeypatch):
    from transformers import GPT2Config, GPT2Model

    for name, value in (("VOCABULARY", 300), ("POSITIONS", 40), ("WIDTH", 48), ("LAYERS", 3)):
        monkeypatch.setattr(clap_gpt2, name, value)
    ours = seeded(Gpt2(), 2)
    reference = GPT2Model(
        GPT2Config(vocab_size=300, n_positions=40, n_embd=48, n_layer=3, n_head=clap_gpt2.HEADS)
    ).eval()
    unknown = reference.load_state_dict(ours.state_dict(), strict=False)
    assert unknown.unexpected_keys == []
    assert [name for name in unknown.missing_keys if not name.endswith((".attn.bias", "masked_bias"))] == []
    tokens = torch.randint(0, 300, (3, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), reference(tokens).last_hidden_state, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("text_type", "sizes"), [("roberta", clap_bert.ROBERTA_BASE), ("bert", clap_bert.BERT_BASE), ("gpt2", None)]
)
def test_full_size_layouts_are_those_of_transformers(text_type, sizes):
    from transformers import BertConfig, BertModel, GPT2Config, GPT2Model, RobertaConfig, RobertaModel

    with torch.device("meta"):
        reference = {
            "roberta": lambda: RobertaModel(
                RobertaConfig(vocab_size=50_265, max_position_embeddings=514, type_vocab_size=1)
            ),
            "bert": lambda: BertModel(BertConfig()),
            "gpt2": lambda: GPT2Model(GPT2Config()),
        }[text_type]()
        ours = Bert(sizes) if sizes else Gpt2()
    parameters = {name: tuple(tensor.shape) for name, tensor in reference.named_parameters()}
    assert {name: tuple(tensor.shape) for name, tensor in ours.state_dict().items()} == parameters


@pytest.mark.parametrize("name", MAKERS)
def test_tokens_are_those_of_transformers(name, tmp_path):
    from transformers import AddedToken, BertTokenizer, GPT2Tokenizer, RobertaTokenizer

    write_tokenizer(tmp_path / "t.safetensors", name)
    files = {}
    for file, text in tokenizer_files(name).items():
        (tmp_path / file).write_text(text, encoding="utf-8")
        files[file.replace("vocab.json", "vocab").replace("merges.txt", "merges")] = str(tmp_path / file)
    ours = MAKERS[name](tmp_path / "t.safetensors")
    if name == "bert-base-uncased":
        reference = BertTokenizer(str(tmp_path / "vocab.txt"))
    else:
        kind = RobertaTokenizer if name == "roberta-base" else GPT2Tokenizer
        # the published mask takes the space before it; transformers 5 adds that only from a tokenizer's folder
        mask = {"mask_token": AddedToken("<mask>", lstrip=True)} if name == "roberta-base" else {}
        reference = kind(vocab=files["vocab"], merges=files["merges"], **mask)
    if name == "gpt2":
        reference.add_special_tokens({"pad_token": "!"})
    texts = [*TEXTS, LONG]
    assert len(reference) == ours.get_vocab_size()
    assert [ours.encode(text).ids for text in texts] == [reference(text)["input_ids"] for text in texts]
    assert max(len(ours.encode(text).ids) for text in texts) > 77


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: {}, "holds nothing; expected vocab.json and merges.txt"),
        (lambda files: {"vocab.txt": "a\n"}, "holds vocab.txt; expected vocab.json and merges.txt"),
        (
            lambda files: files | {"vocab.json": '{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}'},
            "5 tokens",
        ),
        (lambda files: files | {"vocab.json": files["vocab.json"][:100]}, "no JSON"),
        (lambda files: files | {"vocab.json": "[]"}, "no table of tokens"),
        (
            lambda files: files | {"vocab.json": files["vocab.json"].replace("<mask>", "<mast>")},
            "<mask> has the number None",
        ),
        (lambda files: files | {"merges.txt": "#version: 0.2\n"}, "found no pairs"),
        (lambda files: files | {"merges.txt": "qq zz\n"}, "'qq zz'"),
    ],
)
def test_a_tokenizer_that_is_not_whole_is_refused(change, words, tmp_path):
    texts = change(tokenizer_files("roberta-base"))
    path = tmp_path / "t.safetensors"
    save_file({file: np.frombuffer(text.encode(), dtype=np.uint8).copy() for file, text in texts.items()}, path)
    with pytest.raises(UserError, match=words):
        clap_tokenizer.roberta_tokenizer(path)


def test_a_tokenizer_that_is_not_there_is_no_other_one(tmp_path):
    for path in (None, tmp_path / "nowhere.safetensors"):
        with pytest.raises(UserError, match="is not there.*vocab"):
            clap_tokenizer.bert_tokenizer(path)
    (tmp_path / "cut.safetensors").write_bytes(b"12345678901")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        clap_tokenizer.gpt2_tokenizer(tmp_path / "cut.safetensors")


class Lengths(TextTower):
    dim = 1

    def embed_block(self, texts):
        assert len(texts) <= TEXTS_AT_ONCE
        return np.array([[len(text)] for text in texts])


def test_texts_come_back_in_their_order_and_only_lists_are_taken():
    texts = ["x" * length for length in range(2 * TEXTS_AT_ONCE + 3)]
    assert Lengths().embed_text(texts)[:, 0].tolist() == list(range(len(texts)))
    assert Lengths().embed_text([]).shape == (0, 1)
    assert Lengths().embed_text(texts).dtype == np.float32
    for mistake in ("a text", [1], ["a", None]):
        with pytest.raises(ValueError, match="list of strings"):
            Lengths().embed_text(mistake)


@pytest.fixture
def towers(monkeypatch, tmp_path):
    """Return LAION-CLAP's and MS-CLAP 2023's text towers with small networks, from files."""
    monkeypatch.setattr(laion_clap_network, "ROBERTA_BASE", BertSize(50_265, 514, 1, 2, 1e-5, 24, 2, 2, 48))
    monkeypatch.setattr(laion_clap_network, "AUDIO_NETWORKS", {"630k-audioset-best": (16, (2, 2, 2, 2))})
    for module, name, value in ((clap_gpt2, "WIDTH", 24), (clap_gpt2, "LAYERS", 2), (msclap_network, "TEXT_WIDTH", 24)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(msclap_network, "HTSAT_WIDTH", 16)
    write_laion_clap_checkpoint(tmp_path / "l.pt", 1)
    convert_file("laion_clap_630k-audioset-best", tmp_path / "l.pt", tmp_path / "l.safetensors")
    write_msclap_checkpoint(tmp_path / "m.pth", 1, "2023")
    convert_file("msclap_2023", tmp_path / "m.pth", tmp_path / "m.safetensors")
    for name in ("roberta-base", "gpt2"):
        write_tokenizer(tmp_path / f"{name}.safetensors", name)
    checkpoint, version = {"checkpoint": "630k-audioset-best"}, {"version": "2023"}
    return {
        "laion_clap": load_laion(tmp_path / "l.safetensors", tmp_path / "roberta-base.safetensors", checkpoint, "cpu"),
        "msclap": load_msclap(tmp_path / "m.safetensors", tmp_path / "gpt2.safetensors", version, "cpu"),
    }


def test_a_text_has_one_embedding_in_any_company(towers):
    for tower in towers.values():
        together = tower.embed_text(TEXTS)
        alone = np.concatenate([tower.embed_text([text]) for text in TEXTS])
        assert together.shape == (len(TEXTS), tower.dim)
        np.testing.assert_allclose(together, alone, rtol=0, atol=2e-5)
        assert np.linalg.norm(together[0] - together[1]) > 0.01


def test_laion_clap_cuts_at_77_tokens_and_scales_to_norm_one(towers):
    found = towers["laion_clap"].embed_text([LONG, LONG + " and a dog", "a dog " + LONG])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert np.abs(found[0] - found[2]).max() > 1e-3


def test_msclap_reads_a_text_before_its_end_where_it_has_exclamation_marks(towers):
    tower = towers["msclap"]
    # "a dog!": the mark counts as padding, so the token that is read is the one before the end, which sees "a dog! "
    same = tower.embed_text(["a dog! <|endoftext|> unread unread", "a dog!"])
    different = tower.embed_text(["a dog", "a dog!"])
    assert np.abs(different[0] - different[1]).max() > 1e-3
    assert np.abs(same[0] - same[1]).max() > 1e-3
    assert np.abs(tower.embed_text([LONG])[0] - tower.embed_text([LONG + "dog"])[0]).max() > 1e-3


def test_msclap_refuses_a_text_for_which_there_are_no_places(towers):
    with pytest.raises(UserError, match=r"has 12\d\d tokens; MS-CLAP takes 1024"):
        towers["msclap"].embed_text(["music", "music " * 1200])


def test_the_weights_of_a_text_tower_are_read_strictly(towers, tmp_path):
    from safetensors.torch import save_file as save_tensors

    tensors = load_file(tmp_path / "m.safetensors")
    del tensors["caption_encoder.base.ln_f.bias"]
    save_tensors(tensors, tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match="missing: caption_encoder.base.ln_f.bias"):
        load_msclap(tmp_path / "cut.safetensors", tmp_path / "gpt2.safetensors", {"version": "2023"}, "cpu")
