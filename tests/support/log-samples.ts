/** What any log agent has to read alike: lines of containers. */

/** Behind their time, as the runtime writes them. */
export const lines = [
  'stdout F {"level":"warn","msg":"of JSON","n":1234567890123456,"half":0.5,"ok":true,"time":"t","stream":"s","deep":{"list":[1,{"a":"b"}]}}',
  "stderr F of text, with a level: error",
  "stdout P in two ",
  "stdout F parts",
  'stdout F {"broken": ',
  "stdout F [1, 2]",
  'stdout F   {"message":"after blanks"} ',
  "stdout F  \tindented",
  'stdout F {"msg":"bearer s3cr3t","password":"s3cr3t"}',
];
/** As the stand-in for Fluent Bit reads them: what the runtime split comes to it whole. */
export const whole = (all: readonly string[]) =>
  all.flatMap((line) => (line.includes(" P ") ? [] : [line.replace("F parts", "F in two parts")]));

export const redact = { patterns: ["bearer [a-z0-9]+"], fields: ["password"] };
export const pod = { namespace: "shop", uid: "u", container: "app", deployment: "d", node: "n" };
