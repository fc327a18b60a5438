/** What a pod that uses a bucket is given: configuration without credentials, and these apart from it. */
import { type ObjectStorage, s3Variables } from "../capabilities.ts";

/** Credentials for a bucket as variables, which the SDK of the program reads itself: no character of theirs means anything. */
export function credentialVariables({ credentials }: ObjectStorage, bucket: string) {
  const name = credentials?.(bucket);
  return name === undefined
    ? []
    : s3Variables.map((key) => ({ name: key, valueFrom: { secretKeyRef: { name, key } } }));
}

const folder = "/etc/object-storage";

/** Where the CA of the storage's certificate is in such a pod; undefined where its certificate is a public one. */
export const caFile = ({ ca }: ObjectStorage) => (ca === undefined ? undefined : `${folder}/${ca.key}`);

/** The volume with that CA, and where it is mounted. @param storage undefined where no bucket is used */
export function caVolume(storage: ObjectStorage | undefined) {
  const name = "object-storage-ca";
  const ca = storage?.ca;
  return ca === undefined
    ? { volumes: [], volumeMounts: [] }
    : {
        volumes: [{ name, secret: { secretName: ca.secret } }],
        volumeMounts: [{ name, mountPath: folder, readOnly: true }],
      };
}

/** Values of a chart's ServiceAccount whose pods have an identity of their own. @param storage undefined where no bucket is used */
export function accountAnnotations(storage: ObjectStorage | undefined): {
  readonly serviceAccount?: { readonly annotations: Readonly<Record<string, string>> };
} {
  const annotations = storage?.serviceAccount ?? {};
  return Object.keys(annotations).length === 0 ? {} : { serviceAccount: { annotations } };
}
