"""Several GPUs for one training job: the command starts itself again, once per GPU, through `accelerate launch`.

In: the number of GPUs, the file of accelerate (configs/accelerate/). Out: the same command in processes that know their
rank; the first one alone writes what the job makes.
"""

import os
import sys

from crosspl import record

HOW = os.environ.get("CROSSPL_LAUNCH", "configs/accelerate/ddp.yaml")


def spread(gpus, how):
    """Replace this process by `accelerate launch` of itself when it has several GPUs and is not launched yet."""
    if gpus > 1 and "WORLD_SIZE" not in os.environ:
        record.drop()
        script = sys.modules["__main__"].__spec__.name
        launch = ["-m", "accelerate.commands.launch", "--config_file", how, "--num_processes", str(gpus), "-m"]
        os.execv(sys.executable, [sys.executable, "-W", "ignore", *launch, script, *sys.argv[1:]])


def is_first():
    """Return whether this process writes what the job makes."""
    return int(os.environ.get("RANK", 0)) == 0
