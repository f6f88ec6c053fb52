{{- define "tidegate.name" -}}
{{- if contains "tidegate" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-tidegate" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.selector" -}}
app.kubernetes.io/name: tidegate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "tidegate.labels" -}}
{{ include "tidegate.selector" . }}
app.kubernetes.io/part-of: tidegate
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "tidegate.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "tidegate.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.tokenSecret" -}}
{{- default (printf "%s-api" (include "tidegate.name" .)) .Values.api.token.existingSecret -}}
{{- end -}}

{{- /* What the doors for other autoscalers mount: the name of a folder and volume, and its Secret. */ -}}
{{- define "tidegate.doorSecrets" -}}
{{- if and .Values.keda.enabled .Values.keda.tlsSecret }}
keda-tls: {{ .Values.keda.tlsSecret | quote }}
{{- end }}
{{- if and .Values.externalMetrics.enabled .Values.externalMetrics.tlsSecret }}
metrics-tls: {{ .Values.externalMetrics.tlsSecret | quote }}
{{- end }}
{{- if and .Values.externalMetrics.enabled .Values.externalMetrics.fallback.caSecret }}
fallback-ca: {{ .Values.externalMetrics.fallback.caSecret | quote }}
{{- end }}
{{- end -}}
