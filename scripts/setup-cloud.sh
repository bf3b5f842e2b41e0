#!/bin/bash
# usage: scripts/setup-cloud.sh --account ID --bucket NAME [--prefix ai-team] [--days 90] [--apply]
# What has to be done at Cloudflare so that a vault's backups lie in R2, and in which words: the bucket, its
# locks, a key for it, and the home's settings. Without --apply it only prints. With it, the bucket and the
# locks are made by Wrangler (npx, after `npx wrangler login`); the lock rules that the bucket had are replaced.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

account= bucket= prefix=ai-team days=90 apply=
while [ $# -gt 0 ]; do
    case $1 in
        --account) account=${2:?--account needs an id}; shift 2 ;;
        --bucket) bucket=${2:?--bucket needs a name}; shift 2 ;;
        --prefix) prefix=${2?--prefix needs a text}; shift 2 ;;
        --days) days=${2:?--days needs a number}; shift 2 ;;
        --apply) apply=yes; shift ;;
        *) sed -n '2,5s/^# //p' "$0"; exit 64 ;;
    esac
done
[[ $account =~ ^[0-9a-f]{32}$ ]] || fail "--account is the 32 hexadecimal digits that the dashboard shows"
[[ $bucket =~ ^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$ ]] || fail "--bucket needs the name of a bucket"
[[ $prefix =~ ^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$ ]] || fail "'$prefix' can't be a prefix"
[[ $days =~ ^[1-9][0-9]*$ ]] || fail "--days needs a number of days"

# rule NAME PREFIX DAYS   DAYS 0 means for ever
rule() {
    local condition='{"type": "Indefinite"}'
    if [ "$3" != 0 ]; then condition="{\"type\": \"Age\", \"maxAgeSeconds\": $(($3 * 86400))}"; fi
    printf '    {"id": "ai-team-%s", "enabled": true, "prefix": "%s%s", "condition": %s}' \
        "$1" "${prefix:+$prefix/}" "$2" "$condition"
}

# What is never replaced is locked: packs and manifests as long as the retention, the membership for ever.
# Never lock backup/v1/d/ and u/, nor sync/v1/h/, x, j/, t/ and p/: those change, or have to go.
locks() {
    printf '{\n  "rules": [\n'
    rule packs backup/v1/p/ "$days"; printf ',\n'
    rule manifests backup/v1/m/ "$days"; printf ',\n'
    rule statements backup/v1/k/ "$days"; printf ',\n'
    rule genesis sync/v1/g 0; printf ',\n'
    rule roster sync/v1/r/ 0; printf ',\n'
    rule segments sync/v1/s/ 30; printf ',\n'
    rule logs sync/v1/l/ 90; printf ',\n'
    rule checkpoints sync/v1/c/ "$days"; printf ',\n'
    rule blobs sync/v1/b/ "$days"
    printf '\n  ]\n}\n'
}

rules=$(mktemp)
trap 'rm -f "$rules"' EXIT
locks > "$rules"

say "1. The bucket"
echo "npx wrangler r2 bucket create $bucket"
if [ -n "$apply" ]; then npx wrangler r2 bucket create "$bucket"; fi

say "2. Its locks, as a file locks.json"
cat "$rules"
echo "npx wrangler r2 bucket lock set $bucket --file locks.json"
if [ -n "$apply" ]; then npx wrangler r2 bucket lock set "$bucket" --file "$rules"; fi

say "3. A key that reads and writes objects of this bucket, and can't change its locks"
cat <<TEXT
https://dash.cloudflare.com/$account/r2/api-tokens
"Create Account API token", permission "Object Read & Write", "Apply to specific buckets only": $bucket.
It shows an access key id and a secret access key, the secret once.
TEXT

say "4. The home"
cat <<TEXT
ai-team config cloud.endpoint https://$account.r2.cloudflarestorage.com
ai-team config cloud.bucket $bucket
${prefix:+ai-team config cloud.prefix $prefix
}ai-team backup cloud login --access-key-id ID
ai-team backup cloud init
ai-team backup cloud
TEXT
