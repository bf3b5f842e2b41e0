#!/bin/bash
# Two devices of one vault, over an S3 server on loopback that checks signatures: the second is invited, a document
# that both change is merged, a task is claimed by one of them alone, and in the end both have the same state.
# AI_TEAM_PROGRAM=/path/to/ai-team uses that program instead of building one. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

work=$(mktemp -d)
finish() {
    local status=$?
    rm -rf "$work"
    if [ $status = 0 ]; then
        printf '\nRESULT: OK, both devices have the same state\n'
    else
        printf '\nRESULT: FAILED\n' >&2
    fi
}
trap finish EXIT
unset AI_TEAM_HOME AI_TEAM_KEY_FILE AI_TEAM_PASSPHRASE AI_TEAM_PASSPHRASE_FILE

if [ -z "${AI_TEAM_PROGRAM:-}" ]; then
    install_packages "${build_packages[@]}"
    say "Building ai-team (the first time takes some minutes)"
    swift build -c release --static-swift-stdlib --product ai-team
    AI_TEAM_PROGRAM=$(swift build -c release --static-swift-stdlib --show-bin-path)/ai-team
fi

# on DEVICE WORDS…   runs a command on one of the two
on() { AI_TEAM_KEY_FILE=$work/$1.key "$AI_TEAM_PROGRAM" --home "$work/$1" "${@:2}"; }
# run DEVICE WORDS…  shows the command first
run() { printf '\n%s$ ai-team %s\n' "$1" "${*:2}"; on "$@"; }
# field NAME         reads one member of a JSON object on standard input
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

say "A bucket: an S3 server on loopback stands for Cloudflare R2"
[ -e .build-venv/bin/moto_server ] || python_environment boto3 'moto[s3,iam,server]==5.2.5'
coproc bucket { exec .build-venv/bin/python Tests/ObjectStorageTests/Servers/moto_server.py; }
read -r greeting <&"${bucket[0]}"
greeting=${greeting//\": \"/\":\"}
AI_TEAM_S3_ENDPOINT=$(field endpoint <<< "$greeting") AI_TEAM_S3_ACCESS_KEY_ID=$(field key <<< "$greeting")
AI_TEAM_S3_SECRET_ACCESS_KEY=$(field secret <<< "$greeting")
export AI_TEAM_S3_ENDPOINT AI_TEAM_S3_ACCESS_KEY_ID AI_TEAM_S3_SECRET_ACCESS_KEY
remote=s3://$(field bucket <<< "$greeting")/team

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
