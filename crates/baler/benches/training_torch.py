"""The work of training.rs in PyTorch: same network, same number of rows, plain Adam, batches by slicing.

Run beside it: python training_torch.py [--quick]
"""

import sys
import time

import torch
from torch import nn

N_ROWS = 60_000 if "--quick" in sys.argv else 600_000
BATCH = 512


def synthetic():
    generator = torch.Generator().manual_seed(11)
    hidden = torch.randn(N_ROWS, 12, generator=generator)
    x = hidden @ (torch.randn(12, 24, generator=generator) * 0.4)
    return x / (1 + x.abs())


def network():
    widths = [24, 200, 100, 50, 15, 50, 100, 200, 24]
    layers = []
    for idx, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
        layers.append(nn.Linear(n_in, n_out))
        if idx not in (3, 7):
            layers.append(nn.LeakyReLU(2.0**-7))
    return nn.Sequential(*layers)


def epoch(model, optimizer, data):
    shuffled = data[torch.randperm(len(data))]
    total = 0.0
    for start in range(0, len(data), BATCH):
        batch = shuffled[start : start + BATCH]
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(batch), batch)
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(batch)
    return float(total) / len(data)


def main():
    data = synthetic()
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        torch.manual_seed(0)
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        best = float("inf")
        for _ in range(4):
            start = time.perf_counter()
            loss = epoch(model, optimizer, data)
            best = min(best, time.perf_counter() - start)
        print(f"torch  threads {n_threads}  best epoch {N_ROWS / best:9.0f} rows/s  loss {loss:.3e}", flush=True)


if __name__ == "__main__":
    main()
