import tseslint from "typescript-eslint";

/** Imports that a room may not have: arrows between rooms run one way. */
const without = (files, group, message) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
});

export default tseslint.config(
  { ignores: ["node_modules/", "coverage/", "eslint.config.js"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["start.js"] } } },
    rules: {
      // Numbers (ports, counts, seconds) print as one expects; Outputs, objects and undefined do not.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  without(
    ["components/**", "settings/**", "index.ts"],
    ["**/tools/**", "**/rehearsal/**", "**/tests/**"],
    "The product knows nothing of what proves it.",
  ),
  without(
    ["components/{agents,alerts,dashboards,demo,logs,metrics,platform,suites,traces}/**"],
    [
      "@pulumi/*",
      "**/tools/**",
      "**/rehearsal/**",
      "**/tests/**",
      "**/deploy.ts",
      "**/environment.ts",
      "**/catalogue.ts",
    ],
    "A component is data and pure functions; deploy.ts makes its resources.",
  ),
  without(["rehearsal/**", "tools/**"], ["**/tests/**"], "Nothing knows the tests."),
);
