#!/bin/bash
# From a clone to a working vault: builds ai-team, makes a vault in a temporary home, imports a list of tasks,
# shows them, carries them into a second vault and compares.
# AI_TEAM_PROGRAM=/path/to/ai-team uses that program instead of building one. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

work=$(mktemp -d)
finish() {
    local status=$?
    rm -rf "$work"
    if [ $status = 0 ]; then
        printf '\nRESULT: OK, both vaults hold the same tasks\n'
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
ai_team() { "$AI_TEAM_PROGRAM" "$@"; }

# run WORDS…   shows the command, then runs it
run() { printf '\n$ ai-team %s\n' "$*"; ai_team "$@"; }

# field NAME   reads one member of a JSON object on standard input
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

export AI_TEAM_HOME=$work/home AI_TEAM_KEY_FILE=$work/key
ai_team --version

say "A vault in a temporary home, unlocked by a key file"
run init --key-file "$AI_TEAM_KEY_FILE" --name quickstart

say "A project and its tasks"
run create-project ai-team
run tasks import scripts/sample/tasks.jsonl
run create-task "檢查發行版本" --type write_tests --priority critical
run kb upload '*.md' 'docs/**/*.md' --category guide --tag ai-team

say "What is in it"
run list-tasks
run tasks search 認證
run kb list
run stats
run status

say "Exported, imported into another vault, and the same"
ai_team tasks export > "$work/first.jsonl"
ai_team --home "$work/second" init --key-file "$work/second-key" > /dev/null
ai_team --home "$work/second" --key-file "$work/second-key" tasks import "$work/first.jsonl"
ai_team --home "$work/second" --key-file "$work/second-key" tasks export > "$work/second.jsonl"
titles() { grep -o '"title":"[^"]*"' "$1" | sort; }
[ -s "$work/first.jsonl" ] || fail "no tasks were exported"
diff <(titles "$work/first.jsonl") <(titles "$work/second.jsonl")
printf '%s tasks, all there\n' "$(wc -l < "$work/first.jsonl")"

say "Nothing readable lies on the disk"
if grep -rlaq -e "檢查發行版本" -e "Threat model for the vault" "$work/home" "$work/second"; then
    fail "a title was found in plain text"
fi
run doctor
