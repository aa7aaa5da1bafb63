#!/usr/bin/env bash
# Runs every fuzz target for a time, one after the other, to the last one: hack/fuzz.sh 30s
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

mapfile -t targets < <(go list -f '{{.ImportPath}}' ./internal/... | while read -r package; do
  go test -list '^Fuzz' "$package" | sed -n "s|^Fuzz|$package &|p"
done)

done=0 failed=()
for target in "${targets[@]}"; do
  read -r package name <<<"$target"
  done=$((done + 1))
  echo "$done/${#targets[@]} ${package#*/stanzaflow/} $name"
  if go test -run '^$' -fuzz "^$name\$" -fuzztime "$1" -fuzzminimizetime 5x -timeout 0 "$package" 2>&1 </dev/null | tee "$log"; then
    continue
  fi
  # Up to Go 1.26 a target that ends in time sometimes counts as a failure, without
  # an input (golang/go#75804). Anything else is a real failure.
  if grep -q '^ *context deadline exceeded$' "$log" && ! grep -qE 'Failing input|panic:|_test\.go:' "$log"; then
    echo "$name reached its time limit: no input has failed"
    continue
  fi
  failed+=("${package#*/stanzaflow/} $name")
done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED: %s of %s fuzz targets; their inputs are in testdata/fuzz of each package\n' "${#failed[@]}" "${#targets[@]}" >&2
  printf '  %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "${#targets[@]} fuzz targets, $1 each: no input has failed"
