"""What holds for every test."""

import torch

# Small tensors gain nothing from a second thread, and on a busy machine two threads wait for each other.
torch.set_num_threads(1)
