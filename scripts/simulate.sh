#!/bin/bash
# Runs seeds of the simulation of sync: devices, faults, copies and an adversary, each run out of one number.
#   scripts/simulate.sh 20000            seeds 0 to 19999
#   scripts/simulate.sh 1000 50000       1,000 seeds from 50000
#   scripts/simulate.sh --seed 62        one seed twice, with its options; --trace prints all that happens
#   scripts/simulate.sh --exhaustive 4    everything that two devices can do in four writes and rounds
# What a seed has found stands in Tests/Simulation/regressions.txt and runs with every test.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build -c release --product test-simulator >&2
program="$(swift build -c release --show-bin-path)/test-simulator"
if [ "${1:-}" = --seed ]; then
    exec "$program" "${2:?which seed}" "${@:3}"
fi
if [ "${1:-}" = --exhaustive ]; then
    exec "$program" --exhaustive "${2:-4}"
fi
exec "$program" "${2:-0}" "${1:?how many seeds}"
