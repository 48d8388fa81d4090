"""Rates of GPUs: which file is chosen and its factor, published figures where there is none, wrong files.

In: rate files as `make gpu-check` writes them. Out: rates, lines that say where they are from, errors.
"""

import json
import shutil

import pytest
from workflow_run import ROOT

from crosspl.errors import UserError
from crosspl.gpu_rates import PUBLISHED, measured, rate_for
from crosspl.io import write_json

BF16 = {"weights": "bfloat16", "quantization": None}
MEASURED = {
    "device": "NVIDIA H200", "model": {"name": "Llama-3.1-8B", "parameters": 8_000_000_000}, "precision": BF16,
    "sft": {"tokens_per_s": 5000.0, "peak_gib": 40.0},
    "rl": {"engine": "vllm", "answers": 128, "tokens_per_answer": 500.0, "step_s": 64.0},
    "sample": {"engine": "vllm", "tokens_per_s": 8000.0, "seconds": 3}, "date": "2026-11-22",
}  # fmt: skip


def rate_files(folder, **changes):
    """Write one file per name, the measured one with some of it changed; return the folder."""
    (folder / "gpu").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "benchmarks" / "published.yaml", folder)
    for name, change in changes.items():
        write_json(folder / "gpu" / f"{name}.json", MEASURED | change)
    return folder


def test_nearest_file_that_fits_and_its_factor(tmp_path):
    small = {"model": {"name": "small", "parameters": 1_000_000_000}, "sft": {"tokens_per_s": 20000.0}}
    quantized = {"precision": {"weights": "bfloat16", "quantization": "nf4"}, "sft": {"tokens_per_s": 3000.0}}
    files = rate_files(tmp_path, a=small, b={}, c=quantized)
    rate = rate_for("sft", BF16, None, 4e9, files)  # 4 times the one, half of the other
    assert rate.tokens_per_s == pytest.approx(10000) and "gpu/b.json" in rate.said and "x 0.5 for 4 B" in rate.said
    rate = rate_for("sft", BF16, None, 2e9, files)
    assert rate.tokens_per_s == pytest.approx(10000) and "gpu/a.json" in rate.said and "x 2 for 2 B" in rate.said
    rate = rate_for("sft", quantized["precision"], None, 8e9, files)
    assert rate.tokens_per_s == pytest.approx(3000) and "gpu/c.json" in rate.said and PUBLISHED not in rate.said
    assert rate_for("rl", BF16, "vllm", 8e9, files).tokens_per_s == pytest.approx(1000)
    assert "far apart" in rate_for("sft", BF16, None, 70e9, files).said
    other = rate_for("rl", BF16, "transformers", 8e9, files)  # no file has this engine
    assert PUBLISHED in other.said and "with vllm: transformers takes longer" in other.said


def test_without_files_published_figures_and_their_source(tmp_path):
    files = rate_files(tmp_path)
    assert measured(files) == []
    rate = rate_for("rl", BF16, "vllm", 8.03e9, files)
    assert rate.tokens_per_s == pytest.approx(1581) and rate.prompts and "NVIDIA-NeMo/RL" in rate.said
    rate = rate_for("sft", {"weights": "bfloat16", "quantization": "nf4"}, None, 7.72e9, files)
    assert rate.tokens_per_s == pytest.approx(2341) and not rate.prompts and "QwenLM/Qwen" in rate.said
    full = rate_for("sft", {"weights": "float32", "quantization": None}, None, 7.72e9, files)
    assert full.tokens_per_s == pytest.approx(2926) and "float32 takes longer" in full.said
    quantized = rate_for("rl", {"weights": "bfloat16", "quantization": "nf4"}, "vllm", 8e9, files)
    assert "nf4 takes longer" in quantized.said
    assert "of RL, of which answers are a part" in rate_for("sample", BF16, "vllm", 8e9, files).said


def test_blocks_may_be_missing(tmp_path):
    files = rate_files(tmp_path, only={"rl": None, "sample": None})
    assert [row["kind"] for row in measured(files)] == ["sft"]
    (files / "gpu/only.json").write_text(json.dumps({key: MEASURED[key] for key in ("device", "model", "precision")}))
    assert measured(files) == []


WRONG = {
    "not JSON": ("{", "not JSON"),
    "a list": ("[]", "not a JSON object"),
    "no device": ({"device": ...}, "device is missing"),
    "no model": ({"model": ...}, "model is missing"),
    "no parameters": ({"model": {"name": "x"}}, "model.parameters is missing"),
    "no precision": ({"precision": {"weights": "bfloat16"}}, "precision.quantization is missing"),
    "no speed": ({"sft": {"peak_gib": 1}}, "sft.tokens_per_s is missing"),
    "no engine": ({"rl": dict.fromkeys(("answers", "tokens_per_answer", "step_s"), 1)}, "rl.engine is missing"),
    "a text": ({"sft": {"tokens_per_s": "fast"}}, "sft.tokens_per_s is 'fast', which cannot be"),
    "true": ({"sft": {"tokens_per_s": True}}, "sft.tokens_per_s is True, which cannot be"),
    "zero": ({"rl": MEASURED["rl"] | {"step_s": 0}}, "rl.step_s is 0, and must be above 0"),
    "not a number": ({"sft": {"tokens_per_s": float("nan")}}, "sft.tokens_per_s is nan, and must be above 0"),
    "a block that is none": ({"sample": 3}, "sample is missing"),
}


@pytest.mark.parametrize("content, words", WRONG.values(), ids=WRONG)
def test_wrong_file_is_named_with_its_key(tmp_path, content, words):
    files = rate_files(tmp_path)
    if isinstance(content, dict):
        content = json.dumps({key: value for key, value in (MEASURED | content).items() if value is not ...})
    (files / "gpu" / "bad.json").write_text(content)
    with pytest.raises(UserError) as error:
        rate_for("sft", BF16, None, 8e9, files)
    assert str(error.value).startswith(f"{files}/gpu/bad.json: {words}") and "\n" not in str(error.value)
