# Functions that the scripts share. Source this file from the top of the checkout.

started=$SECONDS

# The field manager of everything that the scripts apply. The scripts recognise their
# own objects by it, and the API server keeps them away from other people's fields.
manager=stanzaflow-demo
demo=stanzaflow-demo # the namespace of examples/quickstart

# say prints progress, with the seconds since the start.
say() { printf '[%4ds] %s\n' "$((SECONDS - started))" "$*"; }

die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# is_local says whether KUBECONFIG is the local cluster's.
is_local() {
  go -C test/cluster run . is-local "$KUBECONFIG" 2>/dev/null
}

# use_cluster uses the local cluster, or that of KUBECONFIG if it is another one, and
# brings the images there. Its argument may say what the local cluster is for: demo.
use_cluster() { # [what for]
  own=''
  if [ -n "${LOAD:-}" ]; then
    [ -n "${KUBECONFIG:-}" ] || die "LOAD is for your own cluster: name it, KUBECONFIG=~/.kube/config"
    use_own
  elif [ -z "${KUBECONFIG:-}" ] || is_local; then
    use_local "$@"
  else
    use_own
  fi
  export IMAGE
}

use_local() { # [what for]
  say "the local cluster"
  make cluster ${1:+"SET=$1"}
  KUBECONFIG=$(go -C test/cluster run . path kubeconfig)
  PATH=$(go -C test/cluster run . path bin):$PATH
  export KUBECONFIG PATH
  [ -z "${IMAGE:-}" ] || return 0
  say "building the operator"
  make image
  go -C test/cluster run . load "$PWD/bin/operator.tar"
  IMAGE=$(cat bin/operator.image)
}

# use_own changes nothing that the demo did not create.
use_own() {
  own=yes
  command -v kubectl >/dev/null || die "kubectl is not in PATH"
  say "your own cluster: $(kubectl config current-context)"
  [ -n "${LOAD:-}${IMAGE:-}" ] || die "the cluster of KUBECONFIG does not have the images yet. Load them: LOAD='kind load image-archive'; or push them to a registry and name them: IMAGE, POSTGRES_IMAGE, OBJECT_STORE_IMAGE. README.md says how"
  . hack/check.sh
  check_cluster
  [ -z "${LOAD:-}" ] || load_images
}

# load_images builds the images that are not named and passes each tarball to the
# command in LOAD.
load_images() {
  local tarball tarballs=() names=()
  [ -n "${POSTGRES_IMAGE:-}" ] || names+=("$postgres_image")
  [ -n "${OBJECT_STORE_IMAGE:-}" ] || names+=("$object_store_image")
  say "building the images"
  if [ -z "${IMAGE:-}" ]; then
    make image
    IMAGE=$(cat bin/operator.image)
    tarballs+=("$PWD/bin/operator.tar")
  fi
  if [ ${#names[@]} -gt 0 ]; then
    tarball=$(go -C test/cluster run . tarball "${names[@]}") || die "cannot build the images"
    while read -r tarball; do tarballs+=("$tarball"); done <<<"$tarball"
  fi
  for tarball in "${tarballs[@]}"; do
    say "$LOAD $tarball"
    bash -c "$LOAD \"\$1\"" load "$tarball" || die "LOAD did not load the image: $LOAD $tarball"
  done
}

# The images that the manifests name.
operator_image=ghcr.io/stanzaflow/operator:v0.1.0
postgres_image=stanzaflow.local/postgres:17-pgbackrest-2.55
object_store_image=stanzaflow.local/versitygw:v1.8.0

# render prints a kustomization with the images of this run.
render() { # kustomization
  kubectl kustomize "$1" | with_images
}

# with_images puts the images of this run into manifests, from standard input to
# standard output.
with_images() {
  sed -e "s|$operator_image|${IMAGE:-$operator_image}|" \
    -e "s|$postgres_image|${POSTGRES_IMAGE:-$postgres_image}|" \
    -e "s|$object_store_image|${OBJECT_STORE_IMAGE:-$object_store_image}|"
}

# apply takes over other people's fields only in the local cluster, where an earlier
# test may have left something.
apply() { # kustomization
  local out force=()
  [ -n "${own:-}" ] || force=(--force-conflicts)
  out=$(render "$1" | kubectl apply --server-side --field-manager="$manager" "${force[@]}" -f - 2>&1) ||
    die "cannot apply $1: $(grep -v serverside-applied <<<"$out")"
}

# install_operator installs CRDs and operator and waits until it is ready.
install_operator() {
  kubectl get crd cronworkflows.argoproj.io >/dev/null ||
    die "the cluster has no Argo Workflows (CRD cronworkflows.argoproj.io): install it first"
  say "installing the operator, $IMAGE"
  apply deploy/crds
  kubectl wait --for=condition=Established --timeout=60s \
    crd/postgresqls.cpo.opensource.cybertec.at crd/stanzas.stanzaflow.dev >/dev/null
  apply deploy/overlays/standalone
  kubectl -n stanzaflow-system rollout status deployment/stanzaflow --timeout=120s >/dev/null || {
    kubectl -n stanzaflow-system get pods >&2
    die "the operator does not become ready: kubectl -n stanzaflow-system logs deployment/stanzaflow"
  }
}

# remove_demo deletes the demo's namespace and does not wait until it is gone.
remove_demo() {
  kubectl delete namespace "$demo" --ignore-not-found --wait=false >/dev/null
}

# remove_leftovers begins to delete the namespaces of tests that were killed. Their
# pods may ask for all processors of the node, and then the operator of this checkout
# is never scheduled. The tests themselves wait until everything is gone.
remove_leftovers() {
  kubectl get namespaces -o name | sed -n '/^namespace\/e2e-/p' | xargs --no-run-if-empty kubectl delete --wait=false
}

# use_test_cluster brings the operator to the local cluster, never to somebody's own,
# and builds the program that breaks that cluster, for the tests.
use_test_cluster() {
  unset KUBECONFIG IMAGE LOAD
  use_cluster
  remove_leftovers
  install_operator
  go -C test/cluster build -o "$PWD/bin/cluster" .
  export CLUSTER=$PWD/bin/cluster
}
