{{/*
The chart has no manifests of its own. It reads those of deploy and workflows, which
files/ links to, and changes what the values say. So kustomize and Helm cannot
produce different objects.
*/}}

{{/*
Returns the objects of a kustomization, as {objects: […]}, with its labels. The
labels of a component are those of the kustomization that uses it.
*/}}
{{- define "stanzaflow.objects" -}}
{{- $root := .root -}}
{{- $folder := .folder -}}
{{- $kustomization := $root.Files.Get (printf "%s/kustomization.yaml" $folder) | fromYaml -}}
{{- $user := $root.Files.Get (printf "%s/kustomization.yaml" (get . "user" | default $folder)) | fromYaml -}}
{{- $labels := dict -}}
{{- range get $user "labels" | default list }}{{ $labels = merge $labels .pairs }}{{ end -}}
{{- $objects := list -}}
{{- range $file := $kustomization.resources -}}
  {{- range $document := regexSplit "(?m)^---$" ($root.Files.Get (printf "%s/%s" $folder $file)) -1 -}}
    {{- $object := fromYaml $document -}}
    {{- if hasKey $object "Error" }}{{ fail (printf "%s: %s" $file $object.Error) }}{{ end -}}
    {{- if $object -}}
      {{- $own := deepCopy (get $object.metadata "labels" | default dict) -}}
      {{- $_ := merge $own $labels $root.Values.labels -}}
      {{- if $own }}{{ $_ := set $object.metadata "labels" $own }}{{ end -}}
      {{- $annotations := merge (deepCopy (get $object.metadata "annotations" | default dict)) $root.Values.annotations -}}
      {{- if $annotations }}{{ $_ := set $object.metadata "annotations" $annotations }}{{ end -}}
      {{- $objects = append $objects $object -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "objects" $objects) -}}
{{- end -}}

{{- define "stanzaflow.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end -}}

{{/* Sets the image of a container from the values. */}}
{{- define "stanzaflow.container" -}}
{{- $_ := set .container "image" (include "stanzaflow.image" .root) -}}
{{- $_ := set .container "imagePullPolicy" .root.Values.image.pullPolicy -}}
{{- end -}}

{{/* Changes the pod of the operator: that of its Deployment, or of a Job. */}}
{{- define "stanzaflow.pod" -}}
{{- $values := .root.Values -}}
{{- $template := .object.spec.template -}}
{{- $_ := merge $template.metadata (dict "labels" $values.labels) -}}
{{- with $values.annotations }}{{ $_ := set $template.metadata "annotations" . }}{{ end -}}
{{- $container := first $template.spec.containers -}}
{{- include "stanzaflow.container" (dict "root" .root "container" $container) -}}
{{- $_ := set $container "resources" $values.resources -}}
{{- if and (eq .object.kind "Deployment") (ne $values.mode "standalone") -}}
  {{- $_ := set $container "args" (append $container.args (printf "--mode=%s" $values.mode)) -}}
{{- end -}}
{{- if and (eq .object.kind "Deployment") $values.operatorConfiguration -}}
  {{- $_ := set $container "args" (append $container.args (printf "--operator-configuration=%s" $values.operatorConfiguration)) -}}
{{- end -}}
{{- if and (eq .object.kind "Deployment") $values.argocd -}}
  {{- $_ := set $container "args" (append $container.args "--argocd") -}}
{{- end -}}
{{- if and (eq .object.kind "Deployment") $values.watchInterval -}}
  {{- $_ := set $container "args" (append $container.args (printf "--watch-interval=%s" $values.watchInterval)) -}}
{{- end -}}
{{- if and (eq .object.kind "Deployment") $values.window -}}
  {{- $_ := set $container "args" (append $container.args (printf "--window=%s" $values.window)) -}}
{{- end -}}
{{- if and (eq .object.kind "Deployment") $values.startOverdue -}}
  {{- $_ := set $container "args" (append $container.args "--start-overdue") -}}
{{- end -}}
{{- with $values.namespaces -}}
  {{- $_ := set $container "args" (append $container.args (printf "--namespaces=%s" (join "," .))) -}}
{{- end -}}
{{- range $field := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "priorityClassName" -}}
  {{- with get $values $field }}{{ $_ := set $template.spec $field . }}{{ end -}}
{{- end -}}
{{- end -}}

{{/*
Fails if the definition of postgresql is CPO's. Helm itself refuses what another
release or nobody has installed, but not with --take-ownership, and not at an upgrade
after CPO has replaced the definition of this release.
*/}}
{{- define "stanzaflow.leaveDefinitionOfCPO" -}}
{{- if .cpo -}}
  {{- fail "CPO is installed in this Kubernetes cluster (it has the CRD operatorconfigurations.cpo.opensource.cybertec.at) and brings the CRD postgresqls.cpo.opensource.cybertec.at. Set mode=alongside to add proven backups to the clusters of CPO, or crds.postgresql=false to leave that CRD to CPO" -}}
{{- end -}}
{{- with .postgresql -}}
  {{- if ne (dig "metadata" "annotations" "stanzaflow.dev/mode" "" .) "standalone" -}}
    {{- fail "The CRD postgresqls.cpo.opensource.cybertec.at exists and is not Stanzaflow's: it lacks the annotation stanzaflow.dev/mode=standalone. Set mode=alongside if CPO runs here, or crds.postgresql=false to use that CRD as it is" -}}
  {{- end -}}
{{- end -}}
{{- end -}}
