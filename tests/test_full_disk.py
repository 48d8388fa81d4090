"""A full disk: one line says so, nothing half-written is left, and with more room the same command goes on to its end.

Each command of the workflow runs in a mount namespace of its own, with a small tmpfs where it writes.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from test_bad_input import message
from workflow_run import clone, command, environment

MOUNTING = ["unshare", *(["--user", "--map-root-user"] if os.geteuid() else []), "--mount", "sh", "-c"]
MOUNT = 'mount -t tmpfs -o size=$SIZE tmpfs "$PLACE" && echo full >"$PLACE/.page" || exit 99\n'
TWICE = """
"$@"; echo "status: $?"
for made in $MADE; do test ! -e $made || echo "left: $made"; done
mount -o remount,size=100m "$PLACE"
"$@" >again.log 2>&1 || { cat again.log; exit 98; }
sha256sum $MADE
"""
ADAPTER = "adapter_model.safetensors"
FULL = {  # what is made, where the disk is full, its size
    "rows": ("programs/lua.jsonl.gz", "results/programs", "4k"),
    "checkpoint of SFT": (f"sft/parallel/seed0/{ADAPTER}", "work/sft", "500k"),  # the weights fit, the optimizer not
    "weights of SFT": (f"sft/parallel/seed0/{ADAPTER}", "results/sft/parallel", "48k"),
    "checkpoint of RL": (f"rl/parallel/python/seed0/{ADAPTER}", "work/rl", "500k"),
    "weights of RL": (f"rl/parallel/python/seed0/{ADAPTER}", "results/rl/parallel/python", "48k"),
    "shard of completions": ("completions/sft/parallel/seed0.jsonl.gz", "work/completions", "12k"),
    "completions": ("completions/sft/parallel/seed0.jsonl.gz", "results/completions/sft/parallel", "4k"),
    "cached verdicts": ("verdicts/sft/parallel/seed0.jsonl.gz", "work/judge", "64k"),
    "verdicts": ("verdicts/sft/parallel/seed0.jsonl.gz", "results/verdicts/sft/parallel", "4k"),
}


@pytest.mark.parametrize("name", FULL)
def test_with_more_room_the_same_command_goes_on(smoke_tree, tmp_path, name):
    made, place, size = FULL[name]
    tree = clone(smoke_tree, tmp_path / "tree")
    record = json.loads((tree / f"results/provenance/{made}.json").read_text())
    shutil.rmtree(tree / "work")
    for path in record["outputs"]:
        (tree / path).unlink()
    (tree / place).mkdir(parents=True, exist_ok=True)
    env = environment(SIZE=size, PLACE=str(tree / place), MADE=" ".join(record["outputs"]))
    if subprocess.run([*MOUNTING, MOUNT], env=env, capture_output=True).returncode:
        pytest.skip("this machine does not let the test mount a tmpfs")
    prefix = [*MOUNTING, MOUNT + TWICE, "sh"]
    both = command(tree, Path(record["script"]).stem, *record["argv"], prefix=prefix, env=env)
    assert both.returncode == 0, both.stdout + both.stderr
    said, rest = both.stdout.split("status: ")
    first = subprocess.CompletedProcess(both.args, int(rest.split("\n")[0]), said, both.stderr)
    message(first, "disk is full", "free some space")
    assert "left: " not in rest
    assert dict(line.split()[::-1] for line in rest.splitlines()[1:]) == record["outputs"]
