#!/usr/bin/env python3
"""What text search costs in a large vault.

    .build-venv/bin/python3 scripts/bench/search/text.py [--chunks 200000] [--rounds 15] [--mode text] [--keep DIR]

Makes a vault with documents of ten sections each, half of them Chinese, from words that are as unevenly
frequent as those of a language; then asks queries of several kinds, each in a process of its own, in turn.
Prints medians in milliseconds: of one that only opens the vault, and what the others take above that, with text
alone and in the default mode. With --keep the vault stays in DIR, and is used again when it is there.
"""
import argparse
import itertools
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[3]
SECTIONS = 10


class Words:
    """Draws the n-th word of a language with a probability of about 1/n."""

    def __init__(self, words, source):
        self.words, self.source = words, source
        sums = numpy.cumsum(1 / numpy.arange(2, len(words) + 2))
        self.shares = sums / sums[-1]
        self.drawn = iter(())

    def draw(self, count):
        found = list(itertools.islice(self.drawn, count))
        if len(found) < count:
            places = self.shares.searchsorted(self.source.random(1_000_000))
            self.drawn = iter([self.words[place] for place in places.tolist()])
            found += itertools.islice(self.drawn, count - len(found))
        return found


def vocabulary(source):
    letters = "abcdefghijklmnopqrstuvwxyz"
    english = ["".join(source.choices(letters, k=source.randint(3, 9))) for _ in range(20_000)]
    signs = [chr(source.randint(0x4E00, 0x8FFF)) for _ in range(2_500)]
    chinese = ["".join(source.choices(signs, k=source.choice((1, 2, 2, 2, 3)))) for _ in range(20_000)]
    return english, chinese


def write(folder, documents, english, chinese):
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
    parser.add_argument("--mode", action="append", choices=("text", "hybrid"))
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
        numbers = numpy.random.default_rng(1)
        write(texts, options.chunks // SECTIONS, Words(english, numbers), Words(chinese, numbers))
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
    modes = options.mode or ["text", "hybrid"]
    times = {(name, mode): [] for name in queries for mode in modes}
    opening = []
    for _ in range(options.rounds):
        opening.append(run("kb", "list", "--limit", "1")[0])
        for name, mode in times:
            times[name, mode].append(run("kb", "search", queries[name], "--mode", mode)[0])
    base = statistics.median(opening)
    print(f"opening the vault: {base * 1000:.1f} ms; above that:")
    print(f"{'':22}" + "".join(f"{mode:>10}" for mode in modes))
    for name in queries:
        above = [(statistics.median(times[name, mode]) - base) * 1000 for mode in modes]
        print(f"{name:22}" + "".join(f"{milliseconds:10.1f}" for milliseconds in above))


if __name__ == "__main__":
    main()
