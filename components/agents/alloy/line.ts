/** What Alloy makes of a line (components/agents/lines.ts), as a template of its `stage.template`: Go's text/template with the functions of sprig 3. */
import { auditFields, droppedFields, journalFields, priorities, textField } from "../lines.ts";
import { expressions, isRedacted, mask, type Redaction } from "../redaction.ts";

const text = (value: string) => JSON.stringify(value);

/** Of a text in `$t` every match of `redact`. */
const replacements = (redaction: Redaction): string =>
  expressions(redaction)
    .map((expression) => `{{ $t = regexReplaceAllLiteral ${text(expression)} $t ${text(mask)} }}`)
    .join("");

/** A value of JSON with what `redact` names replaced. A number that holds a secret becomes a text. */
function redactedValue(redaction: Redaction): string {
  const replaced = replacements(redaction);
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
    `{{ else }}{{ $s := toRawJson . }}{{ $t := $s }}${replaced}{{ if eq $s $t }}{{ $s }}{{ else }}{{ toRawJson $t }}{{ end }}`,
    "{{ end }}{{ end }}",
    `{{ define "text" }}{{ $t := . }}${replaced}{{ toRawJson $t }}{{ end }}`,
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

/**
 * A record of these fields alone, each with what `redact` names replaced where the record that was read has it: what is in a field that is named is
 * not there any more. Of a list the first counts; maps do not go along.
 *
 * @param more what is made of the fields in `$r`, and of what was read in `$o`
 */
function recordTemplate(of: typeof journalFields, redaction: Redaction, more: readonly string[]): string {
  const hidden = (key: string | number) =>
    redaction.fields.some((name) => name.toLowerCase() === String(key).toLowerCase());
  const places = of
    .filter(([, place]) => !place.slice(0, -1).some(hidden))
    .map(
      ([field, place]) =>
        `(list ${text(field)} ${String(place.slice(-1).some(hidden))} ${place.map((key) => JSON.stringify(key)).join(" ")})`,
    );
  return [
    `{{ $o := fromJson .Entry }}{{ $r := dict }}{{ range $f := list ${places.join(" ")} }}{{ $v := $o }}`,
    '{{ range $k := slice $f 2 }}{{ if kindIs "map" $v }}{{ $v = get $v $k }}{{ else if kindIs "slice" $v }}{{ $v = first $v }}',
    '{{ else }}{{ $v = "" }}{{ end }}{{ end }}{{ if kindIs "slice" $v }}{{ $v = first $v }}{{ end }}',
    '{{ if or (kindIs "map" $v) (kindIs "invalid" $v) (eq (toString $v) "") }}{{ else }}',
    '{{ $t := $v }}{{ if not (kindIs "string" $v) }}{{ $t = toRawJson $v }}{{ end }}{{ $s := $t }}',
    `{{ if index $f 1 }}{{ $t = ${text(mask)} }}{{ end }}${replacements(redaction)}`,
    "{{ if ne $s $t }}{{ $v = $t }}{{ end }}{{ $_ := set $r (first $f) $v }}{{ end }}{{ end }}",
    ...more,
    "{{ toRawJson $r }}",
  ].join("");
}

/** Of an entry of the journal. */
export const journalTemplate = (redaction: Redaction): string =>
  recordTemplate(journalFields, redaction, [
    `{{ $levels := dict ${priorities.map((level, priority) => `"${priority}" ${text(level)}`).join(" ")} }}`,
    '{{ $_ := set $r "level" (get $levels (toString (get $o "PRIORITY")) | default "info") }}',
  ]);

/** Of an event of the audit log. */
export const auditTemplate = (redaction: Redaction): string =>
  recordTemplate(auditFields, redaction, [
    '{{ $c := int (get $r "code") }}{{ $level := "info" }}{{ if ge $c 500 }}{{ $level = "error" }}{{ else if ge $c 400 }}{{ $level = "warn" }}{{ end }}',
    '{{ $_ := set $r "level" $level }}{{ $_ := set $r "message" (printf "%v %v" (get $r "verb") (get $r "uri")) }}',
  ]);
