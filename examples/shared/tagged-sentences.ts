// Sentences as newspapers have them, with the names in them tagged: people, organisations, places and others (peoples, events, laws,
// products). Made from frames and lists of names, always the same ones, so that nothing has to be downloaded. A name belongs to one
// split only, and so does each of its words but for common ones ("Bank", "Film Festival") and years.

import { cities, events, families, fields, frames, given, makers, peoples, stems, words } from "./names-and-frames.ts";

export const kinds = ["PER", "ORG", "LOC", "MISC"] as const;
export type Kind = (typeof kinds)[number];
export type Split = "train" | "validation" | "test";

/** `text.slice(start, end)` is the name. */
export interface Entity {
  readonly label: Kind;
  readonly start: number;
  readonly end: number;
}
export interface TaggedSentence {
  readonly text: string;
  readonly entities: readonly Entity[];
}

/** `count` sentences with names of this split. */
export function taggedSentences(split: Split, count: number): TaggedSentence[] {
  const draw = drawer({ train: 1, validation: 2, test: 3 }[split]);
  const parts = partsOf(split, draw);
  return Array.from({ length: count }, () => fill(draw(frames), draw, parts));
}

type Draw = <T>(list: readonly T[]) => T;

/** Lehmer's generator: the same draws everywhere. https://en.wikipedia.org/wiki/Lehmer_random_number_generator */
function drawer(seed: number): Draw {
  let state = (seed * 7919) % 2147483647;
  const next = (): number => {
    state = (state * 48271) % 2147483647;
    return state;
  };
  for (let i = 0; i < 8; i++) next(); // small seeds begin with small numbers
  return (list) => list[Math.floor((next() / 2147483647) * list.length)]!; // no list is empty
}

/** A frame with its slots filled. */
function fill(frame: string, draw: Draw, parts: Parts): TaggedSentence {
  const entities: Entity[] = [];
  let text = "";
  for (const part of frame.split(/(\{[A-Z]+\}|<[a-z]+>)/)) {
    const [slot, list] = [slots[part.slice(1, -1)], words[part.slice(1, -1)]];
    const shown = slot !== undefined ? draw(slot.forms)(parts) : list !== undefined ? draw(list) : part;
    if (slot !== undefined) {
      const start = text.length + (shown.startsWith("the ") ? 4 : 0); // the article is no part of the name
      entities.push({ label: slot.label, start, end: text.length + shown.length });
    }
    text += shown;
  }
  return { text: text.charAt(0).toUpperCase() + text.slice(1), entities };
}

/** Each gives a part of a name, of those that belong to the split. */
type Parts = { readonly [part in Part]: () => string };
type Part = "given" | "family" | "city" | "maker" | "people" | "field" | "event" | "year" | "letters";

/** Of ten words seven are for learning, one for watching, two for the test. */
function partsOf(split: Split, draw: Draw): Parts {
  const own = (list: readonly string[]) => {
    const kept = list.filter((word) => splitOf(word) === split);
    return () => draw(kept);
  };
  const letters = joined(alphabet, joined(alphabet, alphabet));
  return {
    given: own(given),
    family: own([...families, ...joined(stems.family.heads, stems.family.tails)]),
    city: own([...cities, ...joined(stems.place.heads, stems.place.tails)]),
    maker: own([...makers, ...joined(stems.maker.heads, stems.maker.tails)]),
    people: own(peoples),
    field: own(fields),
    letters: own(letters),
    event: () => draw(events),
    year: () => draw(words["year"]!),
  };
}

const alphabet = [..."ABCDEFGHIKLMNOPRSTUVW"];

function joined(heads: readonly string[], tails: readonly string[]): string[] {
  return heads.flatMap((head) => tails.map((tail) => head + tail));
}

/** By a sum over the letters, so that a word that stands in two lists is of one split. */
function splitOf(word: string): Split {
  let sum = 0;
  for (const letter of word) sum = (sum * 31 + letter.codePointAt(0)!) % 65521; // a letter has a code
  return sum % 10 < 7 ? "train" : sum % 10 === 7 ? "validation" : "test";
}

type Form = (parts: Parts) => string;

/** What may stand in a frame: the kind of name, and the forms it has, each as likely as the others. */
const slots: { readonly [slot: string]: { readonly label: Kind; readonly forms: readonly Form[] } | undefined } = {
  PERSON: {
    label: "PER",
    forms: [
      ({ given, family }) => `${given()} ${family()}`,
      ({ given, family }) => `${given()} ${family()}`,
      ({ given, family }) => `${given()} ${family()}`,
      ({ family }) => family(),
      ({ given }) => given(),
      ({ given, family }) => `${given().charAt(0)}. ${family()}`,
      ({ given, family }) => `${given()} ${family().charAt(0)}. ${family()}`,
      ({ given, family }) => `${given()} ${family()}-${family()}`,
    ],
  },
  SURNAME: { label: "PER", forms: [({ family }) => family()] },
  FIRM: {
    label: "ORG",
    forms: [
      ({ maker }) => maker(),
      ({ maker }) => maker(),
      ({ maker }) => `${maker()} Group`,
      ({ family }) => `${family()} Industries`,
      ({ family }) => `${family()} & ${family()}`,
      ({ family }) => `${family()} Bank`,
      ({ family }) => `${family()} and Sons Ltd`,
      ({ letters }) => letters(),
    ],
  },
  SCHOOL: {
    label: "ORG",
    forms: [
      ({ city }) => `the University of ${city()}`,
      ({ city, field }) => `${city()} School of ${field()}`,
      ({ people, field }) => `the ${people()} Institute of ${field()}`,
      ({ family }) => `${family()} College`,
    ],
  },
  OFFICE: {
    label: "ORG",
    forms: [
      ({ city }) => `${city()} City Council`,
      ({ people, field }) => `the ${people()} Ministry of ${field()}`,
      ({ people }) => `the ${people()} Red Cross`,
      ({ letters }) => letters(),
    ],
  },
  TEAM: {
    label: "ORG",
    forms: [
      ({ city }) => `${city()} United`,
      ({ city }) => `${city()} Rovers`,
      ({ city }) => `FC ${city()}`,
      ({ city }) => city(), // as newspapers say it: only the sentence tells that it is not the place
    ],
  },
  CITY: { label: "LOC", forms: [({ city }) => city()] },
  SPOT: {
    label: "LOC",
    forms: [
      ({ city }) => city(),
      ({ city }) => `North ${city()}`,
      ({ city }) => `Lake ${city()}`,
      ({ family }) => `${family()} Street`,
      ({ city }) => `${city()} Airport`,
    ],
  },
  PEOPLE: { label: "MISC", forms: [({ people }) => people()] },
  EVENT: {
    label: "MISC",
    forms: [
      ({ city, event }) => `${city()} ${event()}`,
      ({ year, city, event }) => `${year()} ${city()} ${event()}`,
      ({ people, event }) => `${people()} ${event()}`,
    ],
  },
  LAW: { label: "MISC", forms: [({ family }) => `${family()} Act`, ({ city }) => `Treaty of ${city()}`] },
  PRIZE: { label: "MISC", forms: [({ family }) => `${family()} Prize`, ({ maker }) => `${maker()} Award`] },
};
