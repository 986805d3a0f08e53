// `kindling run embeddings`: vectors to a file or standard output, or a search by meaning.

import { ArgumentError } from "../../base/errors.ts";
import { writeFileAtomic } from "../../checkpoint/files.node.ts";
import { writeNpy } from "../../checkpoint/npy.ts";
import { semanticSearch } from "../../pipelines/semantic-search.ts";
import { SentenceTransformer } from "../../pipelines/sentence-transformer.ts";
import { progressBar } from "../../training/progress.node.ts";
import { collectTexts, readTexts } from "../texts.ts";

interface Flags {
  readonly model: string;
  readonly file?: string;
  readonly output?: string;
  readonly search?: string;
  readonly corpus?: string;
  readonly topK: number;
  readonly promptName?: string;
  readonly batchSize: number;
  readonly json?: boolean;
}

export async function embed(given: readonly string[], flags: Flags): Promise<void> {
  const { search, corpus, output } = flags;
  if ((search === undefined) !== (corpus === undefined))
    throw new ArgumentError("run embeddings: --search <query> goes with --corpus <file>.", {});
  if (output !== undefined && !/\.(npy|jsonl)$/.test(output))
    throw new ArgumentError(`run embeddings: --output ${output}: vectors are written as .npy or .jsonl.`, { output });
  if (search !== undefined && corpus !== undefined) return searchIn(search, corpus, flags);
  const texts = await collectTexts("embeddings", given, flags.file);
  const model = await SentenceTransformer.fromPretrained(flags.model);
  const vectors = await model.encode(texts, encodeOptions(texts.length, flags));
  if (output?.endsWith(".npy")) await writeFileAtomic(output, writeNpy(vectors).chunks);
  else {
    const rows = vectors.tolist() as number[][]; // [N, D]
    const lines = rows.map((embedding, i) => JSON.stringify({ text: texts[i], embedding }));
    if (output === undefined) {
      console.log(flags.json === true ? JSON.stringify(rows) : lines.join("\n"));
      return;
    }
    await writeFileAtomic(output, `${lines.join("\n")}\n`);
  }
  console.error(`${texts.length} vectors of ${model.dimension} numbers are in ${output}.`);
}

function encodeOptions(texts: number, { batchSize, promptName }: Flags): Parameters<SentenceTransformer["encode"]>[1] {
  const bar = texts > 8 * batchSize ? progressBar(texts, { label: "texts" }) : undefined;
  const onProgress = (done: number): void => {
    bar?.update(done);
    if (done === texts) bar?.stop();
  };
  return { batchSize, onProgress, ...(promptName !== undefined && { promptName }) };
}

async function searchIn(query: string, corpus: string, flags: Flags): Promise<void> {
  const texts = await readTexts(corpus);
  const model = await SentenceTransformer.fromPretrained(flags.model);
  const documents = await model.encode(
    texts,
    encodeOptions(texts.length, { ...flags, promptName: undefined as never }),
  );
  const queries = await model.encode([query], encodeOptions(1, flags));
  const [hits = []] = semanticSearch(queries, documents, { topK: flags.topK, scoreFunction: model.similarityFnName });
  const found = hits.map(({ corpus_id: place, score }) => ({ corpus_id: place, score, text: texts[place]! }));
  if (flags.json === true) console.log(JSON.stringify(found, null, 2));
  else for (const { score, text } of found) console.log(`${score.toFixed(3)}  ${text}`);
}
