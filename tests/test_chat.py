"""Chat templates: SFT, GRPO and sampling see the same tokens, with one <bos>; the loss is on the answer and its end."""

import json
from pathlib import Path

import pytest
from datasets import Dataset
from tiny import LORA, base_folder
from tiny_training import GRPO, SFT, fresh
from tokenizers import processors
from trl import GRPOConfig, GRPOTrainer

from crosspl import chat, models, training
from crosspl.errors import UserError
from crosspl.io import read_json, read_rows, write_rows
from crosspl.protocol import PLAIN, ask, gold_answer, said
from crosspl.rl import train as rl
from crosspl.sampling import sample
from scripts import train_sft

LLAMA3 = (  # of Llama 3.2, shortened: <bos>, a day, headers, <|eot_id|> as the end of every turn
    "{{ bos_token }}{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "<|start_header_id|>system<|end_header_id|>\n\nToday Date: {{ date_string }}<|eot_id|>"
    "{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN3 = (  # of Qwen3, shortened: empty thoughts before the last answer, and before the one asked for where told so
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
KINDS = {  # template, <bos>, the end of a turn, other marks
    "llama3": (LLAMA3, "<|begin_of_text|>", "<|eot_id|>", ["<|start_header_id|>", "<|end_header_id|>"]),
    "chatml": (CHATML, None, "<|im_end|>", ["<|im_start|>"]),
    "qwen3": (QWEN3, None, "<|im_end|>", ["<|im_start|>"]),
}
PROTOCOL = {"style": "chat", "languages": {"python": {"name": "Python 3", "fence": ["python", "py"]}}}
PROBLEMS = [
    {"id": f"p/{n}", "statement": f"Print {n} {'and nothing else ' * n}", "tests": [{}], "harness": None}
    for n in range(3)
]
CODES = ["print(0)\n", 'text = """\n```\n"""\nprint(1)\n', "\nprint(2)  \n"]


def chat_folder(folder, template, bos, end, marks):
    """Write a tiny Llama whose tokenizer has the template, and the special tokens of its kind."""
    base_folder(folder)
    tokenizer = models.load_tokenizer(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": [*([bos] if bos else []), end, *marks]})
    if bos:  # as Llama's own: it puts <bos> before every text
        place = tokenizer.convert_tokens_to_ids(bos)
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, place)]
        )
        tokenizer.bos_token = bos
    tokenizer.eos_token, tokenizer.chat_template = end, template
    tokenizer.save_pretrained(folder)
    loaded = models.load_tokenizer(folder)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64,
             "max_position_embeddings": 512}  # fmt: skip
    models.new_llama(shape, loaded, 0).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return chat_folder(tmp_path_factory.mktemp(request.param), *KINDS[request.param])


@pytest.fixture(scope="module")
def tokenizer(folder):
    return models.load_tokenizer(folder)


def rows(protocol=PROTOCOL):
    return [
        {"prompt": ask(problem, "python", protocol), "completion": gold_answer(problem, "python", code, protocol)}
        for problem, code in zip(PROBLEMS, CODES)
    ]


def sampled(tokenizer, prompts):
    """Return the tokens of each prompt as scripts.sample hands them to the model."""
    inputs = chat.encoded(tokenizer, prompts)
    return [ids[mask == 1].tolist() for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"])]


def learned(folder, tokenizer, examples, state, monkeypatch, settings=SFT | {"steps": 1, "max_length": 512}):
    """Return (input ids, labels) of every example as TRL's SFTTrainer hands them to the model."""
    found, run = [], training.run
    monkeypatch.setattr(training, "run", lambda trainer, state: found.append(trainer) or run(trainer, state))
    training.train_supervised(fresh(folder), tokenizer, examples, settings, 0, state, "sft")
    return [
        (ids[mask == 1].tolist(), labels[mask == 1].tolist())
        for batch in found[0].get_train_dataloader()
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"])
    ]


def rolled_out(folder, tokenizer, prompts, state):
    """Return the tokens of each prompt as TRL's GRPOTrainer hands them to the model."""
    options = {"chat_template_kwargs": chat.FIXED} if chat.is_chat(prompts[0]) else {}
    trainer = GRPOTrainer(
        model=fresh(folder), reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=GRPOConfig(output_dir=str(state), num_generations=2, per_device_train_batch_size=2, use_cpu=True,
                        bf16=False, report_to="none", **options),
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts]), processing_class=tokenizer,
    )  # fmt: skip
    return trainer._tokenize_prompts(prompts)[0]


@pytest.mark.parametrize("protocol", [PROTOCOL, PLAIN], ids=["chat", "plain"])
def test_sft_grpo_and_sampling_see_the_same_tokens(folder, tokenizer, tmp_path, monkeypatch, protocol):
    data = rows(protocol)
    prompts = [row["prompt"] for row in data]
    asked = sampled(tokenizer, prompts)
    assert rolled_out(folder, tokenizer, prompts, tmp_path / "rl") == asked
    examples = data if protocol is PLAIN else [chat.example(tokenizer, **row) for row in data]
    found = learned(folder, tokenizer, examples, tmp_path / "sft", monkeypatch)
    by_prompt = {tuple(ids[: labels.count(-100)]): (ids, labels) for ids, labels in found}
    assert set(by_prompt) == set(map(tuple, asked)) and len(found) == 3
    for row, ids in zip(data, asked):
        whole, labels = by_prompt[tuple(ids)]
        assert labels[: len(ids)] == [-100] * len(ids) and labels[len(ids) :] == whole[len(ids) :]
        assert whole.count(tokenizer.bos_token_id) == (tokenizer.bos_token_id is not None)
        assert labels[-1] == tokenizer.eos_token_id and labels.count(tokenizer.eos_token_id) == 1
        assert tokenizer.decode(labels[len(ids) : -1]) == said(row["completion"])


def test_prompts_are_the_same_every_day(tokenizer):
    text = tokenizer.decode(sampled(tokenizer, [rows()[0]["prompt"]])[0])
    assert ("Today Date: 26 Jul 2024" in text) == ("Today" in text)


def test_sampling_and_rl_run_on_chats(folder, tokenizer, tmp_path):
    model = models.load_base(folder)
    answers = sample(model, tokenizer, [row["prompt"] for row in rows()], 2, 1.0, 8, 4, 0)
    assert [len(found) for found in answers] == [2, 2, 2] and {type(a["text"]) for f in answers for a in f} == {str}
    seen = []

    def reward(completions, **_):
        seen.extend(map(said, completions))
        return [float(len(text)) for text in seen[-len(completions) :]]

    settings = GRPO | {"generations": 1}
    arguments = (tokenizer, [PROBLEMS], "python", reward, settings, 0, tmp_path, "rl", PROTOCOL)
    _, history = rl.train_grpo(fresh(folder), *arguments)
    assert len(seen) == 8 and any("kl" in entry for entry in history)


def test_the_command_of_sft_takes_a_mixture_of_chats(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("crosspl", "scripts"):
        (tmp_path / name).symlink_to(Path(__file__).parent.parent / name)
    write_rows("mixture.jsonl.gz", rows())
    assert chat.is_chat(read_rows("mixture.jsonl.gz")[0]["prompt"])
    settings = {key: value for key, value in SFT.items() if key != "save_steps"} | {"steps": 1, "warmup": 0}
    train_sft.main(["--base", folder, "--data", "mixture.jsonl.gz", "--lora", json.dumps(LORA), "--settings",
                    json.dumps(settings | {"max_length": 512}), "--seed", "0", "--save-every", "1", "--output",
                    "out"])  # fmt: skip
    manifest = read_json("out/manifest.json")
    assert manifest["adapter_before"] != manifest["adapter_after"]
    assert any(name.endswith(models.CHAT_TEMPLATE) for name in manifest["inputs"]) and manifest["answers_cut"] == 0


@pytest.mark.parametrize("protocol", [PLAIN, PROTOCOL])
def test_a_prompt_that_leaves_no_answer_ends_sft(folder, tokenizer, protocol):
    found = rows(protocol)
    examples = [chat.example(tokenizer, **row) for row in found] if protocol is PROTOCOL else found
    longest = max(range(len(found)), key=lambda n: len(said(found[n]["prompt"])))
    asked = chat.encoded(tokenizer, [found[longest]["prompt"]])["input_ids"].shape[1]
    chat.check_answers(tokenizer, examples, asked + 1, "mixture")
    with pytest.raises(UserError, match=f"mixture, row {longest + 1}: the prompt alone has {asked} tokens"):
        chat.check_answers(tokenizer, examples, asked, "mixture")


@pytest.mark.parametrize("protocol", [PLAIN, PROTOCOL])
def test_answers_that_are_cut_off_are_counted(folder, tokenizer, tmp_path, monkeypatch, protocol):
    """What SFT learns of an answer that is one token too long has no <eos>; of one that just fits it has."""
    found = rows(protocol)
    examples = [chat.example(tokenizer, **row) for row in found] if protocol is PROTOCOL else found
    sizes = [len(ids) for ids, _ in learned(folder, tokenizer, examples, tmp_path / "sft", monkeypatch)]
    assert chat.check_answers(tokenizer, examples, max(sizes), "mixture") == 0
    settings = SFT | {"steps": 1, "max_length": max(sizes) - 1}
    cut = learned(folder, tokenizer, examples, tmp_path / "cut", monkeypatch, settings)
    without_end = sum(labels[-1] != tokenizer.eos_token_id for _, labels in cut)
    assert without_end == sizes.count(max(sizes))
    assert chat.check_answers(tokenizer, examples, settings["max_length"], "mixture") == without_end


def test_models_that_cannot_chat_are_told_in_one_line(folder, tmp_path):
    prompt = rows()[0]["prompt"]
    tokenizer = models.load_tokenizer(folder)
    chat.check_chat(tokenizer, prompt, "base")
    chat.check_chat(models.load_tokenizer(base_folder(tmp_path)), "plain text", "base")
    with pytest.raises(UserError, match="base: the tokenizer has no chat template"):
        chat.check_chat(models.load_tokenizer(tmp_path), prompt, "base")
    tokenizer.eos_token = "<eos>"
    with pytest.raises(UserError, match="does not end an answer with the tokenizer's eos token <eos>"):
        chat.check_chat(tokenizer, prompt, "base")
    tokenizer.chat_template = "{{ raise_exception('no assistant here') }}"
    with pytest.raises(UserError, match=r"base: the chat template refuses .* \(no assistant here\)"):
        chat.check_chat(tokenizer, prompt, "base")
    tokenizer.chat_template = "{{ messages | length }} {{ messages[0]['content'] }}"
    with pytest.raises(UserError, match="otherwise than the question alone"):
        chat.check_chat(tokenizer, prompt, "base")
