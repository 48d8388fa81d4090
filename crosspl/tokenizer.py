"""The embedded scale's tokenizer: byte-level BPE trained on the pretraining corpus.

In: texts, vocabulary size. Out: a tokenizer and its transformers config: left-padded, with distinct <pad> and <eos>.
A line with its line break and the next line's indentation is one pre-token, so boilerplate lines become single tokens
and programs are 3-4 times shorter than under a GPT-2 split; digits and list separators stay apart.
"""

from collections import defaultdict

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIALS = {"pad_token": "<pad>", "eos_token": "<eos>"}


def train_tokenizer(texts, vocabulary):
    """Return a tokenizer with at most `vocabulary` entries; every byte is in its alphabet, so no character is lost."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\n[ \t]*"), "merged_with_previous"),
            pre_tokenizers.Split(Regex(r"\d|, "), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokenizer_config():
    """Return what transformers needs beside tokenizer.json."""
    return {"tokenizer_class": "PreTrainedTokenizerFast", "padding_side": "left", **SPECIALS}


def balanced_sample(documents, count):
    """Return at most `count` documents of each PL, style and label, in order: rare ones get tokens of their own too."""
    counts, sample = defaultdict(int), []
    for document in documents:
        kind = document["language"], document["style"], document.get("label"), "shown" in document
        counts[kind] += 1
        if counts[kind] <= count:
            sample.append(document)
    return sample
