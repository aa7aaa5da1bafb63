#!/bin/sh
# Makes sure, with kubectl alone, that a database can be restored to the moment before a
# deploy. Exit code 0 means that it can. With any other, do not deploy.
#   predeploy.sh NAMESPACE CLUSTER [MAX-AGE [RESTORE-POINT]]
# Rights: workflows/components/submitter.
set -eu

namespace=$1 cluster=$2 max_age=${3:-15m} restore_point=${4:-predeploy}

fail() {
  printf 'DO NOT DEPLOY: %s\n' "$*" >&2
  exit 1
}

run=$(
  kubectl create --namespace "$namespace" --output name --filename - <<YAML
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: pgbackrest-predeploy-
spec:
  workflowTemplateRef: {name: pgbackrest-backup}
  entrypoint: predeploy
  priority: 30
  arguments:
    parameters:
      - {name: cluster, value: "$cluster"}
      - {name: repo, value: repo1}
      - {name: type, value: incr}
      - {name: max-age, value: "$max_age"}
      - {name: restore-point, value: "$restore_point"}
YAML
) || fail "the run could not be started"
echo "started $run"

# The run ends by itself after 470 minutes at the latest, whatever happens to it.
kubectl wait --namespace "$namespace" --for=condition=Completed --timeout=8h "$run" >/dev/null ||
  fail "$run has not ended, or nobody knows"

read_run() { kubectl get --namespace "$namespace" "$run" --output "jsonpath=$1"; }
phase=$(read_run '{.status.phase}') || fail "$run cannot be read"
point=$(read_run '{.status.outputs.parameters[?(@.name=="restore-point")].value}') || fail "$run cannot be read"
report=$(read_run '{.status.outputs.parameters[?(@.name=="report")].value}') || fail "$run cannot be read"

# The phase alone proves nothing: Argo calls some runs Succeeded that did nothing.
[ "$phase" = Succeeded ] && [ -n "$point" ] || fail "$run is $phase: $report"
echo "the database can be restored to $point:"
read_run '{.status.outputs.parameters[?(@.name=="restore")].value}'
echo
