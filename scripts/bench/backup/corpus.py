#!/usr/bin/env python3
"""Makes the corpus of the backup benchmark, and changes it.

    corpus.py build DIR [--scale 1.0] [--seed 1]
    corpus.py mutate DIR

DIR/files     what every program backs up: sources, documentation, headers, binaries, random bytes
DIR/plain.db  SQLite with tasks, documents, 768 float32 a document and logs, for programs that know files only
DIR/vault/    the same rows as a vault takes them: tasks.jsonl, docs/, vectors/, logs/

`mutate` edits 1 % of the text files, deletes and adds 0.3 %, inserts 16 bytes in the middle of a large binary, adds
8.4 MB of random bytes, updates 1 % of tasks and documents, adds 4,000 log rows and deletes 2,000; the same rows change
in plain.db and in vault/ (tasks that changed stand in vault/changed.jsonl).
"""
import argparse
import json
import os
import random
import shutil
import sqlite3
import struct

MIB = 1 << 20
ENGLISH = "vault page epoch slot segment manifest task agent backup restore verify writer ring roster seal".split()
CHINESE = "認證 登入 備份 還原 向量 衝突 任務 文件 加密 金鑰 頁面 紀錄 同步 裝置".split()


def text(rng, count):
    words = []
    while count > 0:
        word = rng.choice(CHINESE if rng.random() < 0.3 else ENGLISH) + (str(rng.randrange(10_000)) if rng.random() < 0.2 else "")
        words.append(word)
        count -= len(word.encode()) + 1
    return " ".join(words)


def copy_tree(sources, target, limit, suffixes=None, least=0):
    """Copies files of `sources` until `limit` bytes are there."""
    done = 0
    for source in sources:
        for directory, names, files in os.walk(source):
            names.sort()
            for name in sorted(files):
                path = os.path.join(directory, name)
                if os.path.islink(path) or (suffixes and not name.endswith(suffixes)):
                    continue
                size = os.path.getsize(path)
                if size < least or done + size > limit:
                    continue
                place = target + os.path.join("/", os.path.relpath(path, "/"))
                os.makedirs(os.path.dirname(place), exist_ok=True)
                shutil.copyfile(path, place)
                done += size
    return done


def build_files(root, rng, scale):
    files = os.path.join(root, "files")
    sources = ["/opt/swift/usr/include", "/opt/swift/usr/share", "/usr/lib/python3", "/usr/share/perl", "/opt/swift/usr/lib/swift"]
    text_like = (".h", ".py", ".swift", ".swiftinterface", ".json", ".txt", ".md", ".c", ".pm", ".apinotes", ".modulemap", ".rst")
    copy_tree(sources, files + "/trees/one", int(167 * MIB * scale), text_like)
    # A fifth of a working tree is there twice: vendored copies, checkouts.
    copy_tree([files + "/trees/one"], files + "/trees/two", int(47 * MIB * scale))
    copy_tree(["/usr/share/doc"], files + "/doc", int(119 * MIB * scale))
    copy_tree(["/usr/include"], files + "/include", int(118 * MIB * scale))
    copy_tree(["/opt/swift/usr/bin", "/opt/swift/usr/lib"], files + "/binaries", int(371 * MIB * scale), None, 1 * MIB)
    os.makedirs(files + "/random", exist_ok=True)
    for number, size in enumerate([100, 40, 11]):
        with open(f"{files}/random/{number}", "wb") as file:
            for _ in range(int(size * scale * 4)):
                file.write(rng.randbytes(MIB // 4))


def task(rng, number):
    return {"id": f"bench-{number:08d}", "title": text(rng, 60), "description": text(rng, 1300),
            "priority": rng.choice(["low", "medium", "high", "critical"])}


def vector(rng):
    return struct.pack("<768f", *(rng.gauss(0, 1) for _ in range(768)))


def log_row(rng, number):
    return {"id": number, "time": 1_700_000_000_000 + number * 977, "level": rng.choice(["info", "warn"]), "text": text(rng, 120)}


def build_rows(root, rng, scale):
    database = sqlite3.connect(root + "/plain.db")
    database.executescript("""
        PRAGMA page_size = 4096;
        CREATE TABLE tasks(id TEXT PRIMARY KEY, title TEXT, description TEXT, priority TEXT);
        CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, vector BLOB);
        CREATE TABLE logs(id INTEGER PRIMARY KEY, time INTEGER, level TEXT, text TEXT);
        """)
    for name in ("docs", "vectors", "logs"):
        os.makedirs(f"{root}/vault/{name}", exist_ok=True)
    with open(root + "/vault/tasks.jsonl", "w", encoding="utf8") as lines:
        for number in range(int(40_000 * scale)):
            row = task(rng, number)
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            database.execute("INSERT INTO tasks VALUES(:id, :title, :description, :priority)", row)
    vectors = []
    for number in range(int(12_000 * scale)):
        body, numbers = text(rng, 3500), vector(rng)
        with open(f"{root}/vault/docs/{number:06d}.md", "w", encoding="utf8") as file:
            file.write(body)
        database.execute("INSERT INTO docs VALUES(?, ?, ?)", (number, body, numbers))
        vectors.append(numbers)
    for start in range(0, len(vectors), 1000):
        with open(f"{root}/vault/vectors/{start:06d}.f32", "wb") as file:
            file.write(b"".join(vectors[start:start + 1000]))
    rows = [log_row(rng, number) for number in range(int(300_000 * scale))]
    database.executemany("INSERT INTO logs VALUES(:id, :time, :level, :text)", rows)
    for start in range(0, len(rows), 10_000):
        write_logs(root, start, rows[start:start + 10_000])
    database.commit()
    database.close()


def write_logs(root, start, rows):
    with open(f"{root}/vault/logs/{start:08d}.jsonl", "w", encoding="utf8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def mutate_files(root, rng):
    files = os.path.join(root, "files")
    everything = sorted(os.path.join(d, n) for d, _, names in os.walk(files) for n in names)
    texts = [p for p in everything if "/trees/" in p or "/doc/" in p or "/include/" in p]
    for path in rng.sample(texts, len(texts) // 100):
        with open(path, "r+b") as file:
            content = file.read()
            place = rng.randrange(len(content) + 1)
            file.seek(0)
            file.write(content[:place] + f"\nedited {rng.random()}\n".encode() + content[place:])
    gone = rng.sample(texts, len(everything) * 3 // 1000)
    for path in gone:
        os.unlink(path)
    for number in range(len(everything) * 3 // 1000):
        with open(f"{os.path.dirname(gone[number])}/added-{number}.txt", "w", encoding="utf8") as file:
            file.write(text(rng, rng.randrange(200, 20_000)))
    large = [p for p in everything if "/binaries/" in p and os.path.getsize(p) > 8 * MIB]
    if large:
        with open(large[0], "r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content[:len(content) // 2] + rng.randbytes(16) + content[len(content) // 2:])
    with open(files + "/random/new", "wb") as file:
        file.write(rng.randbytes(8_400_000))


def mutate_rows(root, rng):
    database = sqlite3.connect(root + "/plain.db")
    count = database.execute("SELECT count(*) FROM tasks").fetchone()[0]
    with open(root + "/vault/changed.jsonl", "w", encoding="utf8") as lines:
        for number in sorted(rng.sample(range(count), count // 100)):
            row = task(rng, number)
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            database.execute("UPDATE tasks SET title=:title, description=:description, priority=:priority WHERE id=:id", row)
    count = database.execute("SELECT count(*) FROM docs").fetchone()[0]
    for number in sorted(rng.sample(range(count), count // 100)):
        body = text(rng, 3500)
        with open(f"{root}/vault/docs/{number:06d}.md", "w", encoding="utf8") as file:
            file.write(body)
        database.execute("UPDATE docs SET body = ? WHERE id = ?", (body, number))
    count = database.execute("SELECT count(*) FROM logs").fetchone()[0]
    rows = [log_row(rng, count + number) for number in range(4000)]
    database.executemany("INSERT INTO logs VALUES(:id, :time, :level, :text)", rows)
    write_logs(root, count, rows)
    database.execute("DELETE FROM logs WHERE id < 2000")
    path = root + "/vault/logs/00000000.jsonl"
    with open(path, encoding="utf8") as file:
        kept = file.readlines()[2000:]
    with open(path, "w", encoding="utf8") as file:
        file.writelines(kept)
    database.commit()
    database.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["build", "mutate"])
    parser.add_argument("directory")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.action == "build":
        os.makedirs(given.directory)
        rng = random.Random(given.seed)
        build_files(given.directory, rng, given.scale)
        build_rows(given.directory, rng, given.scale)
    else:
        rng = random.Random(given.seed + 1_000_000)
        mutate_files(given.directory, rng)
        mutate_rows(given.directory, rng)


if __name__ == "__main__":
    main()
