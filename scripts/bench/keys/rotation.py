#!/usr/bin/env python3
"""Rotating the keys of a database beside a copy of its file, and beside the peers' rekey.

    scripts/bench/keys/rotation.py [--worker .build/release/test-worker] [--mib 1024] [--seconds 10]

Needs sqlcipher3-wheels and apsw-sqlite3mc in .build-venv for the peers. Measured: copying the file (cp and
fsync), rotating all of its pages, what three readers and three writers get done beside that and without it, and
for each peer the time of its rekey, how large its log grows and what another connection sees afterwards. With --kills
rotations are killed at random beside the load, and the last one has to leave nothing.
"""
import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
PEERS = {
    "SQLCipher 4": ("sqlcipher", ["PRAGMA key=\"x'" + "11" * 32 + "'\""],
                    "PRAGMA rekey=\"x'" + "22" * 32 + "'\""),
    "SQLite3MC chacha20": ("apsw", ["PRAGMA cipher='chacha20'", "PRAGMA hexkey='" + "11" * 32 + "'"],
                           "PRAGMA hexrekey='" + "22" * 32 + "'"),
}


def synced_copy(source, target):
    began = time.monotonic()
    shutil.copyfile(source, target)
    handle = os.open(target, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    taken = time.monotonic() - began
    os.unlink(target)
    return taken


def advance(epochs):
    with open(epochs, "ab") as file:
        file.write(b"1")


def rotate(worker, path, epochs):
    advance(epochs)
    began = time.monotonic()
    done = subprocess.run([worker, "database-rotate", path, epochs], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "remaining 0", done.stdout
    return time.monotonic() - began


def load(worker, path, epochs, rows, seconds, rotates):
    """What three readers and three writers get done, and how often the pages were rotated meanwhile."""
    kinds = ["read", "write"] * 3
    running = [
        subprocess.Popen([worker, "rotation-load", path, epochs, kind, str(seconds), str(rows), str(seed)],
                         stdout=subprocess.PIPE, text=True)
        for seed, kind in enumerate(kinds)]
    end, rotations = time.monotonic() + seconds, 0
    while rotates and time.monotonic() < end - 0.5:
        advance(epochs)
        rotator = subprocess.Popen([worker, "database-rotate", path, epochs], stdout=subprocess.PIPE, text=True)
        try:
            out, _ = rotator.communicate(timeout=max(0.1, end - time.monotonic()))
            assert rotator.returncode == 0, out
            rotations += 1
        except subprocess.TimeoutExpired:
            rotator.kill()
            rotator.wait()
    counts = {"read": 0, "write": 0}
    for kind, process in zip(kinds, running):
        out, _ = process.communicate()
        assert process.returncode == 0, (kind, out)
        counts[kind] += int(out)
    return counts["read"] / seconds, counts["write"] / seconds, rotations


def kills(worker, path, epochs, rows, times, seed):
    """Kills a rotation again and again at random while three readers and three writers go on."""
    random.seed(seed)
    advance(epochs)
    seconds = 2 * times + 20
    running = [
        subprocess.Popen([worker, "rotation-load", path, epochs, kind, str(seconds), str(rows), str(number)],
                         stdout=subprocess.PIPE, text=True)
        for number, kind in enumerate(["read", "write"] * 3)]
    finished = 0
    for _ in range(times):
        rotator = subprocess.Popen([worker, "database-rotate", path, epochs], stdout=subprocess.DEVNULL)
        try:
            rotator.wait(timeout=random.uniform(0.05, 2))
            assert rotator.returncode == 0
            finished += 1
            advance(epochs)
        except subprocess.TimeoutExpired:
            rotator.kill()
            rotator.wait()
    done = subprocess.run([worker, "database-rotate", path, epochs], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "remaining 0", done.stdout
    for process in running:
        out, _ = process.communicate()
        assert process.returncode == 0, out
    print(f"{times} rotations killed at random (seed {seed}; {finished} were done before that) beside 3 readers and "
          "3 writers: the last one left no page under an old epoch, and nobody met an error")


class Peer:
    """One shape over both modules: sqlcipher3 speaks DB-API, apsw its own."""

    def __init__(self, module, path, keying):
        if module == "sqlcipher":
            import sqlcipher3
            self.db = sqlcipher3.connect(path, isolation_level=None)
        else:
            import apsw
            self.db = apsw.Connection(path)
        for line in keying:
            self.run(line)

    def run(self, sql, values=()):
        return list(self.db.cursor().execute(sql, values))


def peer(name, folder, rows, size):
    module, keying, rekey = PEERS[name]
    path = str(folder / "peer.db")
    db = Peer(module, path, keying)
    db.run("PRAGMA journal_mode=WAL")
    db.run("PRAGMA synchronous=FULL")
    db.run("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
    db.run("BEGIN")
    for number in range(rows):
        db.run("INSERT INTO note VALUES (?, ?)", (number, (f"note {number} " + f"text {number % 977} " * 42)[:400]))
    db.run("COMMIT")
    db.run("PRAGMA wal_checkpoint(TRUNCATE)")
    other = Peer(module, path, keying)
    other.run("SELECT count(*) FROM note")
    copied = synced_copy(path, str(folder / "copy"))
    log = 0
    began = time.monotonic()
    db.run(rekey)
    taken = time.monotonic() - began
    if os.path.exists(path + "-wal"):
        log = os.path.getsize(path + "-wal")
    try:
        other.run("SELECT count(*) FROM note")
        seen = "goes on"
    except Exception as error:
        seen = f"fails: {error}"
    try:
        other.run("INSERT INTO note VALUES (-1, 'x')")
        seen += ", writes go on"
    except Exception as error:
        seen += f", a write fails: {error}"
    print(f"{name:20} rekey {taken:6.2f} s, {size / taken / 2**20:7.1f} MiB/s, {copied / taken:5.2f} of a copy's speed; "
          f"the log grew to {log / 2**20:,.0f} MiB; another connection {seen}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--worker", default=str(ROOT / ".build/release/test-worker"))
    options.add_argument("--mib", type=int, default=1024)
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--kills", type=int, default=0, help="kill so many rotations beside the load")
    options.add_argument("--seed", type=int, default=random.randrange(10**9))
    options.add_argument("--peers", action="store_true", help="rekey the peers' databases too")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        path, epochs = str(folder / "db"), str(folder / "epochs")
        advance(epochs)
        rows = int(subprocess.run([chosen.worker, "rotation-fill", path, str(chosen.mib)],
                                  capture_output=True, text=True, check=True).stdout)
        size = os.path.getsize(path)
        ratios = []
        for _ in range(chosen.rounds):
            copied = synced_copy(path, str(folder / "copy"))
            taken = rotate(chosen.worker, path, epochs)
            ratios.append(copied / taken)
            print(f"{size / 2**20:,.0f} MiB: copied in {copied:.2f} s, rotated in {taken:.2f} s "
                  f"({size / taken / 2**20:.0f} MiB/s)")
        print(f"rotation at {statistics.median(ratios):.2f} of a copy's speed (bar 0.60)")
        kept = []
        for _ in range(chosen.rounds):
            quiet = load(chosen.worker, path, epochs, rows, chosen.seconds, False)
            busy = load(chosen.worker, path, epochs, rows, chosen.seconds, True)
            kept.append((busy[0] / quiet[0], busy[1] / quiet[1]))
            print(f"3 readers and 3 writers: {quiet[0]:,.0f} reads/s and {quiet[1]:,.0f} commits/s; "
                  f"beside {busy[2]} rotations {busy[0]:,.0f} and {busy[1]:,.0f}")
        print(f"kept beside a rotation: readers {statistics.median(k[0] for k in kept):.2f}, "
              f"writers {statistics.median(k[1] for k in kept):.2f} (bar 0.70)")
        if chosen.kills:
            kills(chosen.worker, path, epochs, rows, chosen.kills, chosen.seed)
        if chosen.peers:
            for name in PEERS:
                with tempfile.TemporaryDirectory() as peers:
                    peer(name, pathlib.Path(peers), rows, size)


if __name__ == "__main__":
    main()
