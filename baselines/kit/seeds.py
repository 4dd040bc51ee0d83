"""Fixed seeds: one integer drives Python, numpy, torch, data order, augmentation and data-loader workers."""

import os
import random
import zlib

import numpy as np
import torch


def seed_everything(seed: int, deterministic: bool = False) -> None:
    """Seed every generator a run may touch; `deterministic` also asks torch for bit-identical kernels.

    Without `deterministic` the same seed still gives the same batches, but threads and bf16 move scores in the third
    or fourth digit.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = not deterministic  # batches have one size: the fastest kernel is looked for once
    torch.use_deterministic_algorithms(deterministic)


def generator(seed: int, stream: str, index: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for one named purpose, so that a new use of randomness never shifts another.

    Args:
        seed: the run's seed.
        stream: what the numbers are for, such as `order` or `augment`.
        index: the epoch or step, so that a resumed run draws what the whole run would have drawn.
        device: where the numbers are drawn.
    """
    entropy = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(stream.encode()), index))
    return torch.Generator(device).manual_seed(int(entropy.generate_state(1, np.uint64)[0]) >> 1)


def seed_worker(worker: int) -> None:
    """Seed a `DataLoader` worker (`worker_init_fn`); only baselines that read files with workers need it."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
