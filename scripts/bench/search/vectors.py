#!/usr/bin/env python3
"""Vector search in an encrypted vault beside libraries that keep vectors in plain files.

    scripts/bench/search/vectors.py [--worker .build/release/test-worker] [--count 100000] [--only NAME]…

Data: 500 clusters of 384 dimensions, each in a subspace of 24 and a little noise, as text embeddings lie;
queries come from the same. Recall@10 is against numpy's exact answer. Warm: one process, three passes, the
first 20 left out. Cold: a new process that opens everything and asks once, the median of five, and its largest
memory. Needs numpy in .build-venv, and for the peers chromadb==1.5.9 sqlite-vec==0.1.9 usearch==2.26.6
faiss-cpu==1.15.1 apsw-sqlite3mc.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
DIMENSIONS = 384


def make(count, seed=7):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(500, DIMENSIONS)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    bases = random.normal(size=(500, 24, DIMENSIONS)).astype(np.float32) / np.sqrt(DIMENSIONS)

    def draw(n):
        parts = []
        for start in range(0, n, 50_000):
            size = min(50_000, n - start)
            which = random.integers(0, 500, size)
            inner = random.normal(size=(size, 24)).astype(np.float32) * 0.2
            rows = centres[which] + random.normal(size=(size, DIMENSIONS)).astype(np.float32) * 0.01
            for cluster in np.unique(which):
                mine = which == cluster
                rows[mine] += inner[mine] @ bases[cluster]
            parts.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        return np.concatenate(parts)

    return draw(count), draw(200)


def recall(found, truth):
    return float(np.mean([len(set(f) & set(t)) / 10 for f, t in zip(found, truth)]))


# A child counts as its own memory what its parent had when it was made: so a small program starts it.
LAUNCH = """
import os, subprocess, sys, time
began = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, sys.argv
print(time.monotonic() - began, usage.ru_maxrss)
"""


def child(command):
    """Runs a command to its end: seconds, and its largest memory in MiB."""
    said = subprocess.run([sys.executable, "-S", "-c", LAUNCH, *command], stdout=subprocess.PIPE,
                          check=True).stdout
    seconds, kibibytes = said.split()
    return float(seconds), int(kibibytes) / 1024


def cold(command):
    runs = [child(command) for _ in range(5)]
    return statistics.median(run[0] for run in runs) * 1000, max(run[1] for run in runs)


def ours(worker, folder, truth):
    vectors, queries = str(folder / "vectors"), str(folder / "queries")
    process = subprocess.Popen([worker, "vector-bench", vectors, queries], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    found, result, root = [], {}, None
    for line in process.stdout:
        word, *rest = line.split()
        if word == "found":
            found.append([int(n) for n in rest])
        elif word == "insert":
            result["insert_per_second"] = float(rest[0])
        elif word == "warm":
            result["warm_p50_ms"], result["warm_p99_ms"] = float(rest[0]), float(rest[1])
        elif word == "bytes":
            result["disk_mb"] = int(rest[0]) / 1e6
        elif word == "root":
            root = rest[0]
            break
    result["cold_ms"], result["cold_memory_mib"] = cold([worker, "vector-query", root, queries])
    process.stdin.close()
    process.wait()
    result["recall_at_10"] = recall(found, truth)
    return result


def measure(ask, queries, truth):
    found = [ask(query) for query in queries]
    times = []
    for _ in range(3):
        for query in queries:
            began = time.monotonic()
            ask(query)
            times.append((time.monotonic() - began) * 1000)
    times = sorted(times[20:])
    return {"warm_p50_ms": times[len(times) // 2], "warm_p99_ms": times[len(times) * 99 // 100],
            "recall_at_10": recall(found, truth)}


class Peer:
    """Opens what `build` left in a folder, and answers."""

    def __init__(self, name, folder):
        self.name, self.folder = name, str(folder)

    def build(self, vectors):
        path = self.folder
        if self.name == "faiss flat":
            import faiss
            index = faiss.IndexFlatIP(DIMENSIONS)
            index.add(vectors)
            faiss.write_index(index, path + "/index")
        elif self.name == "usearch":
            from usearch.index import Index
            index = Index(ndim=DIMENSIONS, metric="ip", dtype="f32")
            index.add(np.arange(len(vectors)), vectors)
            index.save(path + "/index")
        elif self.name == "sqlite-vec":
            database = self.connect()
            database.execute("create virtual table v using vec0(embedding float[384])")
            with database:
                database.executemany("insert into v(rowid, embedding) values (?, ?)",
                                     ((i + 1, row.tobytes()) for i, row in enumerate(vectors)))
            database.close()
        elif self.name == "chromadb":
            import chromadb
            collection = chromadb.PersistentClient(path).create_collection(
                "vectors", configuration={"hnsw": {"space": "ip"}})
            for start in range(0, len(vectors), 5000):
                part = vectors[start:start + 5000]
                collection.add([str(start + i) for i in range(len(part))], embeddings=part)

    def connect(self):
        # Python's own module is often built without extensions.
        import apsw
        import sqlite_vec
        database = apsw.Connection(self.folder + "/index")
        database.enable_load_extension(True)
        database.load_extension(sqlite_vec.loadable_path())
        return database

    def open(self):
        path = self.folder
        if self.name == "faiss flat":
            import faiss
            faiss.omp_set_num_threads(1)
            index = faiss.read_index(path + "/index")
            return lambda q: index.search(q[None], 10)[1][0].tolist()
        if self.name == "usearch":
            from usearch.index import Index
            index = Index.restore(path + "/index", view=True)
            return lambda q: index.search(q, 10).keys.tolist()
        if self.name == "sqlite-vec":
            database = self.connect()
            sql = "select rowid from v where embedding match ? and k = 10 order by distance"
            return lambda q: [row[0] - 1 for row in database.execute(sql, (q.tobytes(),))]
        import chromadb
        collection = chromadb.PersistentClient(path).get_collection("vectors")
        return lambda q: [int(i) for i in collection.query(query_embeddings=[q], n_results=10)["ids"][0]]


def peer(name, folder, vectors, queries, truth):
    place = folder / name.replace(" ", "-")
    place.mkdir()
    one = Peer(name, place)
    began = time.monotonic()
    one.build(vectors)
    taken = time.monotonic() - began
    result = measure(one.open(), queries, truth)
    result["insert_per_second"] = len(vectors) / taken
    result["disk_mb"] = sum(f.stat().st_size for f in place.rglob("*") if f.is_file()) / 1e6
    result["cold_ms"], result["cold_memory_mib"] = cold(
        [sys.executable, __file__, "--ask", name, str(place), str(folder / "queries")])
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", default=str(ROOT / ".build/release/test-worker"))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--only", action="append")
    parser.add_argument("--ask", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        name, place, queries = options.ask
        Peer(name, place).open()(np.fromfile(queries, np.float32, DIMENSIONS))
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vectors-"))
    try:
        vectors, queries = make(options.count)
        vectors.tofile(folder / "vectors")
        queries.tofile(folder / "queries")
        scores = queries @ vectors.T
        truth = [np.argpartition(-row, 10)[:10].tolist() for row in scores]
        del scores
        names = options.only or ["ai-team", "sqlite-vec", "faiss flat", "usearch", "chromadb"]
        for name in names:
            if name == "ai-team":
                result = ours(options.worker, folder, truth)
            else:
                result = peer(name, folder, vectors, queries, truth)
            result = {key: round(value, 3) for key, value in result.items()}
            print(json.dumps({"engine": name, "count": options.count} | result), flush=True)
    finally:
        shutil.rmtree(folder)


main()
