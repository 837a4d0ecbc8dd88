"""Recurrent layers in NumPy: a whole sequence forward, and its gradients backward.

Sizes: T steps, B batch, I input features, H hidden units. Sequences are time-major: ``x[t]`` is the batch at step t.
Weights have PyTorch's shapes and orders of gates, so those of ``torch.nn`` copy straight in. The functions here are
fast kernels; ``layers.plain`` has the same ones as the equations read.
"""

from rnncourse.layers.gru import gru_backward, gru_forward
from rnncourse.layers.lstm import lstm_backward, lstm_forward
from rnncourse.layers.rnn import rnn_backward, rnn_forward

__all__ = ["rnn_forward", "rnn_backward", "lstm_forward", "lstm_backward", "gru_forward", "gru_backward"]
