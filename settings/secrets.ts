/** Commands that set a secret. */

/** A command that sets a member of a group of secrets; a name with a dot in it is quoted, or Pulumi would nest it. */
export function secretCommand(group: string, name: string): string {
  const path = name.includes(".") ? `'${group}["${name}"]'` : `${group}.${name}`;
  return `pulumi config set --secret --path ${path}`;
}
