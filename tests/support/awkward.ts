/** What YAML, shells, Helm and every kind of expansion would take for their own: a password. */
export const awkward = `p@ss $HOME \${HOME} $$ #1 "'\\ %41 {{ a }} : \`b\` *&!|>-,=`;

/** The same as Prometheus keeps it (bcrypt). */
export const hashed = "$2a$04$Wnwsw7AXEUYcZdFuLLz.lO2iTBetwjqYtkoDSqFtHiWbKXSsxc5tK";

/** The same as a token, which is one word: a blank ends it. */
export const token = awkward.replaceAll(" ", "");
