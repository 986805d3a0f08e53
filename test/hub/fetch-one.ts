// A process of its own that fetches one file, for tests that kill it or start many: node fetch-one.ts REPO FILE

import { hubDownload } from "../../src/hub/download.ts";

const [repo = "", file = ""] = process.argv.slice(2);
console.log(await hubDownload(repo, file, { retryDelayMs: 20 }));
