{{/* Name of everything: RELEASE-tenon, or RELEASE if that says tenon already. Pod names add -POOL-N. */}}
{{- define "tenon.name" -}}
{{- if contains "tenon" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-tenon" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "tenon.selector" -}}
app.kubernetes.io/name: tenon
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "tenon.labels" -}}
{{ include "tenon.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "tenon.secret" -}}
{{ .Values.existingSecret | default (printf "%s-secrets" (include "tenon.name" .)) }}
{{- end }}

{{- define "tenon.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "tenon.name" .) }}
{{- end }}

{{- define "tenon.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* What the names of all pods end in; /etc/hosts of a pod has its own, the headless service all of them. */}}
{{- define "tenon.domain" -}}
{{ include "tenon.name" . }}-nodes.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* The first pod of each pool; the others are found in the database. */}}
{{- define "tenon.seeds" -}}
{{- $name := include "tenon.name" . }}
{{- $domain := include "tenon.domain" . }}
{{- $seeds := list }}
{{- range $poolName, $overrides := .Values.pools }}
{{- $seeds = append $seeds (printf "%s-%s-0.%s:9002" $name $poolName $domain) }}
{{- end }}
{{- join "," $seeds }}
{{- end }}

{{/* A gateway is asked at its facade, any other node at the port it has for that. */}}
{{- define "tenon.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ if .isGateway }}facade{{ else }}health{{ end }}
  scheme: {{ if and .isGateway .tls }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{/* A number as it was written: Helm's own way would print 5242880 as 5.24288e+06. A list with commas. */}}
{{- define "tenon.settingText" -}}
{{- if kindIs "string" . }}{{ . }}{{ else if kindIs "slice" . }}{{ join "," . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end }}
