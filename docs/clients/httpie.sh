#!/usr/bin/env bash
# httpie.sh URL
set -uo pipefail
head=$(http --ignore-stdin --headers GET "$1" | tr -d '\r')
reason=$(sed -n 's/^EB-REASON-PHRASE: //Ip' <<<"$head")
sed -En 's/^HTTP\/[0-9.]+ ([0-9]+) ?(.*)$/status: \1\nphrase: \2/p' <<<"$head"
echo "reason: $reason"
