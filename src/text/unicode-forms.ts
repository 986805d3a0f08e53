// Unicode's four normal forms with alignment. The text is JavaScript's own `normalize`; where a character of it came from
// follows the algorithm (https://www.unicode.org/reports/tr15/): decompose, sort the marks by class, compose.
//
//   "e\u0301\u0323" to NFC:  "ẹ" stands for the e alone, the acute for itself

import { type Normalized, Rewrite } from "./normalized.ts";
import { withoutForms } from "./old-unicode.ts";

export type UnicodeForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/** A character with what combines with it: marks, and the vowels and finals of Hangul. */
const clusters = /.[\p{M}\u1160-\u11ff\ud7b0-\ud7ff\u{16d63}\u{16d67}-\u{16d6a}]*/gsu;

export function unicodeForm(text: Normalized, form: UnicodeForm): Normalized {
  const whole = normalize(text.text, form);
  if (whole === text.text) return text;
  const rewrite = new Rewrite(text);
  clusters.lastIndex = 0;
  for (let match = clusters.exec(text.text); match !== null; match = clusters.exec(text.text)) {
    const [cluster] = match;
    if (cluster.length === 1 && cluster < "\u00a0") continue;
    if (normalize(cluster, form) === cluster) continue;
    rewrite.keep(match.index);
    for (const { char, change } of normalizeCluster(cluster, form)) rewrite.put(char, change);
    rewrite.skip(match.index + cluster.length);
  }
  rewrite.keep(text.text.length);
  const done = rewrite.done();
  // Should a later Unicode combine across clusters, the text is still right and its alignment coarse.
  if (done.text === whole) return done;
  const coarse = new Rewrite(text);
  coarse.become(whole, 0, text.text.length);
  return coarse.done();
}

function normalize(text: string, form: UnicodeForm): string {
  const normal = text.normalize(form);
  if (normal === text || !withoutForms.test(text)) return normal;
  return text
    .split(withoutForms)
    .map((part, i) => (i % 2 === 0 ? part.normalize(form) : part))
    .join("");
}

/** `change` as in {@link Rewrite.put}. */
type Part = { char: string; change: number };

function normalizeCluster(cluster: string, form: UnicodeForm): readonly Part[] {
  const parts = decompose(cluster, form === "NFC" || form === "NFD" ? "NFD" : "NFKD");
  return form === "NFD" || form === "NFKD" ? parts : compose(parts);
}

function decompose(cluster: string, form: "NFD" | "NFKD"): Part[] {
  const parts: (Part & { rank: number })[] = [];
  for (const whole of cluster) {
    let first = true;
    for (const char of normalize(whole, form)) {
      parts.push({ char, change: first ? 0 : 1, rank: combiningRank(char) });
      first = false;
    }
  }
  // Marks are sorted between starters; sort() keeps equals in order.
  for (let start = 0; start < parts.length; ) {
    let end = start + 1;
    while (end < parts.length && (parts[end]?.rank ?? 0) > 0) end++;
    const marks = parts.slice(start, end).sort((a, b) => a.rank - b.rank);
    parts.splice(start, marks.length, ...marks);
    start = end;
  }
  return parts;
}

function compose(parts: readonly Part[]): Part[] {
  const out: Part[] = [];
  let starter: Part | null = null;
  let lastRank = 0; // of the marks behind the starter that did not compose
  for (const part of parts) {
    const rank = combiningRank(part.char);
    const blocked = starter === null || (lastRank > 0 && lastRank >= rank);
    const made: string | null = starter === null || blocked ? null : composed(starter.char, part.char);
    if (made !== null && starter !== null) {
      starter.char = made;
      starter.change += part.change - 1;
      continue;
    }
    const kept: Part = { ...part };
    out.push(kept);
    if (rank === 0) {
      starter = kept;
      lastRank = 0;
    } else if (starter !== null) lastRank = rank;
  }
  return out;
}

/** The one character that two compose to, or null. */
function composed(first: string, second: string): string | null {
  const made = normalize(first + second, "NFC");
  return made.length === ((made.codePointAt(0) ?? 0) > 0xffff ? 2 : 1) ? made : null;
}

/** One mark of each canonical combining class, in the order of the classes. */
const marksByClass: readonly string[] =
  "334,16ff0,93c,3099,94d,5b0,5b1,5b2,5b3,5b4,5b5,5b6,5b7,5b8,5b9,5bb,5bc,5bd,5bf,5c1,5c2,fb1e,64b,64c,64d,618,619,61a,651,652,670,711,c55,c56,e38,e48,eb8,ec8,f71,f72,f74,321,1dce,31b,1dfa,316,59a,302e,1d16d,5ae,300,315,35c,35d,345"
    .split(",")
    .map((code) => String.fromCodePoint(Number.parseInt(code, 16)));

const ranks = new Map<string, number>();

/** Where the combining class of a character stands among all classes; 0 if it does not combine. */
function combiningRank(char: string): number {
  if (char < "\u0300" || !/\p{M}/u.test(char) || withoutForms.test(char)) return 0;
  const known = ranks.get(char);
  if (known !== undefined) return known;
  // `normalize` sorts a mark of a later class behind one of an earlier class; starters stay where they are.
  const after = (mark: string) => (char + mark).normalize("NFD") !== char.normalize("NFD") + mark.normalize("NFD");
  const before = (mark: string) => (mark + char).normalize("NFD") !== mark.normalize("NFD") + char.normalize("NFD");
  const below = marksByClass.filter(after).length;
  const above = marksByClass.filter(before).length;
  // A mark of the class itself is neither before nor after.
  const rank = below + above === 0 ? 0 : below + 1;
  ranks.set(char, rank);
  return rank;
}
