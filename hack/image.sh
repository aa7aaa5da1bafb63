#!/bin/bash
# Builds the operator's image from bin/operator, as bin/operator.tar. The tag is a
# digest of the program: a cluster that has the image keeps it, and a cluster with
# another image takes this one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=stanzaflow.local/operator:dev-$(sha256sum bin/operator | cut -c1-12)
if [ ! -f bin/operator.tar ] || [ "$(cat bin/operator.image 2>/dev/null)" != "$name" ]; then
  go -C test/cluster run . image --name "$name" --binary "$PWD/bin/operator" --out "$PWD/bin/operator.tar"
  echo "$name" >bin/operator.image
fi
