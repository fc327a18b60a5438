/** What the sources of a node have, for every agent that reads them. */

/** As journald has them: all are texts. */
export const entries = [
  {
    MESSAGE: "starting failed, bearer s3cr3t",
    PRIORITY: "3",
    _SYSTEMD_UNIT: "kubelet.service",
    SYSLOG_IDENTIFIER: "kubelet",
    _PID: "812",
  },
  {
    MESSAGE: "Started containerd.",
    PRIORITY: "6",
    _SYSTEMD_UNIT: "init.scope",
    UNIT: "containerd.service",
    SYSLOG_IDENTIFIER: "systemd",
    _PID: "1",
  },
  { MESSAGE: "Out of memory: Killed process 4711", PRIORITY: "2", SYSLOG_IDENTIFIER: "kernel", _TRANSPORT: "kernel" },
  { MESSAGE: "of somebody who says no priority" },
];

/** Events of the audit log, of different answers and policies. */
export const audited = [
  {
    ...{
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: "RequestResponse",
      auditID: "a-1",
      stage: "ResponseComplete",
    },
    ...{
      requestURI: "/api/v1/namespaces/shop/configmaps?fieldManager=kubectl",
      verb: "create",
      userAgent: "kubectl/v1.36",
    },
    user: { username: "admin", groups: ["system:masters"] },
    impersonatedUser: { username: "jane" },
    sourceIPs: ["10.0.0.7", "10.0.0.8"],
    objectRef: { resource: "configmaps", namespace: "shop", name: "a", apiVersion: "v1" },
    responseStatus: { metadata: {}, code: 201 },
    requestObject: { data: { key: "what stays in the file" } },
    ...{ requestReceivedTimestamp: "2026-01-01T00:00:00.000001Z", stageTimestamp: "2026-02-28T23:59:59.250000Z" },
    annotations: { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "" },
  },
  {
    ...{ level: "Metadata", auditID: "a-2", stage: "ResponseComplete", verb: "get", userAgent: "kubectl/v1.36" },
    requestURI: "/api/v1/namespaces/shop/secrets/db",
    user: { username: "jane" },
    sourceIPs: ["10.0.0.7"],
    objectRef: { resource: "secrets", namespace: "shop", name: "db", apiVersion: "v1" },
    responseStatus: { code: 403 },
    stageTimestamp: "2024-02-29T12:00:00.500000Z",
    annotations: { "authorization.k8s.io/decision": "forbid" },
  },
  {
    ...{ level: "Metadata", auditID: "a-3", verb: "list", requestURI: "/apis/x" },
    responseStatus: { code: 503 },
    stageTimestamp: "2026-01-01T00:00:00.000000Z",
  },
];
