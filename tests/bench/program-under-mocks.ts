/** The program's composition with Pulumi's mocks for an engine; prints its peak memory in MB. For program-start.ts. */
import "../../components/quick-start.ts";
import * as path from "node:path";
import { fluxManifests } from "../../components/gitops/flux-manifests.ts";
import { parseSettings } from "../../settings/parse.ts";
import { runProgram } from "../../contract/run-program.ts";

const manifests = path.join(import.meta.dirname, "../../tests/support/flux-install.yaml");
const settings = { flux: { manifests } };
const { flux } = parseSettings(settings, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] });
const { resources } = await runProgram({ settings, fluxManifests: await fluxManifests(flux) });
if (resources.length < 50) throw new Error(`only ${resources.length} resources were registered`);
process.stdout.write(String(process.resourceUsage().maxRSS / 1024));
