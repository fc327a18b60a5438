import { distance } from "fastest-levenshtein";

/** The candidate that a misspelt word most likely means, if any is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates
    .map((candidate) => ({ candidate, score: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.score - b.score)[0];
  return scored !== undefined && scored.score <= Math.max(2, Math.floor(word.length / 3))
    ? scored.candidate
    : undefined;
}

/** What to do about a word that is not among the known ones. */
export function advice(word: string, known: readonly string[], what: string): string {
  const near = nearest(word, known);
  if (near !== undefined) return `Did you mean ${near}?`;
  return known.length === 0 ? `There is no ${what}.` : `Known: ${known.join(", ")}.`;
}
