#!/usr/bin/env python3
"""Times SQLCipher and SQLite3MultipleCiphers against the same library without a key.

    .build-venv/bin/pip install sqlcipher3-wheels apsw-sqlite3mc
    .build-venv/bin/python3 scripts/bench/peers.py [--rounds 5] [--scale 1.0]

Every workload runs in paired rounds, plain and encrypted in turn, all with journal_mode=WAL and
synchronous=FULL; printed is the median of the rounds' ratios.
"""
import argparse
import functools
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time

WORDS = "vault page epoch slot segment manifest task agent backup restore 認證 登入 備份 向量 衝突".split()


def row(i, rng):
    title = " ".join(rng.choice(WORDS) for _ in range(6))
    text = " ".join(rng.choice(WORDS) for _ in range(40))
    return (f"task-{i:026d}", "implement_feature", title, text, "pending", i % 4, i)


class Cursor:
    """One shape over both modules: sqlcipher3 speaks DB-API, apsw its own."""

    def __init__(self, module, path, pragmas):
        if module == "sqlcipher":
            import sqlcipher3
            self.db = sqlcipher3.connect(path, isolation_level=None)
        else:
            import apsw
            self.db = apsw.Connection(path)
        self.cursor = self.db.cursor()
        for pragma in pragmas:
            self.run(pragma)
        self.run("PRAGMA journal_mode=WAL")
        self.run("PRAGMA synchronous=FULL")
        self.run("PRAGMA wal_autocheckpoint=0")

    def run(self, sql, args=()):
        return list(self.cursor.execute(sql, args))

    def many(self, sql, rows):
        self.run("BEGIN IMMEDIATE")
        self.cursor.executemany(sql, rows)
        self.run("COMMIT")

    def close(self):
        self.db.close()


SCHEMA = ("CREATE TABLE task(id TEXT PRIMARY KEY, type TEXT, title TEXT, description TEXT, "
          "status TEXT, priority INTEGER, created_at INTEGER) WITHOUT ROWID")
INSERT = "INSERT INTO task VALUES(?,?,?,?,?,?,?)"


@functools.lru_cache(maxsize=1)
def made(count, seed):
    rng = random.Random(seed)
    return [row(i, rng) for i in range(count)]


def workloads(module, pragmas, scale, seed):
    """Seconds per workload, in the order in which one database lives through them."""
    folder = tempfile.mkdtemp(prefix="bench-")
    path = os.path.join(folder, "peer.db")
    rng = random.Random(seed)
    count, single, reads, matches = (int(n * scale) for n in (200_000, 5_000, 100_000, 1_000))
    rows = made(count + single, seed)
    seconds = {}

    def timed(name, body):
        start = time.perf_counter()
        body()
        seconds[name] = time.perf_counter() - start

    try:
        db = Cursor(module, path, pragmas)
        db.run(SCHEMA)
        timed("bulk", lambda: [db.many(INSERT, rows[i:i + 1000]) for i in range(0, count, 1000)])
        timed("checkpoint", lambda: db.run("PRAGMA wal_checkpoint(TRUNCATE)"))
        timed("transactions", lambda: [db.many(INSERT, [r]) for r in rows[count:]])
        db.run("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()

        db = Cursor(module, path, pragmas)
        db.run("PRAGMA cache_size=200")
        ids = [f"task-{rng.randrange(count):026d}" for _ in range(reads)]
        timed("point reads", lambda: [db.run("SELECT title FROM task WHERE id=?", (i,)) for i in ids])
        timed("scan", lambda: db.run("SELECT sum(length(description)) FROM task"))
        db.close()

        db = Cursor(module, path, pragmas)
        db.run("CREATE VIRTUAL TABLE task_text USING fts5(title, description)")
        timed("full-text build", lambda: (
            db.run("INSERT INTO task_text SELECT title, description FROM task")))
        words = [w for w in WORDS if w.isascii()]
        timed("match", lambda: [
            db.run("SELECT rowid FROM task_text WHERE task_text MATCH ? LIMIT 10",
                   (f'"{rng.choice(words)} {rng.choice(words)}"',)) for _ in range(matches)])
        timed("vacuum", lambda: db.run("VACUUM"))
        db.close()
        return seconds
    finally:
        shutil.rmtree(folder)


PEERS = {
    "SQLCipher 4": ("sqlcipher", ["PRAGMA key=\"x'" + "11" * 32 + "'\""]),
    "SQLite3MC chacha20": ("apsw", ["PRAGMA cipher='chacha20'", "PRAGMA hexkey='" + "11" * 32 + "'"]),
    "SQLite3MC aegis": ("apsw", ["PRAGMA cipher='aegis'", "PRAGMA hexkey='" + "11" * 32 + "'"]),
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()

    results = {}
    ratios = {name: {} for name in PEERS}
    for number in range(options.rounds):
        for name, (module, pragmas) in PEERS.items():
            sides = [workloads(module, side, options.scale, number) for side in
                     (([], pragmas) if number % 2 == 0 else (pragmas, []))]
            plain, secret = sides if number % 2 == 0 else reversed(sides)
            for key in plain:
                ratios[name].setdefault(key, []).append(secret[key] / plain[key])
            print(f"{name}: round {number + 1} of {options.rounds}", file=sys.stderr)
    for name in PEERS:
        results[name] = {key: round(statistics.median(r), 2) for key, r in ratios[name].items()}
    if options.json:
        print(json.dumps(results, indent=2))
        return
    columns = list(next(iter(results.values())))
    print("| encrypted / plain | " + " | ".join(columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for name, ratios in results.items():
        print(f"| {name} | " + " | ".join(f"{ratios[c]:.2f}" for c in columns) + " |")


if __name__ == "__main__":
    main()
