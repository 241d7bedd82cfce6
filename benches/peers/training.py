"""A step of training, as both workers time it."""

import time

import torch


def timed(model, loss_of_batch, steps, bf16):
    """Seconds of each step: forward, loss, backward, clipping, the optimiser; what `Trainer` does too."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)
    times = []
    for _ in range(steps):
        begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = loss_of_batch()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        times.append(time.perf_counter() - begun)
    return times
