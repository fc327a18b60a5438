/** What is wrong with filters, as far as can be told without Logstash: sections other than `filter`, and braces or quotes that do not close. */
export function filtersFault(filters: string): string | undefined {
  let depth = 0;
  // A comment, a regular expression, a text, a brace, or a word that may begin a section.
  for (const [token] of filters.matchAll(
    /#[^\n]*|[=!]~\s*\/(?:\\.|[^/\\])*\/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}"'=!]|[^\s{}"'#=!]+/g,
  )) {
    if (token === '"' || token === "'") return "has a quote that does not close";
    if (token === "{") depth += 1;
    else if (token === "}") depth -= 1;
    else if (depth === 0 && token !== "filter" && !token.startsWith("#"))
      return `has ${token} outside of a section filter { }`;
    if (depth < 0) return "has a } too many";
  }
  return depth === 0 ? undefined : "has a { that does not close";
}
