// What can go wrong between here and a hub, as classes, so that a program can tell a wrong name from a lost connection.
// Their names are huggingface_hub's.

import { KindlingError } from "../base/errors.ts";

/** The root of them; also a hub's answer that has no class of its own. `facts` hold url, status, repo and file where known. */
export class HubError extends KindlingError {}

/** No such repository, or none that this token may see: a hub does not tell these apart. */
export class RepositoryNotFoundError extends HubError {}

/** The repository is there, but its files are only for those who were granted access. */
export class GatedRepoError extends RepositoryNotFoundError {}

/** No such branch, tag or commit in the repository. */
export class RevisionNotFoundError extends HubError {}

/** No such file at that revision. */
export class EntryNotFoundError extends HubError {}

/** The file is not on this machine, and the hub was not to be asked or could not be reached. */
export class LocalEntryNotFoundError extends EntryNotFoundError {}

/** A request was wanted while HF_HUB_OFFLINE or `localFilesOnly` forbids all. */
export class OfflineModeError extends HubError {}

/** No connection, or one that was cut or fell silent, after all retries. */
export class ConnectionError extends HubError {}

/** What came is not what the hub announced: another size or another hash. Nothing of it is kept. */
export class CorruptDownloadError extends HubError {}

/** A file could not be written: the disk is full, or the place is not ours to write to. What was there before is untouched. */
export class CacheWriteError extends HubError {}
