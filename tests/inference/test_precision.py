"""Which precision a model runs in, on processors that compute in bfloat16 and on others."""

from pathlib import Path

import pytest
import torch

from separator.errors import InputError
from separator.inference import precision
from separator.inference.precision import choose_dtype, has_native_bfloat16
from separator.inference.separator import Separator
from tests.tiny_model import save_tiny_model

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("agreement_db", "native", "expected"),
    [
        (45.0, True, torch.bfloat16),
        (40.0, True, torch.bfloat16),
        (39.9, True, torch.float32),
        (float("nan"), True, torch.float32),
        (None, True, torch.float32),
        (45.0, False, torch.float32),
    ],
)
def test_auto_on_a_cpu(
    agreement_db: float | None, native: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_native_bfloat16", lambda: native)
    assert choose_dtype("auto", CPU, agreement_db) == expected
    assert choose_dtype("float32", CPU, agreement_db) == torch.float32
    assert choose_dtype("bfloat16", CPU, agreement_db) == torch.bfloat16


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({"neon": True, "bf16": False}, False),
        ({"architecture": "unknown"}, False),
    ],
)
def test_processors(capabilities: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert has_native_bfloat16() == expected


def test_torch_names_what_is_asked_for() -> None:
    """Of this processor: a name that torch does not know would never be true."""
    known = torch.cpu.get_capabilities()
    names = ("avx512_bf16", "amx_bf16") if known["architecture"] == "x86_64" else ("bf16",)
    assert set(names) <= set(known)


@pytest.mark.parametrize(("agreement_db", "expected"), [(48, "bfloat16"), (20.5, "float32"), (None, "float32")])
def test_a_model_says_whether_it_bears_bfloat16(
    agreement_db: float | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_native_bfloat16", lambda: True)
    folder = save_tiny_model(tmp_path / "m", bfloat16_agreement_db=agreement_db)
    assert Separator.from_pretrained(folder, device="cpu").settings["precision"] == expected
    assert Separator.from_pretrained(folder, device="cpu", precision="float32").settings["precision"] == "float32"


def test_8_bits_where_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "can_be_packed", lambda device, dtype: device.type == "cpu")
    assert choose_dtype("int8", CPU, None) == torch.int8
    with pytest.raises(InputError, match="expected int8 on an x86 processor with AVX2 or more, found it on cuda"):
        choose_dtype("int8", torch.device("cuda"), None)
    with pytest.raises(InputError, match="precision int8: expected a spectrogram model"):
        Separator.from_pretrained(save_tiny_model(tmp_path / "m"), device="cpu", precision="int8")


@pytest.mark.parametrize("agreement_db", ["high", True, [40]])
def test_an_agreement_that_is_no_number_is_refused(agreement_db: object, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "m", bfloat16_agreement_db=agreement_db)
    with pytest.raises(InputError, match=r"bfloat16_agreement_db: expected a number, found"):
        Separator.from_pretrained(folder, device="cpu")
