"""All checks and measurements that need a GPU: `make gpu-check`, at most 25 minutes on one H200.

In: nothing; a Llama of the shape of Llama-3.1-8B with random weights is made here. Out: a line per figure, and
benchmarks/gpu/{device}-{part}.json. Parts: proofs (hand-over, deliveries to vLLM), sft and qlora (tokens/s, share of
the measured bf16 matmul rate, memory), rl (a GRPO step of 128 answers of 1,024 tokens, split), sample, microworld (the
source reward of configs/microworld_gpu.yaml rises). sft, qlora and rl are measured beside plain TRL in the same run. A
part that fails or lacks a package is said and does not end the others. --tiny: tiny shapes on any machine, to test the
command itself.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.io import read_json, write_json

PARTS = {"proofs": 180, "sft": 240, "qlora": 240, "rl": 420, "sample": 180, "microworld": 700}  # seconds at most
MODEL_S = 300


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which; all of them")
    parser.add_argument("--output", default="benchmarks/gpu", help="folder of the figures (benchmarks/gpu)")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, on a CPU too: a test of this command")
    parser.add_argument("--minutes", type=float, default=25, help="most that all parts may take (25)")
    args = parser.parse_args(argv)
    begun, failed = time.monotonic(), []
    require_gpu(args.tiny)
    with tempfile.TemporaryDirectory(prefix="crosspl-gpu-") as scratch:
        needed = {"sft", "qlora", "rl", "sample"} & set(args.parts)
        if needed and not run_part("model", MODEL_S, args, scratch):
            raise UserError("the model could not be made; nothing else can be measured")
        for part in args.parts:
            left = 60 * args.minutes - (time.monotonic() - begun)
            if not run_part(part, min(PARTS[part], left), args, scratch):
                failed.append(part)
    print(f"gpu-check: {time.monotonic() - begun:.0f} s in all; not done or failed: {' '.join(failed) or 'none'}")
    if failed:
        raise SystemExit(1)


def require_gpu(tiny):
    """Raise a UserError where there is no GPU to check."""
    import torch

    if not tiny and not torch.cuda.is_available():
        raise UserError("no GPU is seen here; --tiny tests the command itself without one")


def run_part(part, seconds, args, scratch):
    """Run one part as a process of its own, which gives all memory back; return whether it ended well."""
    print(f"gpu-check: {part}, at most {max(0, seconds):.0f} s", flush=True)
    report = Path(scratch) / f"{part}.json"
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu_parts", part, scratch, str(report)]
    env = os.environ | {"TRL_EXPERIMENTAL_SILENCE": "1", "CROSSPL_TINY": "1" if args.tiny else ""}
    try:
        done = subprocess.run(command, env=env, timeout=max(1, seconds), check=False)
    except subprocess.TimeoutExpired:
        print(f"gpu-check: {part}: not done in {seconds:.0f} s")
        return False
    if report.exists() and part != "model":
        found = read_json(report)
        device = found["device"].lower().replace(" ", "-")
        write_json(Path(args.output) / f"{device}-{part}.json", found)
        for name, value in found.items():
            print(f"  {name}: {json.dumps(value)}")
    return done.returncode == 0


if __name__ == "__main__":
    run_command(main)
