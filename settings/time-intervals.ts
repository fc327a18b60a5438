/**
 * Times at which routes are mute or active: what Alertmanager takes (its package `timeinterval`, 0.34), and nights over
 * midnight, which it does not take, as it does.
 */
import { createRequire } from "node:module";
import { z } from "zod";
import { alertingName } from "./formats.ts";
import { nearest } from "./nearest.ts";

const weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const months = [
  ...["january", "february", "march", "april", "may", "june"],
  ...["july", "august", "september", "october", "november", "december"],
];

const minutesOfDay = 24 * 60;

let zoneNames: readonly string[] | undefined;

/** The names of the IANA time zones, spelt as Go looks them up: `europe/kyiv` is none. */
function timeZones(): readonly string[] {
  // Loaded where it is needed: 200 kB.
  zoneNames ??= Object.keys((createRequire(import.meta.url)("tzdata") as { readonly zones: object }).zones);
  return zoneNames;
}

const timeZone = z.string().superRefine((name, context) => {
  const known = timeZones();
  if (known.includes(name)) return;
  const near = known.find((zone) => zone.toLowerCase() === name.toLowerCase()) ?? nearest(name, known);
  context.addIssue(`must be a time zone such as Europe/Kyiv${near === undefined ? "" : `. Did you mean ${near}?`}`);
});

interface RangeOf {
  /** What it is a range of, with an example, for messages. */
  readonly what: string;
  readonly member: (word: string) => number | undefined;
  /** @default first to last as numbers */
  readonly inOrder?: (first: number, last: number) => boolean;
  /** What to do about a range that is not in order. */
  readonly instead?: string;
}

/** A member or a range `first:last` of something that counts. */
function range({ what, member, inOrder = (first, last) => first <= last, instead = "" }: RangeOf) {
  return z.string().superRefine((text, context) => {
    const words = text.split(":");
    const [first, last = first] = words.map(member);
    if (words.length > 2 || words.map(member).includes(undefined) || first === undefined || last === undefined) {
      context.addIssue(`must be ${what}`);
    } else if (!inOrder(first, last)) context.addIssue(`is a range that ends before it starts${instead}`);
  });
}

const number = (least: number, most: number) => (word: string) =>
  /^-?[1-9]\d*$/.test(word) && Number(word) >= least && Number(word) <= most ? Number(word) : undefined;
const position = (names: readonly string[]) => (word: string) =>
  names.includes(word) ? names.indexOf(word) + 1 : undefined;

const dayNumber = number(-31, 31);
const monthNumber = (word: string) => number(1, 12)(word) ?? position(months)(word);
const weekdayNumber = position(weekdays);

const weekdayRange = range({
  what: "a day of the week or a range such as monday:friday",
  member: weekdayNumber,
  instead: ". Write two, such as friday:saturday and sunday:monday",
});
const monthRange = range({
  what: "a month or a range such as 7:8 or july:august",
  member: monthNumber,
  instead: ". Write two, such as november:december and january",
});
/** Alertmanager compares a negative day as if the month had 28. */
const fromStart = (day: number) => (day < 0 ? 28 + day : day);
const dayRange = range({
  what: "a day of the month or a range such as 1:5 or -3:-1",
  member: dayNumber,
  inOrder: (first, last) => (first > 0 || last < 0) && fromStart(first) <= fromStart(last),
});
const yearRange = range({ what: "a year or a range such as 2026:2027", member: number(1970, 9999) });

const clock = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;
const minute = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const time = z.string().regex(clock, "must be a time such as 08:30 or 24:00");

const times = z
  .strictObject({
    start: time
      .refine((text) => text !== "24:00", { error: "must be before 24:00" })
      .describe("From this time of the day."),
    end: time.describe("To this time, which is not included; before `start` it is one of the next day."),
  })
  .refine(({ start, end }) => start !== end, { error: "starts when it ends. A whole day is 00:00 to 24:00" });

type Times = z.output<typeof times>;

/** Whether it goes on after midnight. `00:00` as an end is midnight itself. */
const isNight = ({ start, end }: Times) => minute(end) < minute(start) && minute(end) > 0;

const entry = z.strictObject({
  times: z
    .array(times)
    .min(1)
    .optional()
    .describe("Times of the day. A night such as 22:00 to 06:00 belongs to the day on which it begins."),
  weekdays: z
    .array(weekdayRange)
    .min(1)
    .optional()
    .describe("Days of the week, or ranges such as monday:friday; a range starts on sunday at the earliest."),
  daysOfMonth: z
    .array(dayRange)
    .min(1)
    .optional()
    .describe("Days of the month, or ranges such as 1:5; -1 is the last day."),
  months: z.array(monthRange).min(1).optional().describe("Months by name or number, or ranges such as july:august."),
  years: z.array(yearRange).min(1).optional().describe("Years, or ranges such as 2026:2027."),
  location: timeZone.optional().describe("Time zone of all of it, as IANA spells it; UTC when absent."),
});

/** One entry of a time interval: it is the time when all its fields fit. */
export type TimeEntry = z.output<typeof entry>;

/** Every number of some ranges; negative ones count from the end of a month of `days` days. */
function members(ranges: readonly string[], member: (word: string) => number | undefined, days = 0): Set<number> {
  const counted = (value = 0) => (value < 0 ? days + 1 + value : value);
  return new Set(
    ranges.flatMap((text) => {
      const [first, last = first] = text.split(":").map((word) => counted(member(word)));
      return first === undefined || last === undefined
        ? []
        : Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
    }),
  );
}

/** Whether an entry fits at any time at all, so that it would mute a route for ever. */
function fitsAlways(fields: TimeEntry): boolean {
  const covered = new Set(
    alertmanagerTimes({ times: fields.times }).flatMap(({ times: ranges = [] }) =>
      ranges.flatMap(({ start, end }) =>
        Array.from({ length: minute(end) - minute(start) }, (_, index) => minute(start) + index),
      ),
    ),
  );
  return (
    (fields.times === undefined || covered.size === minutesOfDay) &&
    (fields.weekdays === undefined || members(fields.weekdays, weekdayNumber).size === weekdays.length) &&
    (fields.months === undefined || members(fields.months, monthNumber).size === months.length) &&
    (fields.daysOfMonth === undefined ||
      [28, 29, 30, 31].every((days) => members(fields.daysOfMonth ?? [], dayNumber, days).size >= days)) &&
    fields.years === undefined
  );
}

/** A named time. */
export const timeInterval = z.strictObject({
  name: alertingName.describe("Name by which routes use it."),
  when: z
    .array(
      entry.superRefine((fields, context) => {
        if (fitsAlways(fields)) context.addIssue("is every time: set times, weekdays, daysOfMonth, months or years");
        const { times: ranges = [], daysOfMonth: days, months: some, years } = fields;
        if (ranges.some(isNight) && (days ?? some ?? years) !== undefined) {
          context.addIssue(
            "has a night over midnight beside daysOfMonth, months or years, where the next day may be another month. " +
              "Write an entry for the time before midnight and one for the time after it",
          );
        }
      }),
    )
    .min(1)
    .describe("It is the time when all fields of one entry fit."),
});

/**
 * An entry as Alertmanager takes it: a night over midnight is a time until 24:00 and a time from 00:00, which is on the
 * next day of the week.
 */
export function alertmanagerTimes(fields: TimeEntry): TimeEntry[] {
  const { times: ranges, weekdays: days, ...rest } = fields;
  if (ranges === undefined) return [fields];
  const evenings = ranges.map((range) =>
    minute(range.end) < minute(range.start) ? { ...range, end: "24:00" } : range,
  );
  const mornings = ranges.filter(isNight).map(({ end }) => ({ start: "00:00", end }));
  if (days === undefined) return [{ ...rest, times: [...evenings, ...mornings] }];
  const nextDays = [...members(days, weekdayNumber)].map((day) => day % weekdays.length).sort((a, b) => a - b);
  return [
    { ...rest, times: evenings, weekdays: days },
    ...(mornings.length === 0
      ? []
      : [{ ...rest, times: mornings, weekdays: nextDays.flatMap((day) => weekdays[day] ?? []) }]),
  ];
}
