"""Conv-TasNet here beside other software that is installed, same weights, same input: separating.

    .venv/bin/python -m tests.benchmarks.conv_tasnet [SECONDS ...]

Prints medians in seconds and their ratio (above 1: ours is faster), for the paper's size at 16 kHz and 4, 10 and 60 s
of audio, and the ratio of processor times, which a busy machine changes less. `OMP_NUM_THREADS` sets the threads.
Beside torchaudio and asteroid: ONNX Runtime and OpenVINO on an export of the model (`pip install onnx onnxruntime
openvino`).
"""

import sys

import torch

from separator.benchmark.peers import measure_peers
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig


def main() -> None:
    torch.manual_seed(0)
    model = ConvTasNet(ConvTasNetConfig())
    print(f"{torch.get_num_threads()} threads, float32")
    for seconds in [float(each) for each in sys.argv[1:]] or [4, 10, 60]:
        for peer in measure_peers(model, 16000, torch.device("cpu"), seconds):
            print(
                f"{seconds:3g} s: {peer.our_seconds:7.3f} s   {peer.name} {peer.version} {peer.seconds:7.3f} s   "
                f"ratio {peer.ratio:5.2f}   of processor time {peer.processor_ratio:5.2f}   "
                f"outputs differ by {peer.largest_difference:.0e} at most",
                flush=True,
            )


if __name__ == "__main__":
    main()
