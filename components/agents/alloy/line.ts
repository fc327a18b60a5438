/** What Alloy makes of a line (components/agents/lines.ts), as a template of its `stage.template`: Go's text/template with the functions of sprig 3. */
import { droppedFields, textField } from "../lines.ts";
import { expressions, isRedacted, mask, type Redaction } from "../redaction.ts";

const text = (value: string) => JSON.stringify(value);

/** A value of JSON with what `redact` names replaced. A number that holds a secret becomes a text. */
function redactedValue(redaction: Redaction): string {
  const replaced = expressions(redaction).map(
    (expression) => `{{ $t = regexReplaceAllLiteral ${text(expression)} $t ${text(mask)} }}`,
  );
  const hidden = redaction.fields.map((name) => text(name.toLowerCase())).join(" ");
  const value = '{{ template "value" (index $m $k) }}';
  return [
    '{{ define "value" }}',
    '{{ if kindIs "map" . }}{{ $m := . }}{{ "{" }}{{ range $i, $k := keys . | sortAlpha }}',
    "{{ if $i }},{{ end }}{{ toRawJson $k }}:",
    hidden === ""
      ? value
      : `{{ if has (lower $k) (list ${hidden}) }}{{ toRawJson ${text(mask)} }}{{ else }}${value}{{ end }}`,
    "{{ end }}}",
    '{{ else if kindIs "slice" . }}[{{ range $i, $v := . }}{{ if $i }},{{ end }}{{ template "value" $v }}{{ end }}]',
    '{{ else if kindIs "string" . }}{{ template "text" . }}',
    `{{ else }}{{ $s := toRawJson . }}{{ $t := $s }}${replaced.join("")}{{ if eq $s $t }}{{ $s }}{{ else }}{{ toRawJson $t }}{{ end }}`,
    "{{ end }}{{ end }}",
    `{{ define "text" }}{{ $t := . }}${replaced.join("")}{{ toRawJson $t }}{{ end }}`,
  ].join("");
}

/** A line of JSON is written anew only where something is taken out of it: whole numbers above 2^53 are rounded by that. */
export function lineTemplate(redaction: Redaction): string {
  const redacted = isRedacted(redaction);
  const written = (value: string) => (redacted ? `{{ template "value" (${value}) }}` : `{{ ${value} | toRawJson }}`);
  const dropped = droppedFields.map(text).join(" ");
  const has = droppedFields.map((field) => `(hasKey $o ${text(field)})`).join(" ");
  const object = written(`omit $o ${dropped}`);
  return [
    redacted ? redactedValue(redaction) : "",
    "{{ $o := fromJson .Entry }}",
    '{{ if kindIs "map" $o }}',
    redacted ? object : `{{ if or ${has} }}${object}{{ else }}{{ .Entry }}{{ end }}`,
    `{{ else }}${written(`dict ${text(textField)} .Entry`)}{{ end }}`,
  ].join("");
}
