/** The test of every run, with other settings each night, and more of them; `SETTINGS_SEED` repeats one. */
process.env["SETTINGS_SEED"] ??= String(Math.floor(Math.random() * 2 ** 31));
process.env["SETTINGS_PER_LEAF"] = "60";
process.env["SETTINGS_PER_ELEMENT"] = "600";
await import("../contract/settings-readers.test.ts");

export {};
