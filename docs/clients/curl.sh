#!/usr/bin/env bash
# curl.sh URL [option of curl]...
set -euo pipefail
head=$(mktemp)
trap 'rm -f "$head"' EXIT
curl --silent --output /dev/null --dump-header "$head" --write-out 'status: %{http_code}\nreason: %header{EB-REASON-PHRASE}\n' "$@"
sed -En 's/^HTTP\/[0-9.]+ [0-9]+ ?(.*)\r$/phrase: \1/p' "$head"
