/** Selectors of PromQL (`http_requests_total{job="api", code=~"5.."}`), read as Prometheus reads them. */
import { z } from "zod";
import { labelName, re2Fault } from "./formats.ts";

/** `inf` and `nan` are numbers, and words that stand between operands are no names (promql/parser/lex.go; generated_parser.y, `metric_identifier`). */
const words = ["inf", "nan", "on", "ignoring", "group_left", "group_right", "bool", "atan2"];
const anyCase = (word: string) => word.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
const metricName = `(?!(?:${words.map(anyCase).join("|")})\\s*(?:\\{|$))[a-zA-Z_:][a-zA-Z0-9_:]*`;
/** Go's escapes, as far as anybody needs them: another one is refused (promql/parser/lex.go, `lexEscape`). */
const quoted = /"(?:[^"\\\n]|\\[\\"nt])*"/.source;
const matcher = `\\s*(?!__name__)${labelName}\\s*(?:=~|!~|!=|=)\\s*${quoted}\\s*`;
const form = new RegExp(`^${metricName}\\s*(?:\\{(?:${matcher}(?:,${matcher})*,?)?\\s*\\})?$`);

/** Series of one metric, by name and labels; no range, no offset, no function. */
export const selector = z
  .string()
  .regex(form, {
    error: 'must be the name of a metric with its labels, such as http_requests_total{job="api", code=~"5.."}',
    abort: true,
  })
  .superRefine((text, context) => {
    for (const [, operator = "", value = ""] of text.matchAll(new RegExp(`(=~|!~|!=|=)\\s*(${quoted})`, "g"))) {
      if (!operator.endsWith("~")) continue;
      const unescaped = value
        .slice(1, -1)
        .replaceAll(/\\(.)/gs, (_, letter: string) => ({ n: "\n", t: "\t" })[letter] ?? letter);
      const fault = re2Fault(unescaped);
      if (fault !== undefined) context.addIssue(`has a regular expression that Prometheus refuses (${fault})`);
    }
  });
