#!/usr/bin/env python3
"""Prints the peak memory of backups of a million small files.

    scripts/bench/backup/memory.py WORK [--files 1000000] [--program .build/release/ai-team]

WORK is a directory that does not exist, with room for 4 KiB and an inode a file, twice. Every file has 10,000 bytes: its
number, and a hole. One more is a hole of 10 GB. Nothing is the same twice, so that every file is a chunk of its own.
"""
import argparse
import json
import os
import shutil
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def build(directory, count):
    for number in range(count):
        if number % 500 == 0:
            folder = f"{directory}/{number // 50_000}/{number // 500}"
            os.makedirs(folder)
        with open(f"{folder}/a file with a name of usual length {number}.txt", "wb") as file:
            file.write(number.to_bytes(8, "big"))
            file.truncate(10_000)
    with open(directory + "/hole", "wb") as file:
        file.truncate(10_000_000_000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--program", default=ROOT + "/.build/release/ai-team")
    given = parser.parse_args()
    work = os.path.abspath(given.work)
    os.makedirs(work)
    environment = {**os.environ, "AI_TEAM_HOME": work + "/home", "AI_TEAM_KEY_FILE": work + "/key"}
    source = work + "/source"

    def run(name, *words):
        start = time.perf_counter()
        process = subprocess.Popen([given.program, *words], env=environment, stdout=subprocess.PIPE)
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{name}: exit {process.returncode}")
        print(f"{name}: {time.perf_counter() - start:.1f} s, {usage.ru_maxrss / 1024:.0f} MiB", flush=True)
        return text

    run("init", "init", "--key-file", work + "/key")
    build(source, given.files)
    time.sleep(3)
    run("first backup", "backup", "create", source)
    run("unchanged backup", "backup", "create", source)
    for number in range(0, given.files, max(1, given.files // 100)):
        with open(f"{source}/{number // 50_000}/{number // 500}/a file with a name of usual length {number}.txt", "r+b") as file:
            file.seek(100)
            file.write(b"changed")
    made = json.loads(run("backup of 100 changes", "backup", "create", source, "--json"))
    print(f"added: {made['bytes_added']} bytes")
    run("verify", "backup", "verify", made["backup_id"], "--data")
    run("restore", "backup", "restore", made["backup_id"], "--target", work + "/restored")
    restored = work + "/restored/files" + source
    count = sum(len(names) for _, _, names in os.walk(restored))
    blocks = os.stat(restored + "/hole").st_blocks * 512
    print(f"restored: {count} files, the hole takes {blocks} bytes")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
