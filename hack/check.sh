# Checks somebody's own cluster before the demo writes there. hack/env.sh sources
# this file. Everything here only reads, or asks for a dry run.

# check_cluster ends with an error if the demo could do harm.
check_cluster() {
  say "looking for what the demo must leave alone"
  check_server
  check_argo
  check_storage
  check_cpo
  check_operators
  check_objects
  check_namespace
}

# ask runs kubectl and refuses if there is no answer.
ask() {
  kubectl --request-timeout=20s "$@" || refuse "the cluster does not answer: kubectl $*"
}

refuse() { die "$*. Nothing has been changed in the cluster"; }

check_server() {
  local resource served
  served=$(ask get --raw /apis/admissionregistration.k8s.io/v1)
  [[ $served == *'"validatingadmissionpolicies"'* ]] || refuse "the cluster has no ValidatingAdmissionPolicy: Stanzaflow needs Kubernetes 1.30 or later"
  for resource in namespaces customresourcedefinitions clusterroles clusterrolebindings validatingadmissionpolicies; do
    kubectl auth can-i create "$resource" >/dev/null 2>&1 ||
      refuse "you may not create $resource (kubectl auth can-i create $resource): the demo needs the rights of cluster-admin"
  done
}

check_argo() {
  local crd found
  for crd in workflows workflowtemplates cronworkflows workflowtaskresults; do
    found=$(ask get crd "$crd.argoproj.io" --ignore-not-found -o name)
    [ -n "$found" ] || refuse "the cluster has no Argo Workflows (CRD $crd.argoproj.io): install it first, https://argo-workflows.readthedocs.io/en/latest/quick-start"
  done
}

check_storage() {
  local found
  found=$(ask get storageclass -o 'jsonpath={range .items[*]}{.metadata.annotations.storageclass\.kubernetes\.io/is-default-class}{"\n"}{end}')
  grep -qx true <<<"$found" || refuse "the cluster has no default StorageClass, so the volumes of the demo would stay pending: annotate one with storageclass.kubernetes.io/is-default-class=true"
}

check_cpo() {
  local crd=postgresqls.cpo.opensource.cybertec.at found
  found=$(ask get crd operatorconfigurations.cpo.opensource.cybertec.at --ignore-not-found -o name)
  [ -z "$found" ] || refuse "CPO is installed (CRD operatorconfigurations.cpo.opensource.cybertec.at), and the demo would overwrite its CRD $crd: use a cluster without CPO"
  found=$(ask get crd "$crd" --ignore-not-found -o go-template="$owners")
  ours "$found" || refuse "CRD $crd exists and is not from the demo (${found#* }), which would overwrite it: use a cluster without it. Do not delete it: that would delete every postgresql"
}

# check_operators looks for an operator that would manage the same clusters.
check_operators() {
  local found
  found=$(ask get deployment -A -l app.kubernetes.io/name=stanzaflow \
    -o 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}')
  found=$(grep -vx -e '' -e stanzaflow-system/stanzaflow <<<"$found" | paste -sd ' ') || true
  [ -z "$found" ] || refuse "another Stanzaflow is installed, Deployment $found, and its operator and the demo's would manage the same clusters: use another cluster"
}

# owners is a template that prints a line for each object: its kind, its name and
# what manages it.
owners='{{define "object"}}{{.kind}}/{{.metadata.name}} {{if .metadata.labels}}{{with index .metadata.labels "app.kubernetes.io/managed-by"}}managed by {{.}}, {{end}}{{end}}field managers:{{range .metadata.managedFields}} {{.manager}}{{end}}{{"\n"}}{{end}}{{if eq .kind "List"}}{{range .items}}{{template "object" .}}{{end}}{{else}}{{template "object" .}}{{end}}'

# ours says whether a line of owners is empty or shows an object that the demo made.
ours() { # line
  case "$1 " in ' ' | *" $manager "*) ;; *) return 1 ;; esac
}

# check_objects compares what install_operator applies with what is there.
check_objects() {
  local there line others=''
  manifests=$(mktemp -d)
  trap 'rm -rf "$manifests"' EXIT
  kubectl kustomize deploy/overlays/standalone -o "$manifests"
  there=$(ask get -f "$manifests" --ignore-not-found -o go-template="$owners")
  [ -n "$there" ] || return 0
  while read -r line; do
    ours "$line" || others+="  $line"$'\n'
  done <<<"$there"
  [ -z "$others" ] || refuse "these objects exist and are not from the demo, which would change them:
${others}Use another cluster, or remove them if nobody needs them"
  check_fields "$manifests"
}

# check_namespace looks at the namespace of an earlier demo.
check_namespace() {
  local found
  found=$(ask get namespace "$demo" --ignore-not-found -o 'jsonpath={.metadata.name} {.metadata.labels.stanzaflow\.dev/demo} {.status.phase}')
  case $found in
  '' | "$demo true Terminating") ;;
  "$demo true "*)
    rm -f "$manifests"/*
    kubectl kustomize examples/quickstart -o "$manifests"
    check_fields "$manifests"
    ;;
  *) refuse "namespace $demo exists and is not from the demo, because it lacks the label stanzaflow.dev/demo=true: rename or delete it" ;;
  esac
}

# check_fields refuses if somebody else has set a field that the demo sets. It first
# asks for all objects at once, then one by one, because the answer does not name the
# object.
check_fields() { # directory of manifests
  local file answer conflicts='' dry=(kubectl apply --server-side --dry-run=server --field-manager="$manager" -f)
  "${dry[@]}" "$1" >/dev/null 2>&1 && return 0
  for file in "$1"/*; do
    answer=$("${dry[@]}" "$file" 2>&1) && continue
    case $answer in
    *'Apply failed with '*' conflict'*) conflicts+="  $(basename "$file" .yaml): $(sed -n -e '/^Please review/q' -e 's/^error: //' -e p <<<"$answer" | paste -sd ' ')"$'\n' ;;
    *'namespaces "stanzaflow-system" not found'* | *'no matches for kind "postgresql"'*) ;; # The demo creates these first.
    *) refuse "the demo cannot be installed: $answer" ;;
    esac
  done
  [ -z "$conflicts" ] || refuse "somebody else has changed what an earlier demo made:
${conflicts}Set these fields back, or delete the object, and try again"
}
