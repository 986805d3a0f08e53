"""What PyTorch's DataLoader does with workers and iterables, and samplers that random_draws.py leaves out. Writes test/fixtures/data/.

loader.json  distributed: [{ n, numReplicas, rank, shuffle, seed, dropLast, length, epochs: [[index]] }]
             grouped: [{ lengths, batchSize, generatorSeed, indices, next }]      (next: one rand afterwards)
             splits: [{ n, lengths, indices, next }]
             workers: [{ n, batchSize, shuffle, generatorSeed, numWorkers, persistent, epochs: [batch][row][index, worker, seed, u24] }]
                u24: the 24 bits of a torch.rand() that the row draws from its worker's default stream
             streams: [{ sizes, batchSize, dropLast, numWorkers, batches: [[row]] }]     worker w's copy gives `sizes[w]` rows
"""

import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, get_worker_info, random_split
from transformers.trainer_pt_utils import LengthGroupedSampler

from common import number, write


class Rows(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        info = get_worker_info()
        return [i, info.id, str(info.seed), round(torch.rand(1).item() * 2**24)]


class Stream(IterableDataset):
    def __init__(self, sizes):
        self.sizes = sizes

    def __iter__(self):
        info = get_worker_info()
        worker = 0 if info is None else info.id
        return iter(range(100 * worker, 100 * worker + self.sizes[worker]))


def distributed():
    out = []
    cases = [(10, 3, True, 0, False), (10, 3, True, 5, True), (10, 3, False, 0, False), (10, 3, False, 0, True), (2, 5, True, 1, False), (12, 4, True, 2, True)]
    for n, replicas, shuffle, seed, drop in cases:
        for rank in range(replicas):
            sampler = DistributedSampler(range(n), replicas, rank, shuffle, seed, drop)
            epochs = []
            for epoch in range(3):
                sampler.set_epoch(epoch)
                epochs.append(list(sampler))
            out.append({"n": n, "numReplicas": replicas, "rank": rank, "shuffle": shuffle, "seed": seed, "dropLast": drop, "length": len(sampler), "epochs": epochs})
    return out


def grouped():
    out = []
    for n, batch_size, seed in ((50, 4, None), (7, 4, None), (1000, 3, 8)):
        g = torch.Generator().manual_seed(n)
        lengths = torch.randint(1, 40, (n,), generator=g).tolist()
        torch.manual_seed(21)
        own = None if seed is None else torch.Generator().manual_seed(seed)
        indices = list(LengthGroupedSampler(batch_size, lengths=lengths, generator=own))
        out.append({"lengths": lengths, "batchSize": batch_size, "generatorSeed": seed, "indices": indices, "next": number(torch.rand(1), torch.float32)})
    return out


def splits():
    out = []
    for n, lengths in ((10, [0.5, 0.25, 0.25]), (11, [0.3, 0.3, 0.4]), (7, [0.5, 0.5]), (9, [2, 3, 4])):
        torch.manual_seed(4)
        indices = [list(part.indices) for part in random_split(range(n), lengths)]
        out.append({"n": n, "lengths": lengths, "indices": indices, "next": number(torch.rand(1), torch.float32)})
    return out


def workers():
    out = []
    for n, batch_size, shuffle, seed, count, persistent in ((7, 2, True, None, 2, False), (8, 2, False, 31, 3, False), (9, 2, True, 32, 2, True)):
        torch.manual_seed(17)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        loader = DataLoader(Rows(n), batch_size=batch_size, shuffle=shuffle, generator=generator, num_workers=count, persistent_workers=persistent, collate_fn=list)
        epochs = [list(loader) for _ in range(2)]
        out.append({"n": n, "batchSize": batch_size, "shuffle": shuffle, "generatorSeed": seed, "numWorkers": count, "persistent": persistent, "epochs": epochs,
                    "next": number(torch.rand(1), torch.float32)})  # fmt: skip
    return out


def streams():
    out = []
    for sizes, batch_size, drop, count in (([7], 3, False, 0), ([7], 3, True, 0), ([7, 7], 3, False, 2), ([2, 9, 5], 2, False, 3), ([5, 4, 0], 2, True, 3)):
        loader = DataLoader(Stream(sizes), batch_size=batch_size, drop_last=drop, num_workers=count, collate_fn=list)
        out.append({"sizes": sizes, "batchSize": batch_size, "dropLast": drop, "numWorkers": count, "batches": list(loader)})
    return out


if __name__ == "__main__":
    torch.set_num_threads(1)
    write("data", "loader", {"distributed": distributed(), "grouped": grouped(), "splits": splits(), "workers": workers(), "streams": streams()})
