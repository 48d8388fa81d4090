"""make plan on GPUs: hours by hand, sizes of models, disk, what is assumed.

In: the default experiment on GPUs, rate files as `make gpu-check` writes them. Out: the same
numbers by hand.
"""

import copy
import json

import pytest
from test_gpu_rates import BF16, MEASURED, rate_files
from workflow_run import ROOT, command

from crosspl import cost_estimate as ce
from crosspl.cost_estimate import PRODUCTS, cost_lines
from crosspl.disk_estimate import disk, total
from crosspl.gpu_costs import START_S, Piece, example_tokens, plan, problems_of, rl_piece
from crosspl.gpu_rates import rate_for
from crosspl.io import write_csv, write_json, write_rows
from crosspl.job_costs import Cost, first_guess
from crosspl.matching import MATCHING_COLUMNS
from crosspl.model_size import Size, base_size, by_name, embedded
from crosspl.planned import Job
from crosspl.workflow import read_config

GPUS = {stage: {"gpu": 1} for stage in ("train_sft", "train_rl", "sample", "align")}
LLAMA = {
    "base": {"from": "meta-llama/Llama-3.1-8B-Instruct"}, "precision": BF16, "resources": GPUS,
    "rl": {"rollouts": "vllm"}, "sampling": {"engine": "vllm"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def config(tmp_path):
    """The default experiment on GPUs, with a model of 8 B parameters."""
    return with_overlay(tmp_path, LLAMA)


def with_overlay(folder, overlay):
    (folder / "overlay.yaml").write_text(json.dumps(overlay))
    return read_config(["config.yaml", str(folder / "overlay.yaml")])


def planned(config, folder, product="report", results="nothing"):
    """Return {rule: Row}, the Plan and the Size."""
    size = base_size(config, results)
    found = plan(config, PRODUCTS[product](config), size, problems_of(config, results), results, folder)
    return {row.rule: row for row in found.rows}, found, size


def test_hours_by_hand(config, tmp_path):
    rows, found, _ = planned(config, rate_files(tmp_path, h200={}), "transfer table")
    start = START_S / 3600
    assert rows["train_sft"].gpu_h == pytest.approx(8 * (200 * 32 * 96 / 5000 / 3600 + start))
    assert rows["train_rl"].gpu_h == pytest.approx(10 * (12 * 24 * 8 * 32 / 1000 / 3600 + start))
    assert rows["sample"].gpu_h == pytest.approx(19 * (160 * 5 * 3 * 32 / 8000 / 3600 + start))
    assert (rows["take_base"].jobs, rows["take_base"].gpu_h) == (1, 0)
    judged = 10 / (160 * 5 * 3) / 3600
    assert rows["train_rl"].core_h == pytest.approx(rows["train_rl"].gpu_h + 10 * 12 * 24 * 8 * judged)
    assert rows["judge_completions"].core_h == pytest.approx(19 * 160 * 5 * 3 * judged)
    assert [rules for line, rules in found.rates.items() if "h200.json" in line] == [
        ["train_sft"],
        ["train_rl"],
        ["sample"],
    ]
    assert "examples of SFT of half of sft.max_length, 96 tokens" in found.assumed


def test_whole_report_has_alignment_and_ablation(config, tmp_path):
    files = rate_files(
        tmp_path, h200={}, other={"sample": MEASURED["sample"] | {"engine": "transformers", "tokens_per_s": 1e3}}
    )
    rows, found, _ = planned(config, files)
    start = START_S / 3600
    assert rows["align"].gpu_h == pytest.approx(
        20 * (160 * 5 * 30 / 5000 / 3600 + start)
    )  # 19 models and the untrained
    assert rows["sample_ablated"].gpu_h == pytest.approx(4 * (160 * 5 * 3 * 32 / 1000 / 3600 + start))
    assert {rule for rules in found.rates.values() for rule in rules} == {
        "train_sft", "train_rl", "sample", "sample_ablated", "align",
    }  # fmt: skip


def test_twice_the_seeds_twice_the_hours(config, tmp_path):
    files, more = rate_files(tmp_path, h200={}), copy.deepcopy(config)
    more["seeds"] = [0, 1, 2, 3]
    one, two = (planned(now, files, "transfer table")[0] for now in (config, more))
    for rule in ("train_sft", "train_rl"):
        assert two[rule].gpu_h == pytest.approx(2 * one[rule].gpu_h) and two[rule].jobs == 2 * one[rule].jobs
    more = copy.deepcopy(config)
    more["rl"]["max_tokens"] *= 2
    assert planned(more, files)[0]["train_rl"].gpu_h > one["train_rl"].gpu_h


def test_variants_of_rl_have_their_own_lengths_and_engines(config):
    config["rl_variants"] = {
        "long": {"inits": ["parallel"], "settings": {"max_tokens": 640, "rollouts": "transformers"}}
    }
    assert rl_piece(config, "rl/parallel__long/python/seed0", 40) == Piece("rl", "transformers", 2304 * 320, 2304 * 40)
    assert rl_piece(config, "rl/parallel/python/seed0", 40) == Piece("rl", "vllm", 2304 * 32, 2304 * 40)
    rules = {cost.rule: cost for cost in ce.transfer_table_costs(config)}
    config["rl_variants"]["long"]["settings"]["generations"] = 24
    more = {cost.rule: cost for cost in ce.transfer_table_costs(config)}
    per_answer = ce.UNITS["train_rl"]
    assert more["train_rl"].cpu_s - rules["train_rl"].cpu_s == pytest.approx(2 * 2304 * per_answer)


@pytest.mark.parametrize("name, parameters", [
    ("meta-llama/Llama-3.1-8B-Instruct", 8e9), ("Qwen/Qwen2.5-Coder-1.5B", 1.5e9), ("org/tiny-500M", 500e6),
    ("HuggingFaceTB/SmolLM2-135m", 135e6), ("bigcode/starcoder2-3b", 3e9), ("Qwen/Qwen3-30B-A3B", 30e9),
    ("o/70b/", 70e9),
    ("openai-community/gpt2", None), ("mistralai/Mixtral-8x7B-v0.1", None), ("org7B/model", None), ("o/phi-4bit", None),
    ("Qwen/Qwen1.5-MoE-A2.7B", None),
])  # fmt: skip
def test_parameters_by_name(name, parameters):
    assert by_name(name)[0] == parameters


def test_unknown_parameters_leave_gpu_hours_empty(config, tmp_path):
    config["base"]["from"] = "somebody/model"
    rows, found, size = planned(config, rate_files(tmp_path, h200={}))
    assert size == Size(None, None, None, size.said) and "somebody/model has is not known" in size.said
    assert rows["train_rl"][2:] == (None, None) and rows["judge_completions"].core_h > 0 and not found.rates
    needed = disk(config, PRODUCTS["report"](config), size, problems_of(config, "nothing")[0])
    assert needed["results/base, the base model"] is None and total(needed) > 0


def test_size_of_the_embedded_model_is_that_of_its_files():
    default = read_config(["config.yaml"])
    size = base_size(default)
    assert size.parameters == 467_616 and size.lora == 87_552  # of a finished run: 1,873,496 and 355,544 bytes in files
    twice = embedded(default["base"]["model"], 1408, 32)
    assert twice.lora == 2 * size.lora and twice.parameters == size.parameters


def test_size_of_a_folder_is_that_of_its_tensors(config, tmp_path):
    from published import adapter_folder, model_folder
    from transformers import AutoModelForCausalLM

    config["base"]["from"] = str(model_folder(tmp_path / "model"))
    size = base_size(config)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert size.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert size.stored == (tmp_path / "model/model.safetensors").stat().st_size
    adapter_folder(tmp_path / "adapter", tmp_path / "model", r=16)
    file = tmp_path / "adapter/adapter_model.safetensors"
    assert 4 * size.lora <= file.stat().st_size <= 4 * size.lora + 4096


def test_base_model_that_was_taken_counts_itself(config, tmp_path):
    manifest = {"parameters": 8_030_261_248, "from": config["base"]["from"], "revision": None}
    write_json(tmp_path / "base/manifest.json", manifest)
    assert base_size(config, tmp_path).parameters == 8_030_261_248
    write_json(tmp_path / "base/manifest.json", manifest | {"from": "another/model-1B"})
    assert base_size(config, tmp_path).parameters == 8e9


def test_disk_by_hand(config):
    asked, size = PRODUCTS["transfer table"](config), Size(8e9, 16e9, 42e6, "")
    found = disk(config, asked, size, problems_of(config, "nothing")[0])
    answers, rolled_out = 19 * 160 * 5 * 3, 10 * 12 * 24 * 8
    assert list(found.values()) == [
        16e9, 18 * 4 * 42e6, answers * (16 + 32 + 14), 18 * 3 * 4 * 42e6, answers * (16 + 32),
        (answers + rolled_out) * 410,
    ]  # fmt: skip
    assert total(found) == sum(found.values())
    default = read_config(["config.yaml"])
    own = base_size(default)
    found = disk(default, PRODUCTS["transfer table"](default), own, ce.sizes(default))
    assert found["work/, to resume training"] == 3 * own.stored + 18 * 3 * 4 * own.lora


def test_work_on_cpus_is_as_before(config, tmp_path):
    default = read_config(["config.yaml"])
    rows, found, _ = planned(default, tmp_path / "nowhere")
    assert not found.rates and not found.assumed
    for cost in ce.report_costs(default):
        assert rows[cost.rule] == (cost.rule, cost.jobs, 0, cost.cpu_s / 3600)
    config["resources"]["train_sft"]["gpu"] = 0  # a published model on a CPU
    rows, found, _ = planned(config, rate_files(tmp_path, h200={}))
    assert rows["train_sft"][2:] == (0, None)
    assert any("nothing of train_sft" in line for line in found.assumed)


def test_larger_microworld_model_on_a_gpu(tmp_path):
    base = {"model": {"hidden_size": 2048, "num_hidden_layers": 16, "intermediate_size": 5632}}
    resources = GPUS | {"train_base": {"gpu": 1}, "train_sft": {"gpu": 2}}
    config = with_overlay(tmp_path, {"base": base, "resources": resources})
    rows, found, size = planned(config, rate_files(tmp_path))
    assert size.parameters == 1408 * 2048 + 16 * (4 * 2048**2 + 3 * 2048 * 5632 + 2 * 2048) + 2048
    rate = rate_for("sft", config["precision"], None, size.parameters, tmp_path).tokens_per_s
    assert rows["train_base"].gpu_h == pytest.approx(1250 * 32 * 96 / rate / 3600 + START_S / 3600)
    assert rows["train_sft"].gpu_h == pytest.approx(8 * (200 * 32 * 96 / rate / 3600 + 2 * START_S / 3600))
    assert "several GPUs as fast as their number" in found.assumed and "take_base" not in rows


def test_imported_problems_are_assumed_then_counted(config, tmp_path):
    config["problems"]["source"] = "imported"
    config["problems"]["imported"] = {"most_tests": 5}
    problems, said = problems_of(config, tmp_path)
    assert problems == {"sft": 240, "rl": 0, "validation": 0, "eval": 164} and "not here yet" in said
    (tmp_path / "imported").mkdir()
    write_rows(tmp_path / "problems.jsonl.gz", [{"split": split} for split in ("sft", "sft", "eval")])
    problems, said = problems_of(config, tmp_path)
    assert problems == {"sft": 2, "rl": 0, "validation": 0, "eval": 1} and "counted" in said
    rows, _, _ = planned(config, rate_files(tmp_path / "b", h200={}), "transfer table", tmp_path)
    assert rows["sample"].gpu_h == pytest.approx(19 * (5 * 3 * 32 / 8000 / 3600 + START_S / 3600))
    assert rows["judge_completions"].core_h == pytest.approx(19 * 5 * 3 * 0.0244 / 3600)
    assert rows["build_programs"].core_h == pytest.approx(5 * 3 * 0.0244 / 3600)


def test_real_lengths_where_this_model_counted_them(config, tmp_path):
    values = {"programs": (100, 300), "tokens": (4000, 4000), "steps": (7, 7)}
    rows = [dict.fromkeys(MATCHING_COLUMNS) | {"mixture": "a", "other": "parallel", "quantity": key, "value": one,
            "other_value": two} for key, (one, two) in values.items()]  # fmt: skip
    write_csv(tmp_path / "sft_data/matching.csv", MATCHING_COLUMNS, rows)
    assert example_tokens(config, tmp_path)[0] == 96
    write_json(tmp_path / "base/manifest.json", {"from": config["base"]["from"]})
    assert example_tokens(config, tmp_path)[0] == 40 + 8000 / 400
    config["sft"]["packing"] = True
    assert example_tokens(config, tmp_path)[0] == 192


def test_command_says_where_every_hour_is_from(tmp_path):
    (tmp_path / "llama.yaml").write_text(json.dumps(LLAMA))
    done = command(ROOT, "estimate_cost", "config.yaml", str(tmp_path / "llama.yaml"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("transfer table from nothing: about 62 jobs, ") and "GPU-hours" in lines[0]
    where_from = [line for line in lines if ("published by others" in line or "measured, " in line)]
    for rule in ("train_sft", "train_rl", "sample", "sample_ablated", "align"):
        assert any(rule in line.partition(":")[0].replace(",", "").split() for line in where_from), rule
    assert any("results/base, the base model" in line and line.endswith("16.0 GB") for line in lines)
    (tmp_path / "llama.yaml").write_text(json.dumps(LLAMA | {"base": {"from": "somebody/model"}}))
    done = command(ROOT, "estimate_cost", "config.yaml", str(tmp_path / "llama.yaml"))
    assert done.returncode == 0 and "unknown GPU-hours" in done.stdout and "GPU-hours are left empty" in done.stdout


def test_start_of_a_run_on_gpus_names_the_command(config):
    assert cost_lines(config, 4)[0] == "transfer table from nothing: about 62 jobs; `make plan` says how many GPU-hours"
    default = read_config(["config.yaml"])
    assert cost_lines(default, 2)[0] == (
        "transfer table from nothing: about 62 jobs, 28 CPU minutes, 14 minutes on 2 idle cores with a model of the "
        "default's size"
    )
    assert cost_lines(default, None)[0].endswith("28 CPU minutes with a model of the default's size")


def test_explain_guesses_no_hours_of_gpus():
    job = Job("train_rl", "x", *[None] * (len(Job._fields) - 2))
    assert first_guess(10, job._replace(gpus=1)) is None and first_guess(10, job._replace(gpus=0)) == Cost(10, 10, 0)
