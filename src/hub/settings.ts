// What the environment says about hubs; the names are huggingface_hub's. `settings.node.ts` and `settings.web.ts` read it.

export interface HubSettings {
  /** HF_ENDPOINT, without a slash at its end. */
  readonly endpoint: string;
  /** HF_HUB_CACHE, or `hub` in HF_HOME; in browsers a folder of the origin's private file system. */
  readonly cacheDir: string;
  /** HF_HUB_OFFLINE: no request is made. */
  readonly offline: boolean;
  /** HF_HUB_ETAG_TIMEOUT: how long a file's facts may take. */
  readonly etagTimeoutMs: number;
  /** HF_HUB_DOWNLOAD_TIMEOUT: how long a download may be silent. */
  readonly downloadTimeoutMs: number;
  /** HF_HUB_DISABLE_PROGRESS_BARS. */
  readonly quiet: boolean;
  /** HF_HUB_DISABLE_IMPLICIT_TOKEN: a token is only sent where one is asked for. */
  readonly implicitToken: boolean;
}

export const defaultEndpoint = "https://huggingface.co";
