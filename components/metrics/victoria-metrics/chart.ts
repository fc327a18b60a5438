/** VictoriaMetrics' own version; there is no chart: its operator makes everything of objects. The tests run the same one. */
// renovate: datasource=docker depName=victoriametrics/victoria-metrics
export const version = "v1.151.0";
