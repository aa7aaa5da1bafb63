#!/bin/bash
# Writes what a person installs of VERSION into dist/, or DIST. The same commit gives
# the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh

image=ghcr.io/stanzaflow/operator
out=${DIST:-dist}
# The folder is emptied first.
[ ! -e "$out" ] || [ -f "$out/SHA256SUMS" ] || die "$out exists, and an earlier make dist did not write it: remove it, or set DIST to another folder"
[[ ${VERSION:?} =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || die "VERSION '$VERSION' cannot be the tag of an image"

# kustomization renders a folder with the image of this version.
kustomization() { # folder
  mkdir -p "$work/kustomization"
  cat >"$work/kustomization/kustomization.yaml" <<YAML
resources: [../../../$1]
images: [{name: $image, newTag: $VERSION}]
YAML
  go tool -modfile=hack/tools/kustomize.mod kustomize build "$work/kustomization"
}

# notes prints what changed: the fragments, or the section of the changelog that they
# have become.
notes() {
  printf '# Stanzaflow %s\n\nImage: `%s:%s@%s`\n' "$VERSION" "$image" "$VERSION" "$(digest)"
  if compgen -G 'docs/changes/*.md' >/dev/null; then
    local kind
    for kind in breaking added changed deprecated removed fixed security; do
      grep -lx "kind: $kind" docs/changes/*.md | LC_ALL=C sort | xargs -r awk -v kind="$kind" '
        NR == 1  {printf "\n## %s%s\n\n", toupper(substr(kind, 1, 1)), substr(kind, 2)}
        FNR <= 3 {next}
        NF       {print (FNR == 4 ? "- " : "  ") $0}' || true
    done
  else
    awk -v version="${VERSION#v}" '
      /^## /  {found = index($2, version) > 0; next}
      found   {sub(/^###/, "##"); print; n++}
      END     {exit n == 0}' CHANGELOG.md || die "there are neither fragments in docs/changes nor a section $VERSION in CHANGELOG.md"
  fi
}

digest() { tar -xOf "$work/dist/operator.tar" index.json | grep -o 'sha256:[0-9a-f]*' | head -n 1; }

mkdir -p bin
work=$(mktemp -d -p bin dist-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/dist"

binaries=()
for arch in amd64 arm64; do
  say "building the operator for linux/$arch"
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o "$work/operator-$arch" ./cmd/operator
  binaries+=(--binary "$PWD/$work/operator-$arch")
  cp "$work/operator-$arch" "$work/dist/kubectl-stanzaflow-linux-$arch"
done
say "building the image $image:$VERSION"
go -C test/cluster run . image --name "$image:$VERSION" "${binaries[@]}" --out "$PWD/$work/dist/operator.tar"

say "rendering the manifests"
kustomization deploy/overlays/standalone >"$work/dist/install.yaml"
kustomization workflows >"$work/dist/workflows.yaml"
kustomization deploy/overlays/alongside >"$work/dist/install-alongside.yaml"
kustomization deploy/overlays/alongside-workflows >"$work/dist/workflows-alongside.yaml"
{
  cat deploy/monitoring/servicemonitor.yaml
  echo ---
  cat deploy/monitoring/prometheusrule.yaml
} >"$work/dist/monitoring.yaml"
cp deploy/monitoring/rules.yaml "$work/dist/rules.yaml"
go tool -modfile=hack/tools/kustomize.mod kustomize build deploy/monitoring/dashboards >"$work/dist/dashboards.yaml"
kustomization deploy/release >"$work/dist/release-alongside.yaml"
hack/chart.sh "$work/dist"
notes >"$work/dist/NOTES.md"
(cd "$work/dist" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)

chmod -R u=rwX,go=rX "$work/dist"
rm -rf "$out"
mv "$work/dist" "$out"
say "$out has $VERSION"
(cd "$out" && ls -sh1)
