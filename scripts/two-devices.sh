#!/bin/bash
# Two devices of one vault, over an S3 server on loopback that checks signatures: the second is invited, a document
# that both change is merged, a task is claimed by one of them alone, and in the end both have the same state.
# AI_TEAM_PROGRAM=/path/to/ai-team uses that program instead of building one. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

demonstration "both devices have the same state"

# on DEVICE WORDS…   runs a command on one of the two
on() { AI_TEAM_KEY_FILE=$work/$1.key "$AI_TEAM_PROGRAM" --home "$work/$1" "${@:2}"; }
# run DEVICE WORDS…  shows the command first
run() { printf '\n%s$ ai-team %s\n' "$1" "${*:2}"; on "$@"; }

say "A bucket: an S3 server on loopback stands for Cloudflare R2"
[ -e .build-venv/bin/moto_server ] || python_environment boto3 'moto[s3,iam,server]==5.2.5'
loopback_bucket moto_server.py team

say "A vault on a laptop"
on laptop init --key-file "$work/laptop.key" --name laptop > /dev/null
run laptop create-task "寫登入頁面" --priority high
printf 'one\ntwo\nthree\n' > "$work/plan.md"
run laptop kb upload "$work/plan.md"
run laptop sync remote set "$remote"

say "A server is invited, and let in"
printf '\nlaptop$ ai-team device invite --role writer --auto-approve\n'
token=$(on laptop device invite --role writer --auto-approve --json | field token)
printf '%s…\n' "${token:0:24}"
printf '\nserver$ ai-team device join TOKEN --name server --no-wait\n'
printf '%s' "$token" | on server device join - --name server --no-wait --key-file "$work/server.key" --remote "$remote"
run laptop sync both
printf '\nserver$ ai-team device join TOKEN --name server\n'
printf '%s' "$token" | on server device join - --name server --key-file "$work/server.key" --remote "$remote"
run server sync remote set "$remote"
run server list-tasks
run laptop device list

say "One task, two devices: one of them gets it"
run laptop --mode cloud tasks claim --agent frontend-dev
printf '\nserver$ ai-team --mode cloud tasks claim --agent frontend-dev\n'
if on server --mode cloud tasks claim --agent frontend-dev; then fail "both devices got the task"; fi

say "Both change a document, and its lines are merged"
id=$(on laptop kb list --json | field id)
printf 'ONE\ntwo\nthree\n' > "$work/plan.md"
run laptop kb upload "$work/plan.md"
printf 'one\ntwo\nTHREE\n' > "$work/plan.md"
run server kb upload "$work/plan.md"
run laptop sync both
run server sync both
run server sync conflicts
conflict=$(on server sync conflicts --json | field id)
run server sync conflicts "$conflict"
run server sync resolve "$conflict" --take merged
run server sync both
run laptop sync both
run laptop kb get "$id"
[ "$(on laptop kb get "$id")" = "$(printf 'ONE\ntwo\nTHREE')" ] || fail "the lines did not merge"

say "Everything in the bucket is checked, and both come to one state"
run laptop sync verify
run server sync verify
roots=$(for device in laptop server; do on $device sync verify --json | field state_root; done | sort -u | wc -l)
[ "$roots" = 1 ] || fail "the state roots differ"
run server sync status --fingerprint
