"""Makes a tiny model with random weights in a folder, and says which ids and vectors it gives texts.

    make_model.py FOLDER FAMILY TOKENIZER ELEMENT POOLING SEED < texts, one a line

Weights and forward pass are numpy's, the tokenizer is made and run by Hugging Face's tokenizers, the map of
characters comes from SentencePiece: nothing here is shared with the program that is tested.
"""
import io
import json
import os
import struct
import sys

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = """the a of vault key keys token lock unlock search index query vector text page file back up backup
restore sync conflict 認 證 認證 登 入 登入 備份 權杖 資 料 庫 使用者 jwt café naïve straße x y z 1 2 3
. , ! ? ( ) - _ ' " : ；。 ，""".split()


def wordpiece(lowercase):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    letters = [chr(c) for c in range(97, 123)] + list("0123456789")
    pieces += letters + ["##" + c for c in letters] + ["##ing", "##ed", "##er", "##s"]
    pieces += [w for w in WORDS if w not in pieces] + ["Vault", "Ke", "##y"]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer, len(vocabulary)


def fields(message):
    """The fields of a protocol buffer."""
    place = 0

    def number():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        tag = number()
        if tag & 7 == 0:
            yield tag >> 3, number()
        elif tag & 7 == 5:
            place += 4
            yield tag >> 3, struct.unpack("<f", message[place - 4:place])[0]
        else:
            length = number()
            place += length
            yield tag >> 3, message[place - length:place]


def unigram():
    import sentencepiece
    model = io.BytesIO()
    sentences = [" ".join(WORDS[i:] + WORDS[:i]) + " " + "".join(WORDS[i:i + 3]) for i in range(len(WORDS))]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 5), model_writer=model, vocab_size=130, model_type="unigram",
        character_coverage=0.98, hard_vocab_limit=False, minloglevel=2, num_threads=1)
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    charsmap = b""
    for number, value in fields(model.getvalue()):
        if number == 1:
            piece = dict(fields(value))
            if piece.get(3, 1) == 1:
                pieces.append((piece[1].decode(), piece[2]))
        if number == 3:
            charsmap = dict(fields(value))[2]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer, len(pieces)


def erf(x):
    import math
    return np.vectorize(math.erf)(x)


def main():
    folder, family, kind, element, pooling, seed = sys.argv[1:7]
    texts = sys.stdin.read().split("\n")
    random = np.random.default_rng(int(seed))
    tokenizer, vocabulary = unigram() if kind == "unigram" else wordpiece(kind == "uncased")
    # Of one model no width is a multiple of eight.
    hidden, inner = (44, 90) if kind == "cased" else (48, 96)
    heads, layers, positions = 4, 2, 70
    config = {
        "model_type": family, "hidden_size": hidden, "num_hidden_layers": layers,
        "num_attention_heads": heads, "intermediate_size": inner, "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": 2, "layer_norm_eps": 1e-5, "hidden_act": "gelu", "pad_token_id": 1}
    shapes = {
        "embeddings.word_embeddings.weight": (vocabulary, hidden),
        "embeddings.position_embeddings.weight": (positions, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden)}

    def linear(name, outputs, inputs):
        shapes[name + ".weight"] = (outputs, inputs)
        shapes[name + ".bias"] = (outputs,)

    def norm(name):
        shapes[name + ".weight"] = (hidden,)
        shapes[name + ".bias"] = (hidden,)

    norm("embeddings.LayerNorm")
    for i in range(layers):
        at = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            linear(at + "attention.self." + part, hidden, hidden)
        linear(at + "attention.output.dense", hidden, hidden)
        norm(at + "attention.output.LayerNorm")
        linear(at + "intermediate.dense", inner, hidden)
        linear(at + "output.dense", hidden, inner)
        norm(at + "output.LayerNorm")
    weights, stored = {}, {}
    for name, shape in shapes.items():
        middle = 1 if name.endswith("LayerNorm.weight") else 0
        value = random.normal(middle, 0.3, shape).astype(np.float32)
        if element == "F16":
            raw = value.astype(np.float16)
            value, raw = raw.astype(np.float32), raw.tobytes()
        elif element == "BF16":
            raw = (value.view(np.uint32) >> 16).astype(np.uint16)
            value, raw = (raw.astype(np.uint32) << 16).view(np.float32), raw.tobytes()
        else:
            raw = value.tobytes()
        weights[name], stored[name] = value.astype(np.float64), (shape, raw)
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (shape, raw) in stored.items():
        header[name] = {"dtype": element, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    with open(folder + "/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + data)
    with open(folder + "/config.json", "w") as file:
        json.dump(config, file)
    os.makedirs(folder + "/1_Pooling", exist_ok=True)
    with open(folder + "/1_Pooling/config.json", "w") as file:
        json.dump({f"pooling_mode_{mode}": mode.startswith(pooling) for mode in ("cls_token", "mean_tokens")},
                  file)
    tokenizer.save(folder + "/tokenizer.json")
    first = 0 if family == "bert" else 2
    limit = positions - first

    def layer_norm(x, name):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-5) * weights[name + ".weight"] + weights[name + ".bias"]

    def dense(x, name):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    tokenizer.enable_truncation(limit)
    result = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        x = (weights["embeddings.word_embeddings.weight"][ids]
             + weights["embeddings.position_embeddings.weight"][first:first + len(ids)]
             + weights["embeddings.token_type_embeddings.weight"][0])
        x = layer_norm(x, "embeddings.LayerNorm")
        for i in range(layers):
            at = f"encoder.layer.{i}."
            split = lambda y: y.reshape(len(ids), heads, hidden // heads).transpose(1, 0, 2)
            q, k, v = (split(dense(x, at + "attention.self." + part)) for part in ("query", "key", "value"))
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(hidden // heads)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            context = (scores @ v).transpose(1, 0, 2).reshape(len(ids), hidden)
            context = dense(context, at + "attention.output.dense")
            x = layer_norm(x + context, at + "attention.output.LayerNorm")
            y = dense(x, at + "intermediate.dense")
            y = y * 0.5 * (1 + erf(y / np.sqrt(2)))
            x = layer_norm(x + dense(y, at + "output.dense"), at + "output.LayerNorm")
        vector = x.mean(0) if pooling == "mean" else x[0]
        result.append({"ids": ids, "vector": (vector / np.linalg.norm(vector)).tolist()})
    print(json.dumps(result))


main()
