export const variants = {
  "one pod": { objectStorage: "seaweedfs", seaweedfs: { storage: { size: "20Gi" } } },
  // With a bucket: its Job is one of the chart's pods.
  replicated: { objectStorage: "seaweedfs", seaweedfs: { replicas: 3, keyRotation: 2 }, thanos: { enabled: true } },
};

export const effects = [
  ["objectStorage", "seaweedfs", "seaweedfs-cluster-release", "object-storage"],
  ["seaweedfs.replicas", 3, "seaweedfs-cluster-release.spec.values.volume.replicas"],
  ["seaweedfs.storage.size", "7Gi", "seaweedfs-cluster-release.spec.values.volume.dataDirs.0.size"],
  ["seaweedfs.keyRotation", 3, "seaweedfs-users-3.metadata.name", "seaweedfs-users-3"],
  ["seaweedfs.values", { added: "yes" }, "seaweedfs-cluster-release", "yes"],
];
