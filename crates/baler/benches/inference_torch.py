"""The encoder of inference.rs in PyTorch float32 on one thread; prints inferences per second (median of runs)."""

import statistics
import time

import torch

SIZES = [24, 200, 100, 50, 15]
BATCH = 1024
RUNS = 5
SECONDS_PER_RUN = 0.3

torch.set_num_threads(1)
torch.manual_seed(1)
layers = []
for n_in, n_out in zip(SIZES, SIZES[1:]):
    layers += [torch.nn.Linear(n_in, n_out), torch.nn.LeakyReLU(0.01)]
encoder = torch.nn.Sequential(*layers[:-1]).eval()
rows = torch.randn(BATCH, SIZES[0])

rates = []
with torch.inference_mode():
    for _ in range(20):
        encoder(rows)
    for _ in range(RUNS):
        start, n_calls = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS_PER_RUN:
            for _ in range(16):
                encoder(rows)
            n_calls += 16
        rates.append(n_calls * BATCH / (time.perf_counter() - start))
print(statistics.median(rates))
