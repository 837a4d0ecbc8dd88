"""Training in PyTorch: where models and their data go."""

import torch


def device() -> torch.device:
    """The fastest device there is: a graphics card through CUDA, else Apple's through MPS, else the CPU.

    MPS computes in float32 at most; what compares at 1e-10 stays on the CPU.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
