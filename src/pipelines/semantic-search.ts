// Which of many vectors are closest to a vector: by products of matrices in pieces, so that the memory does not grow with the
// number of pairs.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { cdist, normalize } from "../tensor/functional/distance.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { cat } from "../tensor/indexing.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type Similarity = "cosine" | "dot" | "euclidean" | "manhattan";

/** `[N, D]` and `[M, D]` to `[N, M]`; larger is closer, so that distances are negative. */
export const similarities: { readonly [name in Similarity]: (a: Tensor, b: Tensor) => Tensor } = {
  cosine: (a, b) => normalize(a, { dim: 1 }).matmul(normalize(b, { dim: 1 }).t()),
  dot: (a, b) => a.matmul(b.t()),
  euclidean: (a, b) => distances(a, b, 2).neg(),
  manhattan: (a, b) => distances(a, b, 1).neg(),
};

/** Numbers of differences that are held at a time. */
const mostDifferences = 1 << 23;

/** p-norms of all differences: rows of `a` by few, since their differences are `[n, M, D]`. */
function distances(a: Tensor, b: Tensor, p: number): Tensor {
  const N = a.size(0);
  const rows = Math.max(1, Math.floor(mostDifferences / Math.max(1, b.numel)));
  if (N <= rows) return cdist(a, b, p);
  const parts: Tensor[] = [];
  for (let n = 0; n < N; n += rows) parts.push(cdist(a.narrow(0, n, Math.min(rows, N - n)), b, p));
  return cat(parts, 0); // [N, M]
}

/** As sentence-transformers spells it. */
export interface SearchHit {
  readonly corpus_id: number;
  readonly score: number;
}

export interface SemanticSearchOptions {
  /** Hits for each query, best first. Default 10. */
  readonly topK?: number;
  /** Default "cosine". */
  readonly scoreFunction?: Similarity;
  /** Vectors of the corpus and queries that are compared at a time. */
  readonly corpusChunkSize?: number;
  readonly queryChunkSize?: number;
}

/** For each query `[Q, D]` the closest vectors of the corpus `[N, D]`. */
export function semanticSearch(queries: Tensor, corpus: Tensor, options: SemanticSearchOptions = {}): SearchHit[][] {
  const { topK = 10, scoreFunction = "cosine", corpusChunkSize = 16384, queryChunkSize = 64 } = options;
  if (queries.ndim !== 2 || corpus.ndim !== 2 || queries.size(1) !== corpus.size(1))
    throw new ShapeError(
      `semanticSearch: queries ${showShape(queries.shape)} and corpus ${showShape(corpus.shape)}; wants [Q, D] and [N, D].`,
      { queries: queries.shape, corpus: corpus.shape },
    );
  if (!Object.hasOwn(similarities, scoreFunction))
    throw new ArgumentError(
      `semanticSearch: scoreFunction "${scoreFunction}"; it is one of ${Object.keys(similarities).join(", ")}.`,
      {},
    );
  for (const [name, value] of Object.entries({ topK, corpusChunkSize, queryChunkSize })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new ArgumentError(`semanticSearch: ${name} is ${value}; it is a whole number of at least 1.`, { name });
  }
  const found: SearchHit[][] = Array.from({ length: queries.size(0) }, () => []);
  const like = similarities[scoreFunction];
  noGrad(() => {
    for (let n = 0; n < corpus.size(0); n += corpusChunkSize) {
      const part = corpus.narrow(0, n, Math.min(corpusChunkSize, corpus.size(0) - n));
      for (let q = 0; q < queries.size(0); q += queryChunkSize) {
        const asked = queries.narrow(0, q, Math.min(queryChunkSize, queries.size(0) - q));
        tidy(() => {
          const { values, indices } = like(asked, part).topk(Math.min(topK, part.size(0)));
          const [scores, places] = [values.tolist() as number[][], indices.tolist() as number[][]]; // [q, k] each
          scores.forEach((row, i) => {
            found[q + i]!.push(...row.map((score, k) => ({ corpus_id: n + places[i]![k]!, score })));
          });
        });
      }
    }
  });
  return found.map((hits) => hits.sort((a, b) => b.score - a.score || a.corpus_id - b.corpus_id).slice(0, topK));
}
