"""Every shipped experiment is valid; every wrong one is one line with file, key and remedy."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from crosspl import analysis_inputs as an
from crosspl import experiment as ex
from crosspl import workflow as wf
from crosspl.errors import UserError

ROOT = Path(__file__).parent.parent
OVERLAYS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def read(text):
    return yaml.safe_load(text)


@pytest.fixture
def merged(tmp_path):
    """Return a function: (config, files) of config.yaml under an overlay, files in the order that Snakemake gives."""

    def merged(text):
        config = read((ROOT / "config.yaml").read_text())
        (tmp_path / "overlay.yaml").write_text(text)
        update_config(config, read(text))
        return config, [str(tmp_path / "overlay.yaml"), "config.yaml"]

    return merged


def test_there_are_overlays():
    assert {path.stem for path in OVERLAYS} >= {"smoke", "humaneval_x", "sweeps", "study"}


@pytest.mark.parametrize("path", [None, *OVERLAYS], ids=lambda path: path.stem if path else "config")
def test_shipped_configs_are_valid(path):
    config = read((ROOT / "config.yaml").read_text())
    for part in ["configs/study.yaml"] * (path is not None and path.stem == "headline") + ([path] if path else []):
        update_config(config, read(Path(part).read_text()))
    before = deepcopy(config)
    assert wf.check_config(config, [*([str(path)] if path else []), "config.yaml"]) is config
    assert config == before
    roles = config["languages"]
    assert not set(roles["unseen"]) & {*roles["source"], *roles["sft"]}
    assert ex.all_languages(config) == list(dict.fromkeys(roles["source"] + roles["sft"] + roles["unseen"]))


HALVES = "\nprecision: {weights: bfloat16}"
WRONG = [  # overlay, what the message says
    ("sedes: [1]", r"overlay\.yaml: sedes: unknown key; known here are .*seeds"),
    ("sft: {stepps: 5}", r"overlay\.yaml: sft\.stepps: unknown key; known here are .*steps"),
    ("problems: {microworld: {sizes: {test: 5}}}", r"overlay\.yaml: problems\.microworld\.sizes\.test: unknown key"),
    ("base: {model: {layers: 3}}", r"overlay\.yaml: base\.model\.layers: unknown key; .*num_hidden_layers"),
    ("sft: {learning_rate: 1e-4}", r"overlay\.yaml: sft\.learning_rate: YAML reads 1e-4 as a text.*write 1\.0e-4"),
    ("rl: {learning_rate: 2e3}", r"overlay\.yaml: rl\.learning_rate: .*write 2\.0e3|rl\.learning_rate: .*2000"),
    ("base: {training: {learning_rate: 1.5e3}}", r"base\.training\.learning_rate: .*write 1500\.0"),
    ("languages: {sft: [python, cobol]}", r"overlay\.yaml: languages\.sft: unknown language 'cobol'; known are .*lua"),
    ("languages: {unseen: [python]}", r"overlay\.yaml: languages\.unseen: 'python' is also in languages\.source"),
    ("languages: {unseen: [lua, ruby]}", r"overlay\.yaml: languages\.unseen: 'ruby' is also in languages\.sft"),
    ("languages: {source: [lua]}", r"languages\.unseen: 'lua' is also in languages\.source"),
    ("rl: {minibatches: 5}", r"overlay\.yaml: rl\.minibatches: 5 minibatches must divide the 192 answers"),
    ("rl: {minibatches: 48}", r"overlay\.yaml: rl\.minibatches: .*whole groups of rl\.samples = 8"),
    ("mixtures: {names: [same_problems]}", r"statistics\.treatment: must be one of mixtures\.names"),
    ("statistics: {treatment: paralel}", r"overlay\.yaml: statistics\.treatment: must be one of"),
    (
        "mixtures: {names: [parallel, paralel]}",
        r"overlay\.yaml: mixtures\.names: unknown 'paralel'; known are parallel, ",
    ),
    (
        "mixtures: {variants: {parallel: {rule: dose}}}",
        r"mixtures\.variants\.parallel: parallel is the name of another init",
    ),
    ("mixtures: {variants: {a: {rule: dosis}}}", r"overlay\.yaml: mixtures\.variants\.a\.rule: 'dosis' is not one of"),
    (
        "mixtures: {variants: {a: {rule: parallel, languages: [python, lua]}}}",
        r"variants\.a: 'lua' is in languages\.unseen",
    ),
    ("mixtures: {variants: {a: {rule: parallel, languages: [cobol]}}}", r"variants\.a: unknown language 'cobol'"),
    ("sweeps: {dose: {'0': dose_0}}", r"overlay\.yaml: sweeps\.dose: unknown 'dose_0'; known are base"),
    ("report: {sweeps: [dose]}", r"overlay\.yaml: report\.sweeps: unknown 'dose'; known are none"),
    ("statistics: {margin: 0}", r"overlay\.yaml: statistics\.margin: "),
    ("seeds: []", r"overlay\.yaml: seeds: "),
    ("rl: {micro_batch: 7}", r"overlay\.yaml: rl\.micro_batch: 7 on each of 1 GPUs must divide the answers"),
    ("sft: {micro_batch: 5}", r"overlay\.yaml: sft\.micro_batch: 5 on each of 1 GPUs must divide sft\.batch, 32"),
    ("resources: {train_sft: {gpu: 3}}", r"sft\.micro_batch: 1 on each of 3 GPUs must divide"),
    ("rl: {rollouts: vllm}", r"rl\.rollouts: vllm computes adapters in 16 bits alone"),
    (
        "rl: {rollouts: vllm}\nprecision: {weights: bfloat16}",
        r"overlay\.yaml: rl\.rollouts: vllm needs a GPU: set resources\.train_rl\.gpu",
    ),
    (
        "sampling: {engine: vllm}\nprecision: {weights: bfloat16}",
        r"sampling\.engine: vllm needs a GPU: set resources\.sample\.gpu",
    ),
    ("rl: {redraw: 1}\nresources: {train_rl: {gpu: 2}}", r"rl\.redraw: groups are drawn again on one GPU only"),
    ("rl: {redraw: 1, curriculum: [0.5, 0]}", r"rl\.redraw: would ask problems of other stages"),
    ("resources: {sample: {gpu: 2}}", r"resources\.sample\.gpu: only SFT and RL use several GPUs; set 1"),
    ("rl: {curriculum: [0.5]}", r"rl\.curriculum: the last stage must be 0"),
    (
        "rl: {curriculum: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.5, 0.6, 0.4, 0]}",
        r"13 stages in 12 generations",
    ),
    ("rl: {executed_lines: true}\ntask: verification", r"curriculum and executed_lines are about programs"),
    ("rl: {task: translation}", r"rl\.task: translation needs two different PLs in translation\.from"),
    (
        "rl: {task: translation}\ntranslation: {from: [perl], into: [perl]}",
        r"rl\.task: translation needs two different PLs",
    ),
    (
        "rl: {task: translation, curriculum: [0.5, 0]}\ntranslation: {from: [perl], into: [ruby]}",
        r"rl\.task: translation goes with task: generation, no curriculum",
    ),
    (
        "rl_variants: {t: {inits: [base], settings: {task: translation}}}\nlanguages: {source: [python, perl]}\n"
        "translation: {from: [perl], into: [ruby]}",
        r"rl_variants\.t\.settings\.task: .* name one in languages\.source",
    ),
    ("translation: {into: [lua]}", r"overlay\.yaml: translation\.into: 'lua' is in languages\.unseen"),
    ("translation: {evaluate: [luaa]}", r"overlay\.yaml: translation\.evaluate: unknown language 'luaa'"),
    (
        "rl: {off_policy: {groups: programs}}\ngroups: {programs: {languages: [python, php]}}",
        r"rl\.off_policy\.groups: programs would train on 'php', which is in languages\.unseen",
    ),
    (
        "rl: {off_policy: {groups: ir}}\nlanguages: {unseen: [lua, llvm_ir]}",
        r"ir would train on 'llvm_ir', which is in",
    ),
    ("groups: {programs: {languages: [pythn, perl]}}", r"groups\.programs\.languages: unknown language 'pythn'"),
    (
        "rl: {task: translation}\ntranslation: {from: [perl], into: [ruby]}",
        r"matrix\.inits: 'base' is trained on translation, .*: leave it out, or set matrix\.sources",
    ),
    (
        "rl: {task: translation}\ntranslation: {from: [perl], into: [ruby]}\nmatrix: {sources: [python]}",
        r"matrix\.oracles: RL from base is trained on translation",
    ),
    ("rl: {off_policy: {groups: ir}}\ntask: verification", r"rl\.off_policy\.groups: groups are of programs; the task"),
    ("rl: {off_policy: {groups: programs}}\nlanguages: {sft: [perl]}", r"off_policy\.groups: programs need two PLs"),
    ("rl: {weight: 0}", r"overlay\.yaml: rl\.weight: 0 leaves nothing to learn from"),
    ("rl: {weight: 0, off_policy: {groups: ir, weight: 0}}", r"rl\.weight: 0 leaves nothing to learn from"),
    ("rl: {off_policy: {responses: 1}}", r"overlay\.yaml: rl\.off_policy\.responses: "),
    ("rl: {off_policy: {beta: 0}}", r"overlay\.yaml: rl\.off_policy\.beta: "),
    ("rl: {top_p: 0.9}", r"overlay\.yaml: rl\.top_p: unknown key"),
    ("rl: {method: ppo}", r"overlay\.yaml: rl\.method: 'ppo' is not one of"),
    ("precision: {quantization: nf4}", r"precision\.quantization: only a published base model is quantized"),
    ("precision: {weights: float16}", r"overlay\.yaml: precision\.weights: "),
    ("rl_variants: {a: {inits: [paralel], settings: {}}}", r"rl_variants\.a\.inits: unknown 'paralel'; known are base"),
    ("rl_variants: {a: {inits: [base], settings: {clipp: 1}}}", r"rl_variants\.a\.settings\.clipp: unknown key"),
    ("rl_variants: {a: {inits: [base], settings: {minibatches: 5}}}", r"rl_variants\.a\.settings\.minibatches: 5"),
    ("rl_variants: {a_b: {inits: [base], settings: {}}}", r"rl_variants"),
    ("tracking: [mlflow]", r"overlay\.yaml: tracking: "),
    ("seeds: [0, 0]", r"overlay\.yaml: seeds: .*unique"),
    ("rl: {samples: 1}", r"overlay\.yaml: rl\.samples: "),
    ("rl: {temperature: 0}", r"overlay\.yaml: rl\.temperature: "),
    ("sft: {learning_rate: 0}", r"overlay\.yaml: sft\.learning_rate: "),
    ("problems: {source: codeforces}", r"overlay\.yaml: problems\.source: "),
    ("problems: {source: imported}", r"overlay\.yaml: problems\.source: the settings .*problems\.imported"),
    (
        "problems: {source: imported, imported: {format: jsonl, from: mine, revision: null, seed: 0, "
        "eval_from: 2025-06-01, fewest_tests: 1, most_tests: 1, shares: {sft: 1, rl: 1, validation: 1, eval: 1}}}",
        r"overlay\.yaml: problems\.imported\.eval_from: .*write the day in quotes",
    ),
    ("problems: {source: humaneval_x}", r"overlay\.yaml: problems\.source: "),
    ("languages: python", r"overlay\.yaml: languages: "),
    ("mark: 3", r"overlay\.yaml: mark: "),
]


@pytest.mark.parametrize("text, said", WRONG, ids=[text for text, _ in WRONG])
def test_wrong_configs(merged, text, said):
    config, files = merged(text)
    with pytest.raises(UserError, match=said) as raised:
        wf.check_config(config, files)
    assert "\n" not in str(raised.value)


WRONG_ANALYSES = [  # overlay, check, what the message says
    ("matrix: {sources: [c]}", an.check_matrix, r"matrix\.sources: 'c' is not in this experiment; known are python"),
    ("matrix: {oracles: [rust]}", an.check_matrix, r"matrix\.oracles: 'rust' is not in this experiment"),
    ("matrix: {inits: [dose_50]}", an.check_matrix, r"matrix\.inits: 'dose_50' is not in this experiment"),
    ("ablation: {seeds: [7]}", an.check_ablation, r"ablation\.seeds: 7 is not in this experiment; known are 0, 1"),
    ("ablation: {inits: [dose_25]}", an.check_ablation, r"ablation\.inits: 'dose_25' is not in this experiment"),
    ("ablation: {layer: 9}", an.check_ablation, r"ablation\.layer: 9 is not .* known are 0, 1, 2, 3"),
    ("ablation: {split: eval}", an.check_ablation, r"ablation\.split: the evaluated split"),
    ("mark: x", lambda config: an.check_sweep(config, "dose"), r"sweeps/dose\.csv: no sweep .*configs/sweeps\.yaml"),
]


@pytest.mark.parametrize("text, check, said", WRONG_ANALYSES, ids=[text for text, _, _ in WRONG_ANALYSES])
def test_wrong_analyses_are_refused_only_when_they_are_asked_for(merged, text, check, said):
    config, files = merged(text)
    wf.check_config(config, files)
    with pytest.raises(UserError, match=said) as raised:
        check(config)
    assert "\n" not in str(raised.value)


def test_one_seed_is_calibrated_as_two(merged):
    assert an.calibrated_seeds(merged("seeds: [4]")[0]) == 2
    assert an.calibrated_seeds(merged("seeds: [4, 5, 6]")[0]) == 3


@pytest.mark.parametrize("path", ["sft", "languages.unseen", "rl.generations", "problems.microworld.sizes.eval"])
def test_missing_keys(path):
    config = read((ROOT / "config.yaml").read_text())
    *parents, key = path.split(".")
    block = config
    for parent in parents:
        block = block[parent]
    del block[key]
    with pytest.raises(UserError, match=rf"{'.'.join(parents) or 'top level'}.*'{key}' is missing"):
        wf.check_config(config, ["config.yaml"])


def test_checkpoints_are_all_inits_sources_and_seeds(merged):
    config, _ = merged("{seeds: [3, 5], languages: {source: [python, ruby]}, mixtures: {names: [parallel]}}")
    names = ex.checkpoints(config)
    assert len(names) == len(set(names)) == 1 + 2 * (1 + 2 * 2)
    assert {"base", "sft/parallel/seed5", "rl/base/ruby/seed3", "rl/parallel/python/seed5"} <= set(names)
    assert wf.adapter_files("results", "base") == [] and wf.adapter_option("results", "base") == ""
    assert wf.init_option("results", "parallel", 5) == "--adapter results/sft/parallel/seed5"
    assert ex.training_languages(config) == ["python", "perl", "ruby"]
