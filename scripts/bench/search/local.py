#!/usr/bin/env python3
"""A local model's vectors beside onnxruntime's, of the same random weights.

    scripts/bench/search/local.py [--worker .build/release/test-worker] [--rounds 5] [--chunks 256]

The model has the shape of all-MiniLM-L6: 6 layers, 384 wide, 12 heads, 1,536 inside, 30,522 pieces. Chunks are
of 128 pieces each, or mixed as passages are: a third short, the others up to the model's 256. Each side is a
process that loads the model, warms up, and then takes turns with the other; chunks a second are medians of the
rounds, the share is the median of the turns' shares, memory is each process's largest. Ours gets text and cuts
it into pieces itself; onnxruntime gets the pieces' numbers and whichever of several ways was quickest for it:
operators as the standard has them or those that its own optimiser joins for BERT, batches of several sizes with
the texts sorted by length. Needs numpy, tokenizers, onnx==1.23.2 and onnxruntime==1.32.0 in .build-venv.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
HIDDEN, HEADS, LAYERS, INNER, VOCABULARY, POSITIONS = 384, 12, 6, 1536, 30_522, 512
LONGEST = 256
EPSILON = 1e-12
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def pieces():
    """Words of letters, a third of them pieces that go on."""
    names, number = list(SPECIAL), 0
    while len(names) < VOCABULARY:
        word, rest = "", number
        for _ in range(4):
            word, rest = word + chr(97 + rest % 26), rest // 26
        names.append("##" + word if number % 3 == 2 else word)
        number += 1
    return names


def make_weights(random):
    weights = {
        "embeddings.word_embeddings.weight": random.normal(0, 0.05, (VOCABULARY, HIDDEN)),
        "embeddings.position_embeddings.weight": random.normal(0, 0.05, (POSITIONS, HIDDEN)),
        "embeddings.token_type_embeddings.weight": random.normal(0, 0.05, (2, HIDDEN))}

    def linear(name, outputs, inputs):
        weights[name + ".weight"] = random.normal(0, inputs ** -0.5, (outputs, inputs))
        weights[name + ".bias"] = random.normal(0, 0.05, outputs)

    def norm(name):
        weights[name + ".weight"] = random.normal(1, 0.1, HIDDEN)
        weights[name + ".bias"] = random.normal(0, 0.05, HIDDEN)

    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        for part in ("query", "key", "value"):
            linear(at + "attention.self." + part, HIDDEN, HIDDEN)
        linear(at + "attention.output.dense", HIDDEN, HIDDEN)
        norm(at + "attention.output.LayerNorm")
        linear(at + "intermediate.dense", INNER, HIDDEN)
        linear(at + "output.dense", HIDDEN, INNER)
        norm(at + "output.LayerNorm")
    return {name: value.astype(np.float32) for name, value in weights.items()}


def write_folder(folder, weights):
    folder.mkdir()
    header, place = {}, 0
    for name, value in weights.items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [place, place + value.nbytes]}
        place += value.nbytes
    head = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for value in weights.values():
            file.write(value.tobytes())
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "intermediate_size": INNER, "vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2, "layer_norm_eps": EPSILON, "hidden_act": "gelu"}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LONGEST}))
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    tokenizer = Tokenizer(models.WordPiece({name: i for i, name in enumerate(pieces())}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.enable_truncation(LONGEST)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def write_graph(path, weights, joined):
    """The model as a graph from ids and a mask to vectors; `joined` uses onnxruntime's operators for BERT."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    nodes, constants = [], {}

    def constant(name, value):
        constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(kind, inputs, output, **attributes):
        domain = "com.microsoft" if attributes.pop("microsoft", False) else ""
        nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def weight(name):
        return constant(name, weights[name])

    def linear(x, name, output, bias=True):
        product = node("MatMul", [x, constant(name + ".weight", weights[name + ".weight"].T)], output + ".product")
        return node("Add", [product, weight(name + ".bias")], output) if bias else product

    def norm(x, name, output):
        return node("LayerNormalization", [x, weight(name + ".weight"), weight(name + ".bias")], output,
                    axis=-1, epsilon=EPSILON)

    def added_norm(x, y, dense, name, output):
        y = linear(y, dense, output + ".dense", bias=not joined)
        if joined:
            return node("SkipLayerNormalization",
                        [y, x, weight(name + ".weight"), weight(name + ".bias"), weight(dense + ".bias")],
                        output, microsoft=True, epsilon=EPSILON)
        return norm(node("Add", [x, y], output + ".sum"), name, output)

    def attention(x, at, output):
        names = [at + "attention.self." + part for part in ("query", "key", "value")]
        if joined:
            both = np.concatenate([weights[name + ".weight"].T for name in names], 1)
            bias = np.concatenate([weights[name + ".bias"] for name in names])
            return node("Attention", [x, constant(at + "qkv", both), constant(at + "qkv.bias", bias), "mask"],
                        output, microsoft=True, num_heads=HEADS)
        split = [node("Transpose", [node("Reshape", [linear(x, name, name + ".all"), "split"], name + ".split")],
                      name + ".heads", perm=[0, 2, 3, 1] if name.endswith("key") else [0, 2, 1, 3])
                 for name in names]
        scores = node("MatMul", split[:2], at + "scores")
        scaled = node("Mul", [scores, "scale"], at + "scaled")
        shares = node("Softmax", [node("Add", [scaled, "hidden places"], at + "masked")], at + "shares", axis=-1)
        context = node("Transpose", [node("MatMul", [shares, split[2]], at + "heads")], at + "context",
                       perm=[0, 2, 1, 3])
        return node("Reshape", [context, "join"], output)

    constant("zero", np.array([0], np.int64))
    constant("one", np.array([1], np.int64))
    constant("two", np.array([2], np.int64))
    constant("split", np.array([0, 0, HEADS, HIDDEN // HEADS], np.int64))
    constant("join", np.array([0, 0, HIDDEN], np.int64))
    constant("scale", np.array((HIDDEN // HEADS) ** -0.5, np.float32))
    constant("far", np.array(-10_000, np.float32))
    constant("unit", np.array(1, np.float32))
    node("Cast", ["mask"], "mask numbers", to=TensorProto.FLOAT)
    node("Unsqueeze", ["mask numbers", "two"], "mask column")
    constant("head axes", np.array([1, 2], np.int64))
    node("Unsqueeze", [node("Sub", ["unit", "mask numbers"], "padding"), "head axes"], "padding places")
    node("Mul", ["padding places", "far"], "hidden places")
    words = node("Gather", [weight("embeddings.word_embeddings.weight"), "ids"], "words")
    length = node("Shape", ["ids"], "length", start=1, end=2)
    places = constant("places", weights["embeddings.position_embeddings.weight"]
                      + weights["embeddings.token_type_embeddings.weight"][0])
    node("Slice", [places, "zero", length, "zero"], "positions")
    x = norm(node("Add", [words, "positions"], "embedded"), "embeddings.LayerNorm", "layer0")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        x = added_norm(x, attention(x, at, at + "attended"), at + "attention.output.dense",
                       at + "attention.output.LayerNorm", at + "middle")
        if joined:
            y = node("BiasGelu", [linear(x, at + "intermediate.dense", at + "inner", bias=False),
                                  weight(at + "intermediate.dense.bias")], at + "gelu", microsoft=True)
        else:
            y = node("Gelu", [linear(x, at + "intermediate.dense", at + "inner")], at + "gelu")
        x = added_norm(x, y, at + "output.dense", at + "output.LayerNorm", f"layer{layer + 1}")
    summed = node("ReduceSum", [node("Mul", [x, "mask column"], "seen"), "one"], "sum", keepdims=0)
    count = node("ReduceSum", ["mask numbers", "one"], "count", keepdims=1)
    mean = node("Div", [summed, count], "mean")
    node("Div", [mean, node("ReduceL2", [mean, "one"], "size", keepdims=1)], "vectors")
    shape = ["texts", "pieces"]
    graph = helper.make_graph(
        nodes, "bert",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, shape),
         helper.make_tensor_value_info("mask", TensorProto.INT32, shape)],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", HIDDEN])],
        list(constants.values()))
    model = helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])
    onnx.save(model, str(path))


def make_texts(tokenizer, kind, count, random):
    """Texts, and what the tokenizer makes of them."""
    names = pieces()
    begins = [name for name in names[len(SPECIAL):] if not name.startswith("##")]
    ends = [name[2:] for name in names if name.startswith("##")]
    texts, ids = [], []
    for number in range(count):
        length = 128
        if kind == "mixed":
            length = int(random.integers(20, 100) if number % 3 == 0 else min(random.integers(150, 400), LONGEST))
        text = []
        while True:
            word = begins[random.integers(len(begins))]
            if random.random() < 0.3:
                word += ends[random.integers(len(ends))]
            longer = tokenizer.encode(" ".join(text + [word])).ids if len(text) >= length // 2 - 2 else []
            if len(longer) > length:
                break
            text.append(word)
            if len(longer) == length:
                break
        texts.append(" ".join(text))
        ids.append(tokenizer.encode(texts[-1]).ids)
    return texts, ids


class Theirs:
    """A session and the way that it is asked."""

    def __init__(self, path, threads, batch):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.batch = batch

    def vectors(self, texts):
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        result = np.zeros((len(texts), HIDDEN), np.float32)
        for start in range(0, len(order), self.batch):
            part = order[start:start + self.batch]
            longest = max(len(texts[i]) for i in part)
            ids = np.zeros((len(part), longest), np.int64)
            mask = np.zeros((len(part), longest), np.int32)
            for row, i in enumerate(part):
                ids[row, :len(texts[i])], mask[row, :len(texts[i])] = texts[i], 1
            result[part] = self.session.run(None, {"ids": ids, "mask": mask})[0]
        return result


def serve(path, ids, threads, batch, output):
    """Our worker's counterpart: says "ready", then chunks a second for each line."""
    texts = json.loads(pathlib.Path(ids).read_text())
    theirs = Theirs(path, int(threads), int(batch))
    theirs.vectors(texts).tofile(output)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.monotonic()
        theirs.vectors(texts)
        print(len(texts) / (time.monotonic() - began), flush=True)


class Side:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", command

    def rate(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        """Its largest memory in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        largest = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        self.process.stdin.close()
        assert self.process.wait() == 0
        return largest / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", default=str(ROOT / ".build/release/test-worker"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chunks", type=int, default=256)
    parser.add_argument("--kind", choices=["128", "mixed"], action="append")
    parser.add_argument("--threads", type=int, action="append")
    parser.add_argument("--serve", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(*options.serve)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="model-"))
    try:
        random = np.random.default_rng(7)
        weights = make_weights(random)
        tokenizer = write_folder(folder / "model", weights)
        graphs = [str(folder / "plain.onnx"), str(folder / "joined.onnx")]
        for graph in graphs:
            write_graph(graph, weights, joined=graph == graphs[1])
        for kind in options.kind or ["128", "mixed"]:
            texts, ids = make_texts(tokenizer, kind, options.chunks, random)
            (folder / "texts").write_text("\n".join(texts))
            (folder / "ids").write_text(json.dumps(ids))
            for threads in options.threads or [1, 2]:
                compare(folder, graphs, options, kind, threads, ids)
    finally:
        shutil.rmtree(folder)


def compare(folder, graphs, options, kind, threads, ids):
    def theirs(graph, batch):
        return Side([sys.executable, __file__, "--serve", graph, str(folder / "ids"), str(threads), str(batch),
                     str(folder / "theirs")])

    tried = {}
    for graph in graphs:
        for batch in (1, 8, 32):
            side = theirs(graph, batch)
            tried[graph, batch] = side.rate()
            side.end()
    graph, batch = max(tried, key=tried.get)
    (folder / "ours").unlink(missing_ok=True)
    mine = Side([options.worker, "model-bench", str(folder / "model"), str(folder / "texts"), str(threads),
                 str(folder / "ours")])
    peer = theirs(graph, batch)
    rounds = [(mine.rate(), peer.rate()) for _ in range(options.rounds)]
    ours, other = (np.fromfile(folder / name, np.float32).reshape(-1, HIDDEN) for name in ("ours", "theirs"))
    print(json.dumps({
        "chunks": kind, "pieces": round(sum(map(len, ids)) / len(ids)), "threads": threads,
        "ours_per_second": round(statistics.median(one for one, _ in rounds), 1),
        "onnxruntime_per_second": round(statistics.median(two for _, two in rounds), 1),
        "share": round(statistics.median(one / two for one, two in rounds), 3),
        "ours_mib": round(mine.end()), "onnxruntime_mib": round(peer.end()),
        "onnxruntime_way": [os.path.basename(graph), batch],
        "greatest_difference": float(f"{np.abs(ours - other).max():.1e}")}), flush=True)


main()
