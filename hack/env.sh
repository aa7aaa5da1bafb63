# What the scripts share. Source me from the top of the checkout.

started=$SECONDS

# say prints what is done, with the seconds since the start.
say() { printf '[%4ds] %s\n' "$((SECONDS - started))" "$*"; }

die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# use_cluster takes the cluster of KUBECONFIG, or else starts the local one. The
# local one gets the image of this checkout.
use_cluster() {
  if [ -n "${KUBECONFIG:-}" ]; then
    [ -n "${IMAGE:-}" ] || die "KUBECONFIG is set, so the operator goes to your own cluster: say which image of it the cluster can pull, IMAGE=registry/operator:tag"
    command -v kubectl >/dev/null || die "kubectl is not in PATH"
    say "cluster: $(kubectl config current-context)"
  else
    say "no KUBECONFIG: the local cluster"
    make cluster
    KUBECONFIG=$(go -C test/cluster run . path kubeconfig)
    PATH=$(go -C test/cluster run . path bin):$PATH
    export KUBECONFIG PATH
    say "building the operator"
    make image
    go -C test/cluster run . load "$PWD/bin/operator.tar"
    IMAGE=$(cat bin/operator.image)
  fi
  export IMAGE
}

# with_images puts the images of this run into manifests that name the released
# ones, from standard input to standard output.
with_images() {
  sed -e "s|ghcr.io/stanzaflow/operator:v0.1.0|$IMAGE|" \
    -e "s|stanzaflow.local/postgres:17-pgbackrest-2.55|${POSTGRES_IMAGE:-stanzaflow.local/postgres:17-pgbackrest-2.55}|" \
    -e "s|stanzaflow.local/versitygw:v1.8.0|${OBJECT_STORE_IMAGE:-stanzaflow.local/versitygw:v1.8.0}|"
}

apply() { # kustomization
  kubectl kustomize "$1" | with_images | kubectl apply --server-side --force-conflicts -f - >/dev/null
}

# install_operator installs CRDs and operator and waits until it is ready.
install_operator() {
  kubectl get crd cronworkflows.argoproj.io >/dev/null 2>&1 ||
    die "the cluster has no Argo Workflows (CRD cronworkflows.argoproj.io): install it first"
  say "installing the operator, $IMAGE"
  kubectl kustomize deploy/crds | kubectl apply --server-side --force-conflicts -f - >/dev/null
  kubectl wait --for=condition=Established --timeout=60s \
    crd/postgresqls.cpo.opensource.cybertec.at crd/stanzas.stanzaflow.dev >/dev/null
  apply deploy/overlays/standalone
  kubectl -n stanzaflow-system rollout status deployment/stanzaflow --timeout=120s >/dev/null || {
    kubectl -n stanzaflow-system get pods >&2
    die "the operator does not become ready: kubectl -n stanzaflow-system logs deployment/stanzaflow"
  }
}

# use_faults builds the program that breaks the local cluster, for the tests.
use_faults() {
  go -C test/cluster build -o "$PWD/bin/cluster" .
  export CLUSTER=$PWD/bin/cluster
}
