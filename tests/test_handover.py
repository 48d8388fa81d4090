"""An adapter is what it claims to be: trained, saved, loaded, resumed; on a real Llama of one layer."""

import hashlib
import math
import shutil

import pytest
import torch
from tiny import WORLD, base_folder, training_rows
from tiny_training import GRPO, SFT, fresh, grpo, length_reward, sft

from crosspl import models, training
from crosspl.errors import UserError
from crosspl.io import read_csv, read_json
from crosspl.microworld import world
from crosspl.problems import of_split
from crosspl.rl import train as rl

CANARIES = ["# python\n# add 3 to each\nprint(1)", "# lua\nfor line in io.lines() do\nend"]


@pytest.fixture(scope="module")
def trained(base, tokenizer, tmp_path_factory):
    """Return the model after one real SFT step, and its folder as scripts.train_sft leaves it."""
    model = fresh(base)
    start, folder = models.adapter_hash(model), tmp_path_factory.mktemp("adapter")
    settings = SFT | {"steps": 1, "warmup": 0}
    model, _ = training.train_supervised(model, tokenizer, training_rows(), settings, 0, folder / "state", "sft")
    models.hand_over(model, base, tokenizer, CANARIES, start, folder / "out", {"seed": 0})
    return model, folder / "out"


def test_one_step_changes_the_adapter_and_is_proved(base, trained):
    model, folder = trained
    manifest = read_json(folder / "manifest.json")
    assert manifest["adapter_before"] == models.adapter_hash(fresh(base)) != manifest["adapter_after"]
    assert manifest["adapter_after"] == models.adapter_hash(model)
    assert manifest["weights_sha256"] == hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
    proof = manifest["proof"]
    assert proof["canary_base"] == pytest.approx(proof["canary_zeroed"], abs=1e-4) != proof["canary_adapter"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(["manifest.json", *models.ADAPTER_FILES])
    modules = read_json(folder / "adapter_config.json")["target_modules"]
    assert modules == sorted(modules) and len(modules) > 5  # PEFT has a set, whose order changes from run to run


def test_fresh_adapters_depend_on_the_seed_alone(base):
    torch.rand(3)
    assert (
        models.adapter_hash(fresh(base, 1))
        == models.adapter_hash(fresh(base, 1))
        != models.adapter_hash(fresh(base, 2))
    )


def test_proof_leaves_the_weights_as_they_were(base, tokenizer, trained):
    model, _ = trained
    before = models.adapter_hash(model)
    models.prove_adapter(model, models.load_base(base), tokenizer, CANARIES)
    assert models.adapter_hash(model) == before


def test_untouched_adapter_is_no_adapter(base, tokenizer):
    with pytest.raises(AssertionError, match="does not change the base"):
        models.prove_adapter(fresh(base), models.load_base(base), tokenizer, CANARIES)


def test_another_base_is_noticed(base, tokenizer, trained, tmp_path):
    other = models.load_base(base_folder(tmp_path, seed=1))
    with pytest.raises(AssertionError, match="zeroed adapter the model is not the base"):
        models.prove_adapter(trained[0], other, tokenizer, CANARIES)


def test_a_merged_adapter_is_noticed(base, tokenizer, trained):
    model = models.load_adapter(models.load_base(base), trained[1])
    model.merge_adapter()
    with pytest.raises(AssertionError, match="hand-over"):
        models.prove_adapter(model, models.load_base(base), tokenizer, CANARIES)


def test_saved_and_loaded_weights_have_equal_bits(base, tokenizer, trained, tmp_path):
    model, folder = trained
    loaded = models.load_adapter(models.load_base(base), folder)
    assert models.adapter_hash(loaded) == models.adapter_hash(model)
    texts = CANARIES + [row["prompt"] for row in training_rows(4)]
    scores = [models.canary_log_probs(m, tokenizer, texts) for m in (model, loaded)]
    assert torch.equal(*scores)
    models.save_adapter(loaded, tmp_path, {})
    name = models.ADAPTER_FILES[0]
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("place", [8, 400, -1])
def test_a_flipped_byte_is_a_message(base, trained, tmp_path, place):
    shutil.copytree(trained[1], tmp_path / "adapter")
    path = tmp_path / "adapter" / models.ADAPTER_FILES[0]
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="not those of its manifest; delete the folder"):
        models.load_adapter(models.load_base(base), tmp_path / "adapter")


def test_weights_that_are_not_in_memory_are_noticed(base, trained):
    with pytest.raises(AssertionError, match="in memory is not the one in"):
        models.assert_loaded(fresh(base, 5), trained[1])


def test_forgotten_trainable_flag_is_noticed(base, trained):
    frozen = models.load_adapter(models.load_base(base), trained[1])
    with pytest.raises(AssertionError, match="no trainable parameter"):
        models.trainable_parameters(frozen)
    model = models.load_adapter(models.load_base(base), trained[1], trainable=True)
    lora = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    assert models.trainable_parameters(model) == lora > 0


@pytest.fixture
def trainers(monkeypatch):
    """Collect the trainers that are run, as they are."""
    found, run = [], training.run
    tap = lambda trainer, state: found.append(trainer) or run(trainer, state)  # noqa: E731
    monkeypatch.setattr(training, "run", tap)
    monkeypatch.setattr(rl, "run", tap)
    return found


def test_labels_are_the_program_and_its_end(base, tokenizer, tmp_path, trainers):
    """The batches as the model gets them: prompt and padding masked, every answer ends in <eos> and it is learned."""
    sft(base, tokenizer, tmp_path, steps=1)
    wanted = {row["completion"]: row["prompt"] for row in training_rows()}
    seen = []
    for batch in trainers[0].get_train_dataloader():
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"]):
            learned = labels != -100
            assert labels[learned][-1] == tokenizer.eos_token_id
            assert (labels[learned] == tokenizer.eos_token_id).sum() == 1
            assert tokenizer.pad_token_id not in labels
            completion = tokenizer.decode(labels[learned][:-1])
            seen.append(completion)
            assert tokenizer.decode(ids[(mask == 1) & ~learned]) == wanted[completion]
            assert torch.equal(ids[learned], labels[learned])
            assert (ids[mask == 0] == tokenizer.pad_token_id).all()
    assert sorted(seen) == sorted(row["completion"] for row in training_rows())


def test_what_is_not_a_number_stops_training(base, tokenizer, tmp_path):
    model = fresh(base)
    next(p for name, p in model.named_parameters() if "lora_B" in name).data[0, 0] = math.nan
    with pytest.raises(AssertionError, match="not a number at step 1"):
        training.train_supervised(model, tokenizer, training_rows(), SFT, 0, tmp_path, "sft")


def test_zero_learning_rate_is_not_handed_over(base, tokenizer, tmp_path):
    model = fresh(base)
    start = models.adapter_hash(model)
    model, _ = training.train_supervised(
        model, tokenizer, training_rows(), SFT | {"learning_rate": 0.0, "steps": 2}, 0, tmp_path / "state", "sft"
    )
    assert models.adapter_hash(model) == start
    with pytest.raises(AssertionError, match="did not change"):
        models.hand_over(model, base, tokenizer, CANARIES, start, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_history_is_written_as_a_table(base, tokenizer, tmp_path):
    _, history = sft(base, tokenizer, tmp_path / "state", steps=2)
    training.write_history(tmp_path / "history.csv", history)
    rows = read_csv(tmp_path / "history.csv")
    assert [row["step"] for row in rows] == ["1.0", "2.0"] and all(0 < float(row["loss"]) < 10 for row in rows)
    assert not [key for key in rows[0] if "runtime" in key or "per_second" in key]


def test_rewards_of_none_are_no_zeros(base, tokenizer, tmp_path):
    """Where all answers that were judged are equally good there is nothing to learn; a None as 0 would teach."""
    some_none = lambda completions, **_: [None if n % 4 == 1 else 1.0 for n in range(len(completions))]  # noqa: E731
    model, _ = grpo(base, tokenizer, tmp_path / "none", some_none)
    assert models.adapter_hash(model) == models.adapter_hash(fresh(base))
    zeros = lambda completions, **_: [float(n % 4 != 1) for n in range(len(completions))]  # noqa: E731
    model, _ = grpo(base, tokenizer, tmp_path / "zero", zeros)
    assert models.adapter_hash(model) != models.adapter_hash(fresh(base))


@pytest.mark.parametrize("keep", [1, 0])
def test_rewards_of_none_leave_the_weights_finite(base, tokenizer, tmp_path, keep):
    """One judged answer in a generation, and none at all."""

    def reward(completions, **_):
        return [float(len(text)) if n < keep else None for n, text in enumerate(completions)]

    model, _ = grpo(base, tokenizer, tmp_path, reward, generations=2)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_grpo_from_an_sft_adapter_trains_that_adapter(base, tokenizer, trained, tmp_path):
    model = models.load_adapter(models.load_base(base), trained[1], trainable=True)
    start, problems = models.adapter_hash(model), of_split(world.build_problems(WORLD), "rl")
    assert start == models.adapter_hash(trained[0])
    settings = GRPO | {"generations": 1}
    model, _ = rl.train_grpo(
        model, tokenizer, [problems], "python", length_reward, settings, 0, tmp_path / "state", "rl"
    )
    models.hand_over(model, base, tokenizer, CANARIES, start, tmp_path / "out", {})
    assert models.adapter_hash(model) != start
    loaded = models.load_adapter(models.load_base(base), tmp_path / "out")
    assert models.adapter_hash(loaded) == models.adapter_hash(model)
