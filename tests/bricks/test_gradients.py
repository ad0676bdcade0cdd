"""The backward passes of PReLU and of the depthwise convolution against PyTorch's own, and against differences."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.dilated import DilatedConv1d
from separator.bricks.gradients import PReLU, depthwise_convolution, pointwise_convolution


def gradients(output: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 2, output.numel(), dtype=output.dtype).view(output.shape)
    return torch.autograd.grad((weights * output).sum(), inputs)


@pytest.mark.parametrize("slope", [0.25, 0.0, -0.5, 1.0])
def test_prelu(slope: float) -> None:
    ours, theirs = PReLU().double(), nn.PReLU(init=slope).double()
    ours.load_state_dict(theirs.state_dict())
    frames = torch.randn(2, 3, 17, dtype=torch.float64, requires_grad=True)
    assert ours(frames).grad_fn is not None and "PReLUFunction" in type(ours(frames).grad_fn).__name__
    torch.testing.assert_close(ours(frames), theirs(frames), rtol=0, atol=0)
    expected = gradients(theirs(frames), frames, theirs.weight)
    torch.testing.assert_close(gradients(ours(frames), frames, ours.weight), expected)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dilation", [1, 2, 6, 40])
@pytest.mark.parametrize("bias", [False, True])
def test_depthwise_convolution(causal: bool, dilation: int, bias: bool) -> None:
    brick = DilatedConv1d(4, 4, kernel_size=3, dilation=dilation, causal=causal, groups=4, bias=bias)
    frames = torch.randn(2, 4, 11, requires_grad=True)  # the last two dilations reach beyond it
    names, weights = zip(*brick.named_parameters(), strict=True)
    found, before = brick(frames), brick.reach if causal else brick.reach // 2
    padded = functional.pad(frames, (before, brick.reach - before))
    expected = functional.conv1d(padded, brick.weight, brick.bias, dilation=dilation, groups=4)
    torch.testing.assert_close(found, expected)
    for name, ours, theirs in zip(
        ("frames", *names), gradients(found, frames, *weights), gradients(expected, frames, *weights), strict=True
    ):
        torch.testing.assert_close(ours, theirs, msg=lambda text, name=name: f"{name}: {text}")


def test_gradients_are_those_of_differences() -> None:
    random = torch.Generator().manual_seed(0)
    frames, weight, bias = (
        torch.randn(shape, generator=random, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 3, 9), (3, 1, 3), (3,))
    )
    assert torch.autograd.gradcheck(lambda *given: depthwise_convolution(*given, 2, 2), (frames, weight, bias))
    assert torch.autograd.gradgradcheck(lambda *given: depthwise_convolution(*given, 2, 2), (frames, weight, bias))
    square = torch.randn(4, 3, 1, generator=random, dtype=torch.float64, requires_grad=True)
    four = torch.randn(4, generator=random, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pointwise_convolution, (frames, square, four))
    assert torch.autograd.gradgradcheck(pointwise_convolution, (frames, square, four))
    prelu = PReLU().double()
    assert torch.autograd.gradgradcheck(lambda given: prelu(given), (frames,))
    assert torch.autograd.gradcheck(PReLU().double(), (frames,))


@pytest.mark.parametrize("groups, kernel_size", [(1, 1), (16, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_bfloat16(groups: int, kernel_size: int, bias: bool) -> None:
    torch.manual_seed(0)
    brick = DilatedConv1d(16, 16, kernel_size, dilation=2, groups=groups, bias=bias)
    prelu, frames = PReLU(), torch.randn(2, 16, 300, requires_grad=True)
    weights = [*brick.parameters(), prelu.weight]
    expected = prelu(brick(frames))
    exact = gradients(expected, frames, *weights)
    with torch.autocast("cpu", torch.bfloat16):
        found = prelu(brick(frames))
    assert found.dtype == torch.bfloat16 and "PReLUFunction" in type(found.grad_fn).__name__
    assert any(name in str(found.grad_fn.next_functions) for name in ("PointwiseFunction", "DepthwiseFunction"))
    torch.testing.assert_close(found.float(), expected, rtol=2e-2, atol=2e-2)
    for ours, theirs in zip(gradients(found.float(), frames, *weights), exact, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_prelu_of_float32_under_autocast() -> None:
    prelu, theirs, frames = PReLU(), nn.PReLU(), torch.randn(2, 3, 17, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = prelu(frames), theirs(frames)
    assert found.dtype == expected.dtype
    for ours, other in zip(
        gradients(found, frames, prelu.weight), gradients(expected, frames, theirs.weight), strict=True
    ):
        torch.testing.assert_close(ours, other, rtol=2e-2, atol=2e-2)


def test_float16_compilers_and_inference_have_their_own() -> None:
    frames, prelu = torch.randn(1, 2, 5, requires_grad=True), PReLU()
    with torch.autocast("cpu", torch.float16):
        assert type(prelu(frames).grad_fn).__name__ == "PreluKernelBackward0"
    with torch.no_grad():
        assert prelu(frames).grad_fn is None


@pytest.mark.parametrize("bias", [False, True])
def test_several_weights_by_transforms(bias: bool) -> None:
    bricks = [DilatedConv1d(4, 4, 3, dilation=2, groups=4, bias=bias).double() for _ in range(3)]
    weights, buffers = torch.func.stack_module_state(bricks)  # type: ignore[arg-type]
    frames = torch.randn(2, 4, 9, dtype=torch.float64)

    def separate(given: dict[str, Tensor]) -> Tensor:
        output: Tensor = torch.func.functional_call(bricks[0], (given, buffers), (frames,))
        return output

    found = torch.func.vmap(separate)(weights)
    torch.testing.assert_close(found, torch.stack([brick(frames) for brick in bricks]))


def test_gradients_of_each_example_by_transforms() -> None:
    block = nn.Sequential(DilatedConv1d(4, 4, 3, dilation=2, groups=4), PReLU()).double()
    batch = torch.randn(3, 1, 4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = dict(block.named_parameters())

    def loss(given: dict[str, Tensor], example: Tensor) -> Tensor:
        return torch.func.functional_call(block, given, (example,)).square().sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, batch)
    for name, weight in weights.items():
        expected = [torch.autograd.grad(block(example).square().sum(), weight)[0] for example in batch]
        torch.testing.assert_close(each[name], torch.stack(expected))
