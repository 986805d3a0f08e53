// Models and data from a hub: download, cache, upload.

export { openHubFile } from "#runtime/hub/cache";
export { hubDownload, type SnapshotOptions, snapshotDownload } from "./hub/download.ts";
export * from "./hub/errors.ts";
export type { RepoType } from "./hub/names.ts";
export type { DownloadOptions, DownloadProgress, HubOptions } from "./hub/options.ts";
export { type PretrainedOptions, pretrainedFolder } from "./hub/pretrained-folder.ts";
export {
  type CreateRepoOptions,
  createBranch,
  createRepo,
  type FileToUpload,
  type FolderOptions,
  pushToHub,
  type UploadedCommit,
  type UploadOptions,
  uploadFiles,
  uploadFolder,
} from "./hub/upload.ts";
