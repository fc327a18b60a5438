/** One thing that is wrong with settings: where (dotted path of the setting) and a sentence that says what to do. */
export interface Finding {
  readonly path: string;
  readonly message: string;
  /** Of the stack file, from 1.
   * @default not known */
  readonly line?: number;
}

/** Elements of a list that have the name of an earlier one. */
export function namesakes(list: string, all: readonly { readonly name: string }[]): Finding[] {
  return all.flatMap(({ name }, index) => {
    const first = all.findIndex((other) => other.name === name);
    const message = `is ${name}, as is ${list}.${first}.name. Give each its own.`;
    return first === index ? [] : [{ path: `${list}.${index}.name`, message }];
  });
}

/** Certificates that are said to be the company's, and are not there. */
export function noCompanyCa(path: string): Finding {
  return { path, message: "is company, and network.ca is not set. Set network.ca, or this to public." };
}
