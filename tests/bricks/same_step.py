"""Holds a brick to another implementation, on the same weights: output, all gradients and all running statistics."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def randomise(module: nn.Module) -> None:
    """Moves every weight, gain, offset and running statistic away from where it starts."""
    for child in module.modules():
        if isinstance(child, _BatchNorm):
            assert child.running_mean is not None and child.running_var is not None
            child.running_mean.normal_(0, 0.5)
            child.running_var.uniform_(0.5, 2)
        if isinstance(child, _BatchNorm | nn.LayerNorm):
            child.weight.uniform_(0.5, 1.5)
            child.bias.normal_(0, 0.5)


def assert_same_step(
    brick: nn.Module,
    reference: nn.Module,
    frames: Tensor,
    to_brick: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict,
    to_reference: Callable[[Tensor], Tensor] = lambda frames: frames,
) -> None:
    """Output, gradients of input and weights, and buffers of a training and an evaluation step agree to 1e-5.

    Args:
        brick: What is tested; it gets the weights of `reference`.
        reference: The other implementation.
        frames: Input of the brick.
        to_brick: Names and shapes of the reference's weights as the brick has them; the same for their gradients.
        to_reference: Input or output of the brick in the shape of the reference's.
    """
    brick.load_state_dict(to_brick(reference.state_dict()), strict=True)
    for training in (True, False):
        results: list[dict[str, Tensor]] = []
        for module, shaped in ((brick, lambda tensor: tensor), (reference, to_reference)):
            module.train(training).zero_grad()
            signal = frames.clone().requires_grad_()
            torch.manual_seed(0)  # both drop the same samples
            output = module(shaped(signal))
            weights = torch.linspace(-1, 1, output.numel()).roll(output.numel() // 3).reshape(output.shape)
            (output * weights).mean().mul(100).backward()
            gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
            missing = [name for name, gradient in gradients.items() if gradient is None]
            assert not missing, f"no gradient reaches {missing}"
            found = {name: gradient for name, gradient in gradients.items() if gradient is not None}
            buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
            if module is reference:
                found, buffers = to_brick(found), to_brick(buffers)
            assert signal.grad is not None
            found = {f"gradient of {name}": gradient for name, gradient in found.items()}
            results.append({"output": output.flatten(), "gradient of the input": signal.grad} | found | buffers)
        ours, theirs = results
        assert ours.keys() == theirs.keys()
        for name, tensor in ours.items():
            torch.testing.assert_close(
                tensor, theirs[name], rtol=1e-5, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
            )
