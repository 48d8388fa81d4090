"""Tiny model folders as others publish them: written by transformers, tokenizers and PEFT themselves.

In: a folder to write to. Out: the folder. Weights are random, with logits so large that a greedy choice is no tie.
"""

import torch
from peft import LoraConfig, get_peft_model
from tiny import training_rows
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast, Qwen2Config

SPECIAL = ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"]  # as in Llama 3: several ends, and no pad
SHAPE = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
CONFIGS = {
    "llama": lambda **more: LlamaConfig(**SHAPE | {"max_position_embeddings": 256} | more),
    "qwen2": lambda **more: Qwen2Config(**SHAPE | {"num_key_value_heads": 1, "max_position_embeddings": 256} | more),
    "gpt2": lambda **more: GPT2Config(**{"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 128} | more),
}


def tokenizer(blanks=False, pad=None):
    """Return a trained tokenizer of bytes; with `blanks` one that writes blanks as SentencePiece does (Llama 2)."""
    made = Tokenizer(BPE(byte_fallback=blanks))
    if blanks:
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        made.decoder = decoders.Sequence(parts)
        alphabet = sorted({letter for text in texts() for letter in text} | {"▁"})
    else:
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(texts(), BpeTrainer(vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet))
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|eot_id|>", pad_token=pad)


def texts():
    """Return what the tokenizers are trained on."""
    return [row["prompt"] + row["completion"] for row in training_rows()]


def model_folder(folder, kind="llama", shards=None, blanks=False, pad=None, seed=0, **more):
    """Write a model with its tokenizer as save_pretrained does; `shards`: size of a file; `more`: of its config."""
    made = tokenizer(blanks, pad)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(CONFIGS[kind](vocab_size=len(made), **more))
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    model.generation_config.eos_token_id = [0, 1, 2]
    model.generation_config.update(do_sample=True, top_p=0.2, top_k=2, repetition_penalty=1.3, max_length=7)
    model.save_pretrained(folder, **({"max_shard_size": shards} if shards else {}))
    made.save_pretrained(folder)
    return folder


def adapter_folder(folder, model, **more):
    """Write a LoRA adapter on a model's folder as PEFT does, with weights that change its answers."""
    torch.manual_seed(1)
    settings = {"task_type": "CAUSAL_LM", "r": 4, "target_modules": "all-linear"} | more
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model), LoraConfig(**settings))
    for name, parameter in adapted.named_parameters():
        if "lora_" in name or "modules_to_save" in name:
            parameter.data += 0.5 * torch.randn_like(parameter)
    adapted.save_pretrained(folder)
    return folder
