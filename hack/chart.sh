#!/bin/bash
# Packs deploy/chart of VERSION into a folder, as stanzaflow-<version>.tgz. It does not
# use `helm package`, which puts the times of the files into the archive: the same
# commit must give the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(realpath "$1")

# Helm wants a semantic version, and a checkout without tags has none.
version=${VERSION#v}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || version=0.0.0-g$version

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The chart has symbolic links to what it installs; copy their targets.
cp -rL deploy/chart "$work/stanzaflow"
sed -i -e "s/^version: .*/version: $version/" -e "s/^appVersion: .*/appVersion: $VERSION/" "$work/stanzaflow/Chart.yaml"
tar -C "$work" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@0 -c stanzaflow |
  gzip -n -9 >"$out/stanzaflow-$version.tgz"
