/** How pods name the Secret with the credentials of private registries. */

/** Name of the Secret, the same in each namespace that pulls. */
export const registryCredentialsName = "registry-credentials";

/** A pod's, or a ServiceAccount's, reference to it. */
export const imagePullSecrets = [{ name: registryCredentialsName }];

/** What a pod or a ServiceAccount says of it: nothing where images are public. */
export const pulls = ({ credentials }: { readonly credentials: boolean }) => (credentials ? { imagePullSecrets } : {});
