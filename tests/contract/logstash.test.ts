/**
 * What Logstash is told, by a strict reader of ours: its licence keeps it out, so sections, plug-ins and options are those of its documentation
 * (plug-ins logstash-input-http 4, logstash-filter-mutate 3.5, logstash-output-elasticsearch 12), and nobody has seen it run.
 */
import { expect } from "chai";
import { pipeline } from "../../components/logs/elasticsearch/logstash.ts";
import { filtersFault } from "../../components/logs/elasticsearch/filters.ts";

type Form = "text" | "number" | "flag" | "list" | "word";

const known: Readonly<Record<string, Readonly<Record<string, Form>>>> = {
  "input http": {
    port: "number",
    codec: "word",
    request_headers_target_field: "text",
    remote_host_target_field: "text",
  },
  "filter mutate": { remove_field: "list" },
  "output elasticsearch": {
    hosts: "list",
    user: "text",
    password: "text",
    ssl_certificate_authorities: "list",
    index: "text",
    action: "text",
    pipeline: "text",
    data_stream: "flag",
    manage_template: "flag",
    ilm_enabled: "flag",
  },
};

const forms: Readonly<Record<Form, RegExp>> = {
  text: /^"[^"]*"$/,
  number: /^\d+$/,
  flag: /^(true|false)$/,
  list: /^\["[^"]*"(, *"[^"]*")*\]$/,
  word: /^(json|plain)$/,
};

/** Plug-ins with their options: a section, in it plug-ins, in each options as `key => value`. @throws Error for anything else */
function read(text: string): string[] {
  const tokens = [...text.matchAll(/\["[^\]]*\]|"[^"]*"|=>|[{}]|[^\s{}"]+/g)].map(([token]) => token);
  const plugins: string[] = [];
  const next = (form: RegExp): string => {
    const token = tokens.shift() ?? "the end";
    if (!form.test(token)) throw new Error(`${token} is not like ${String(form)}`);
    return token;
  };
  while (tokens.length > 0) {
    const section = next(/^(input|filter|output)$/);
    next(/^\{$/);
    while (tokens[0] !== "}") {
      const name = `${section} ${next(/^\w+$/)}`;
      const options = known[name];
      if (options === undefined) throw new Error(`${name} is no plug-in that is known`);
      plugins.push(name);
      next(/^\{$/);
      while (tokens[0] !== "}") {
        const option = next(/^\w+$/);
        const form = options[option];
        if (form === undefined) throw new Error(`${name} has no option ${option}`);
        next(/^=>$/);
        next(forms[form]);
      }
      next(/^\}$/);
    }
    next(/^\}$/);
  }
  return plugins;
}

describe("Logstash (by a strict reader; it runs nowhere here)", () => {
  it("takes lines by HTTP, and adds them to the agent's stream through its pipeline", () => {
    const text = pipeline("");
    expect(read(text)).to.deep.equal(["input http", "filter mutate", "output elasticsearch"]);
    for (const part of [
      'index => "logs-containers.otel-default"',
      'action => "create"',
      'pipeline => "observability-fluent-bit"',
      'password => "${ELASTICSEARCH_PASSWORD}"',
    ])
      expect(text).to.include(part);
  });

  it("is refused by the reader when any word of it is misspelt", () => {
    const text = pipeline("");
    const words = [...text.matchAll(/^ *(\w+)(?= (\{|=>))/gm)];
    expect(words.length).to.be.greaterThan(16);
    for (const { 0: found, 1: word = "", index } of words) {
      const at = index + found.length - word.length;
      expect(() => read(`${text.slice(0, at)}${word}x${text.slice(at + word.length)}`), word).to.throw();
    }
  });

  it("has people's filters between input and output, as they stand", () => {
    const filters = 'filter { if [level] == "debug" { drop { } } }';
    expect(pipeline(`\n${filters}\n`).split("\n")).to.include(filters);
  });

  for (const [filters, fault] of [
    ["", undefined],
    ["# a } of nobody's\nfilter { grok { match => { 'a' => \"{b}\" } } }\nfilter { }", undefined],
    ["filter { if [message]=~/it's {/ { drop { } } }", undefined],
    ["filter { } output { stdout { } }", "has output outside of a section filter { }"],
    ["filter { mutate { }", "has a { that does not close"],
    ["filter { } }", "has a } too many"],
    ['filter { mutate { add_tag => "a } }', "has a quote that does not close"],
  ] as const) {
    it(`${fault === undefined ? "may be told" : "may not be told"}: ${filters}`, () => {
      expect(filtersFault(filters)).to.equal(fault);
    });
  }
});
