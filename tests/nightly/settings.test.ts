/** The test of every run, with more settings generated. */
process.env["SETTINGS_PER_ELEMENT"] = "600";
await import("../contract/settings-readers.test.ts");

export {};
