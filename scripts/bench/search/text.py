#!/usr/bin/env python3
"""What text search costs in a large vault.

    scripts/bench/search/text.py [--program .build/release/ai-team] [--chunks 200000] [--rounds 15] [--keep DIR]

Makes a vault with documents of ten sections each, half of them Chinese, from words that are as unevenly
frequent as those of a language; then asks queries of several kinds, each in a process of its own, in turn.
Prints medians in milliseconds: of the whole process, and less one that only opens the vault. With --keep
the vault stays in DIR, and is used again when it is there.
"""
import argparse
import bisect
import itertools
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
SECTIONS = 10


class Words:
    """Draws the n-th word of a language with a probability of about 1/n."""

    def __init__(self, words, source):
        self.words, self.source = words, source
        self.sums = list(itertools.accumulate(1 / (n + 2) for n in range(len(words))))

    def draw(self, count):
        total = self.sums[-1]
        return [self.words[bisect.bisect(self.sums, self.source.random() * total)] for _ in range(count)]


def vocabulary(source):
    letters = "abcdefghijklmnopqrstuvwxyz"
    english = ["".join(source.choices(letters, k=source.randint(3, 9))) for _ in range(20_000)]
    signs = [chr(source.randint(0x4E00, 0x8FFF)) for _ in range(2_500)]
    chinese = ["".join(source.choices(signs, k=source.choice((1, 2, 2, 2, 3)))) for _ in range(20_000)]
    return english, chinese


def write(folder, documents, english, chinese, source):
    for number in range(documents):
        parts = [f"# Document {number}"]
        for section in range(SECTIONS):
            if number % 2:
                sentences = ["".join(chinese.draw(20)) + "。" for _ in range(6)]
                parts.append(f"## {''.join(chinese.draw(2))}\n\n" + "".join(sentences))
            else:
                sentences = [" ".join(english.draw(16)).capitalize() + "." for _ in range(10)]
                parts.append(f"## {' '.join(english.draw(2))}\n\n" + " ".join(sentences))
            if section == number % SECTIONS:
                parts[-1] += f" ERR_{number:06}"
        path = folder / str(number // 1000)
        path.mkdir(exist_ok=True)
        (path / f"{number}.md").write_text("\n\n".join(parts) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=ROOT / ".build/release/ai-team")
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--keep")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(options.keep or made)
        measure(options, folder)


def measure(options, folder):
    home, key = folder / "home", folder / "key"
    environment = {**os.environ, "AI_TEAM_HOME": str(home), "AI_TEAM_KEY_FILE": str(key)}

    def run(*words):
        began = time.monotonic()
        done = subprocess.run(
            [options.program, *words, "--json"], check=True, capture_output=True, text=True, env=environment)
        return time.monotonic() - began, json.loads(done.stdout)

    source = random.Random(1)
    english, chinese = vocabulary(source)
    if not home.exists():
        texts = folder / "texts"
        texts.mkdir(parents=True)
        write(texts, options.chunks // SECTIONS, Words(english, source), Words(chinese, source), source)
        run("init", "--key-file", str(key))
        seconds, _ = run("kb", "upload", str(texts))
        print(f"upload and index: {seconds:.1f} s")
    _, stats = run("stats")
    size = stats["storage"]["database_bytes"]
    print(f"{stats['documents']['chunks']} passages, database {size / 1e6:.0f} MB")
    queries = {
        "rare word": english[15_000], "frequent word": english[0], "two frequent words": " ".join(english[:2]),
        "identifier": "ERR_000123", "two characters": next(w for w in chinese[200:] if len(w) == 2),
        "frequent characters": next(w for w in chinese if len(w) == 2), "one character": chinese[0][0],
        "Chinese question": "".join(chinese[40:46]), "English question": " ".join(english[5:400:60]),
        "quoted": f'"{english[3]} {english[4]}"', "nothing": "zzzzzzzzzzzz",
    }
    times = {name: [] for name in queries}
    opening = []
    for _ in range(options.rounds):
        opening.append(run("kb", "list", "--limit", "1")[0])
        for name, query in queries.items():
            times[name].append(run("kb", "search", query)[0])
    base = statistics.median(opening)
    print(f"{'opens the vault':22} {base * 1000:7.1f}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:22} {median * 1000:7.1f} {(median - base) * 1000:7.1f}")


if __name__ == "__main__":
    main()
