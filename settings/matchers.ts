/** Alertmanager's matchers (`namespace="demo"`, `pod=~"kbot-.*"`), read as Alertmanager reads them. */
import { z } from "zod";
import { fitsWhole, labelName, re2Fault } from "./formats.ts";

interface Matcher {
  readonly operator: string;
  readonly value: string;
}

const form = new RegExp(`^${labelName}(=~|!~|!=|=)"((?:[^"\\\\]|\\\\.)*)"$`, "s");

/** Backslashes are taken off as `labels.ParseMatcher` does it (Alertmanager 0.34): before anything else they stay. */
function read(text: string): Matcher | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, operator = "", quoted = ""] = match;
  const value = quoted.replaceAll(/\\(.)/gs, (whole, letter: string) =>
    letter === "n" ? "\n" : letter === '"' || letter === "\\" ? letter : whole,
  );
  return { operator, value };
}

/** What RE2 has against the expression of a matcher, if it has one: Alertmanager's expressions are RE2's, always anchored. */
function complaint({ operator, value }: Matcher): string | undefined {
  return operator.endsWith("~") ? re2Fault(value) : undefined;
}

/** One condition on the labels of an alert. */
export const matcher = z
  .string()
  .regex(form, { error: 'must be a matcher such as namespace="demo" or pod=~"kbot-.*"', abort: true })
  .superRefine((text, context) => {
    const parsed = read(text);
    const reason = parsed === undefined ? undefined : complaint(parsed);
    if (reason !== undefined) context.addIssue(`has a regular expression that Alertmanager refuses (${reason})`);
  });

/** Whether a matcher also fits alerts without its label, so that it does not narrow down anything. */
export function fitsAnything(text: string): boolean {
  const { operator, value } = read(text) ?? { operator: "=", value: "" };
  const equal = operator.endsWith("~") ? fitsWhole(value)("") : value === "";
  return operator.startsWith("!") ? !equal : equal;
}
