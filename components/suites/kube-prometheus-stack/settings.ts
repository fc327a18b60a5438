import { z } from "zod";
import { values } from "../../../settings/kinds.ts";

export const kubePrometheusStack = z
  .strictObject({ values })
  .prefault({})
  .describe("The chart of which Prometheus, Alertmanager, Grafana, the exporters and the operator are parts.");
