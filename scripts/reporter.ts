// One line for each test file, what failed and why, and the closing lines of Node's own reporter.

import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

interface Failure {
  readonly name: string;
  readonly at: string;
  readonly reason: string;
}

/** The events that carry a failure of their own; a suite or file whose subtest failed only repeats it. */
function failureOf(event: TestEvent): Failure | undefined {
  if (event.type !== "test:fail") return undefined;
  const { error } = event.data.details;
  if ((error as { failureType?: string }).failureType === "subtestsFailed") return undefined;
  const cause = error.cause instanceof Error ? error.cause : error;
  return {
    name: event.data.name,
    at: `${relative(process.cwd(), event.data.file ?? "")}:${event.data.line ?? 1}`,
    reason: cause.stack ?? inspect(cause),
  };
}

function print({ name, at, reason }: Failure): string {
  return `\n✖ ${name} (${at})\n${reason.replace(/^/gm, "    ")}\n`;
}

// biome-ignore lint/style/noDefaultExport: Node asks for it
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  const failures: Failure[] = [];
  for await (const event of source) {
    const failure = failureOf(event);
    if (failure) failures.push(failure);
    if (event.type === "test:stdout" || event.type === "test:stderr") yield event.data.message;
    if (event.type === "test:summary" && event.data.file !== undefined) {
      const { file, success, counts, duration_ms: ms } = event.data;
      const skipped = counts.skipped + counts.todo > 0 ? `, ${counts.skipped + counts.todo} skipped` : "";
      const tests = `${counts.tests} tests${skipped}, ${(ms / 1000).toFixed(1)} s`;
      yield `${success ? "✔" : "✖"} ${relative(process.cwd(), file)} (${tests})\n`;
    }
    if (event.type === "test:diagnostic" && event.data.nesting === 0 && event.data.file === undefined) {
      yield* failures.splice(0).map(print);
      yield `ℹ ${event.data.message}\n`;
    }
  }
}
