// Sentences with the names in them marked: people, places, organisations and software. Made from frames and lists of names, always
// the same ones, so that nothing has to be downloaded. The names of the test sentences are never learnt from.

export const kinds = ["PER", "LOC", "ORG", "SOFT"] as const;
export type Kind = (typeof kinds)[number];

export interface TaggedSentence {
  readonly text: string;
  readonly entities: readonly Span[];
}
/** `text.slice(start, end)` is the name. */
export interface Span {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
}

/** `count` sentences with names that are for learning, or with those that are for the test. */
export function taggedSentences(part: "train" | "test", count: number): TaggedSentence[] {
  const draw = drawer(part === "train" ? 1 : 2);
  return Array.from({ length: count }, () => fill(draw(frames), (kind) => nameOf(kind, part, draw)));
}

type Draw = <T>(list: readonly T[]) => T;

/** Lehmer's generator: the same draws everywhere. */
function drawer(seed: number): Draw {
  let state = seed * 7919;
  return (list) => {
    state = (state * 48271) % 2147483647;
    return list[state % list.length]!; // no list is empty
  };
}

function fill(frame: string, name: (kind: Kind) => string): TaggedSentence {
  const entities: Span[] = [];
  let text = "";
  for (const part of frame.split(/(\{[A-Z]+\})/)) {
    const kind = kinds.find((each) => part === `{${each}}`);
    const shown = kind === undefined ? part : name(kind);
    if (kind !== undefined) entities.push({ kind, start: text.length, end: text.length + shown.length });
    text += shown;
  }
  return { text, entities };
}

function nameOf(kind: Kind, part: "train" | "test", draw: Draw): string {
  const own = (list: readonly string[]): readonly string[] =>
    list.filter((_, i) => (i % 4 === 3) === (part === "test"));
  /** A name; those to learn from are put together from two, so that there are too many to be learnt by heart. */
  const pick = (list: readonly string[]): string => {
    const [a, b] = [draw(own(list)), draw(own(list))];
    return part === "test" ? a : a.slice(0, Math.ceil(a.length / 2)) + b.slice(Math.ceil(b.length / 2));
  };
  switch (kind) {
    case "PER":
      return draw([0, 0, 1]) === 0 ? `${pick(givenNames)} ${pick(familyNames)}` : pick(givenNames);
    case "LOC":
      return pick(places);
    case "ORG":
      return draw([
        `${pick(familyNames)} ${draw(["Systems", "Labs", "Software"])}`,
        `the ${pick(places)} ${draw(["Institute", "Foundation"])}`,
        `${draw(["University", "Museum"])} of ${pick(places)}`,
      ]);
    case "SOFT":
      return draw([
        pick(programs),
        `lib${pick(programs).toLowerCase()}`,
        `${pick(programs)} ${draw(["2", "3.1", "7"])}`,
      ]);
    default:
      return kind satisfies never;
  }
}

const givenNames = (
  "Ada Bruno Carla Dmitri Elena Farid Greta Hiro Ines Jonas Keiko Lars Mina Nadia Oskar Priya Quentin Rosa Samir Tilda Umberto " +
  "Vera Wanda Xenia Yusuf Zoe Anselm Birgit Cosmo Delia Emil Fatima"
).split(" ");
const familyNames = (
  "Albrecht Bellini Carvalho Dupont Eriksen Fischer Grieg Hoffmann Ivanova Jansen Kowalski Lindqvist Moreau Nakamura Okafor Petrov " +
  "Quist Rossi Silva Tanaka Ulrich Varga Weber Ximenes Yilmaz Zeller Arnaud Brandt Costa Dahl Endo Ferreira"
).split(" ");
const places = (
  "Aarhus Bergen Coimbra Dresden Edinburgh Florence Ghent Helsinki Izmir Jena Kyoto Lisbon Malmo Nantes Odense Porto Quito Riga " +
  "Seville Turin Uppsala Vienna Warsaw Zagreb Bologna Cork Delft Esbjerg Fukuoka Graz Haifa Iceland"
).split(" ");
const programs = (
  "Cinder Bramble Quill Osprey Marlin Topaz Fennel Gantry Harrow Juniper Kestrel Lantern Mosaic Nimbus Otter Pumice Rowan Saffron " +
  "Tundra Umber Vellum Willow Yarrow Zephyr Anvil Beacon Copper Dovetail Ember Flint Garnet Heron"
).split(" ");

const frames = [
  "{PER} moved from {LOC} to {LOC} last year.",
  "{PER} has written {SOFT} in her spare time.",
  "The new release of {SOFT} was announced by {ORG}.",
  "In {LOC}, {PER} gave a talk about {SOFT}.",
  "{ORG} hired {PER} to maintain {SOFT}.",
  "Before joining {ORG}, {PER} lived in {LOC}.",
  "Install {SOFT} before you build {SOFT}.",
  "The office of {ORG} is in {LOC}.",
  "{PER} and {PER} met at {ORG}.",
  "You can read files of {SOFT} with {SOFT}.",
  "Thanks to {PER}, who reported the bug in {SOFT}.",
  "The meeting in {LOC} was paid for by {ORG}.",
  "{SOFT} is developed at {ORG} in {LOC}.",
  "According to {PER}, the train to {LOC} was late again.",
  "Nobody at {ORG} knew why the build had failed.",
  "We asked {PER} for a review, but he was in {LOC}.",
  "It rained all day, and the tests took an hour.",
  "Please update your system before the weekend.",
  "This version of {SOFT} needs less memory than {SOFT}.",
  "{PER} works for {ORG} and likes {SOFT}.",
  "The people of {LOC} use it every day.",
  "{ORG} and {ORG} will work together on {SOFT}.",
  "Ask {PER} whether {SOFT} runs on old machines.",
  "Students from {LOC} visited {ORG}.",
  "{PER} left {ORG} and moved to {LOC}.",
  "At the conference in {LOC}, {ORG} showed {SOFT}.",
  "The bug in {SOFT} was found by {PER}.",
  "{PER} lives in {LOC} and maintains {SOFT}.",
  "Files of {SOFT} can be read by {PER} at {ORG}.",
  "{ORG} was founded by {PER} in {LOC}.",
  "The new machines need less memory this year.",
  "Before you update {SOFT}, ask {PER}.",
] as const;
