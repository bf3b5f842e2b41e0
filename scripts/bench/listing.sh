#!/bin/bash
# Times commands as whole processes over 10,000 tasks, the key agent running.
#   scripts/bench/listing.sh [PROGRAM]     default: .build/release/ai-team
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "${1:-.build/release/ai-team}")
work=$(mktemp -d)
export AI_TEAM_HOME=$work/home
trap '"$program" lock > /dev/null 2>&1 || true; rm -rf "$work"' EXIT
"$program" init --key-file "$work/key" > /dev/null
python3 - > "$work/tasks.jsonl" <<'PYTHON'
import json
for i in range(10_000):
    print(json.dumps({"title": f"實現用戶認證 task number {i}", "description": "word " * 20,
                      "priority": ["low", "medium", "high", "critical"][i % 4]}, ensure_ascii=False))
PYTHON
"$program" --key-file "$work/key" tasks import "$work/tasks.jsonl" > /dev/null
"$program" --key-file "$work/key" unlock --for 5m > /dev/null
python3 - "$program" <<'PYTHON'
import resource, statistics, subprocess, sys, time
for words in (["--version"], ["list-tasks"], ["list-tasks", "--json", "--limit", "0"], ["tasks", "search", "認證"]):
    times = []
    for _ in range(15):
        start = time.perf_counter()
        subprocess.run([sys.argv[1], *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - start) * 1000)
    print(f"{' '.join(words)}: median {statistics.median(times):.1f} ms, least {min(times):.1f} ms")
print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")
PYTHON
