# What to try after the demo. hack/demo.sh sources this file. Every line with a $
# works exactly as printed: TestDemoElsewhere runs them.

next() {
  local run='kubectl create -f examples/quickstart/run.yaml -o yaml | kubectl wait --timeout=5m -f -'
  local secret="kubectl -n $demo patch secret cluster-s3-credential -p"
  local file="/etc/pgbackrest/conf.d/s3.conf; do sleep 1; done"
  local key='repo1-s3-key=quickstart\nrepo1-s3-key-secret'
  cat <<TEXT

What to try next, in this directory:
  \$ export KUBECONFIG=$(printf %q "$KUBECONFIG")
$(next_path)

Stop the schedules, which make a backup every minute:
  \$ kubectl -n $demo patch stanza cluster --type=merge -p '{"spec":{"suspend":true}}'
Make a full backup by hand:
  \$ $run --for=jsonpath='{.status.phase}'=Succeeded
Break the credential, wait until PostgreSQL's pod has it, and see the next run fail and the Stanza say why:
  \$ $secret '{"stringData":{"s3.conf":"[global]\n$key=wrong\n"}}'
  \$ kubectl -n $demo exec cluster-0 -c postgres -- bash -c 'until grep -q wrong $file'
  \$ $run --for=jsonpath='{.status.phase}'=Failed
  \$ kubectl -n $demo wait --for=jsonpath='{.status.lastRun.result}'=Failed stanza/cluster
  \$ kubectl -n $demo get stanza cluster -o wide
Repair it, and let the schedules prove the next backup:
  \$ $secret '{"stringData":{"s3.conf":"[global]\n$key=only-for-the-quickstart\n"}}'
  \$ kubectl -n $demo exec cluster-0 -c postgres -- bash -c 'while grep -q wrong $file'
  \$ kubectl -n $demo patch stanza cluster --type=merge -p '{"spec":{"suspend":false}}'
  \$ kubectl -n $demo wait --timeout=5m --for=jsonpath='{.status.lastRun.result}'=Succeeded stanza/cluster
$(next_argo)
$(next_remove)
TEXT
}

# next_argo says how to open the Argo server, if there is one.
next_argo() {
  local namespace scheme
  namespace=$(kubectl get service -A --field-selector metadata.name=argo-server -o 'jsonpath={.items[0].metadata.namespace}' 2>/dev/null) || return 0
  scheme=$(kubectl -n "$namespace" get deployment argo-server -o 'jsonpath={.spec.template.spec.containers[0].readinessProbe.httpGet.scheme}' 2>/dev/null) || scheme=
  scheme=${scheme:-HTTPS}
  cat <<TEXT
Look at the runs in Argo's own UI, ${scheme,,}://localhost:2746/workflows/$demo, until Ctrl-C:
  \$ kubectl -n $namespace port-forward service/argo-server 2746:2746
TEXT
}

# next_path is for the local cluster, which brings kubectl and argo.
next_path() {
  [ -n "${own:-}" ] || printf '  $ export PATH=%q:$PATH\n' "$(dirname "$(command -v kubectl)")"
}

next_remove() {
  if [ -n "${own:-}" ]; then
    cat <<TEXT
Remove everything. Removing the CRDs deletes every postgresql and Stanza in the cluster:
  \$ kubectl delete namespace $demo
  \$ kubectl delete -k deploy/overlays/standalone
TEXT
  else
    cat <<TEXT
Remove the demo; or stop the local cluster; or also delete its state:
  \$ kubectl delete namespace $demo
  \$ make cluster-down
  \$ make cluster-wipe
TEXT
  fi
}
