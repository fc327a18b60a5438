import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "mocha";

/** A record on its way, with its tag. */
export interface Event {
  readonly tag: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** A line of a container's file, as Fluentd's input reads it. */
export const podLine = (message: string, pod = "shop_cart-0_u-1", file = "0.log"): Event => ({
  tag: "containers",
  record: { message, path: `/var/log/pods/${pod}/app/${file}` },
});

/** A stand-in for what Fluentd gives its filters: what they are registered by, and the router that they may emit with. */
const filterStandIn = `
module Fluent
  EventTime = Time
  module Plugin
    def self.filters = @filters ||= {}
    def self.register_filter(name, filter) = filters[name] = filter
    class Filter
      attr_accessor :router
      def self.helpers(*) = nil
      def self.config_param(*, **) = nil
      def shutdown = nil
    end
  end
end
`;

/** Reads events, and says what becomes of each; at the end of what was left over. */
const program = `
require "json"
require "fluent/plugin/filter"
require_relative "filter_observability"
made = []
label = Fluent::Plugin.filters["observability_labels"].new
label.instance_variable_set(:@cluster, ENV["CLUSTER"])
records = Fluent::Plugin.filters["observability"].new
pass = lambda do |tag, time, record|
  record = records.filter(tag, time, record)
  made << { tag: tag, record: record, labelled: record && label.filter(tag, time, record) }
end
records.router = Struct.new(:emit).new(pass).tap { |router| router.define_singleton_method(:emit) { |*event| pass.call(*event) } }
JSON.parse($stdin.read).each { |event| pass.call(event["tag"], Time.utc(2026), event["record"]) }
records.shutdown
print JSON.generate(made)
`;

/** What became of an event: nothing of a line that goes on; and the same for a store that makes streams of labels. */
export interface Made {
  readonly tag: string;
  readonly record: Readonly<Record<string, unknown>> | null;
  readonly labelled: Readonly<Record<string, unknown>> | null;
}

/**
 * What the Ruby of this machine prints. Without one the test is skipped.
 *
 * @throws Error with what Ruby says
 */
export function rubyOrSkip(
  context: Context,
  args: readonly string[],
  input: string,
  env: Readonly<Record<string, string>> = {},
): string {
  const asked = { input, encoding: "utf8" as const, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 ** 2 };
  const { status, stdout, stderr, error } = spawnSync("ruby", args, asked);
  if (error !== undefined && "code" in error && error.code === "ENOENT") {
    console.warn("Skipped, Ruby is not installed.");
    return context.skip();
  }
  if (status !== 0) throw new Error(error?.message ?? stderr);
  return stdout;
}

/** What Fluentd's scripts make of events. */
export function fluentdOrSkip(
  context: Context,
  scripts: Readonly<Record<string, string>>,
  events: readonly Event[],
  cluster?: string,
): readonly Made[] {
  const dir = mkdtempSync(join(tmpdir(), "fluentd-"));
  try {
    mkdirSync(join(dir, "fluent", "plugin"), { recursive: true });
    for (const [name, text] of Object.entries({
      ...scripts,
      "fluent/plugin/filter.rb": filterStandIn,
      "run.rb": program,
    }))
      writeFileSync(join(dir, name), text);
    const variables = { NODE_NAME: "node-1", ...(cluster === undefined ? {} : { CLUSTER: cluster }) };
    const made = rubyOrSkip(context, ["-Ku", "-I", dir, join(dir, "run.rb")], JSON.stringify(events), variables);
    return JSON.parse(made) as Made[];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
