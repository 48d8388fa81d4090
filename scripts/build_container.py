"""Build the container image that `snakemake --sdm apptainer` runs the rules in.

In: envs/container/recipe.yaml, and what the `container` block of config files has instead. Out: Apptainer.def and
Containerfile beside the recipe, and envs/container/crosspl-{version}.sif.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from crosspl import container
from crosspl.errors import UserError, run_command
from crosspl.io import write_text
from crosspl.workflow import read_config

INSTALL = (
    "no apptainer: install it (package apptainer of Fedora, EPEL, Debian sid, Ubuntu's PPA, conda-forge) or load your "
    "cluster's module, and run this again; with Docker or Podman instead: docs/containers.md"
)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", nargs="+", default=["config.yaml"], help="config files")
    parser.add_argument("--base", help="docker://… or the path of a SIF: the image to build on")
    parser.add_argument("--definitions-only", action="store_true", help="write the definitions, build nothing")
    parser.add_argument("--name", action="store_true", help="print the path that the image has, build nothing")
    args = parser.parse_args(argv)
    write_definitions()
    if args.definitions_only:
        return
    overrides = read_config(args.config)["container"] | ({"base": args.base} if args.base else {})
    image = Path(container.image_file(overrides))
    if args.name:
        print(image)
        return
    if not image.exists():
        build(image, container.read_recipe(overrides))
    print(f"{image}: {image.stat().st_size / 1e9:.1f} GB. Use it: snakemake --sdm apptainer")
    if args.base:
        print(f"with a config that has `container: {overrides}`: other settings have another image")


def write_definitions():
    """Write both definitions, as the recipe has them now."""
    recipe = container.read_recipe({})
    write_text(container.DEFINITION, container.render_apptainer(recipe))
    write_text(container.FOLDER / "Containerfile", container.render_containerfile(recipe))


def build(image, recipe):
    """Build `image`; it appears under its name when it is complete and its tests have passed."""
    tool = shutil.which("apptainer") or shutil.which("singularity")
    if not tool:
        raise UserError(INSTALL)
    print(f"building {image} (some minutes; several GB in {os.environ.get('APPTAINER_TMPDIR', '/tmp')})", flush=True)
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=".building-") as folder:
        arguments = container.build_arguments(recipe) | {"REQUIREMENTS": f"{folder}/requirements.lock"}
        write_text(arguments["REQUIREMENTS"], container.requirements_text(recipe))
        options = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        done = subprocess.run([tool, "build", *options, f"{folder}/image.sif", str(container.DEFINITION)])
        if done.returncode:
            raise UserError(f"{tool} build failed, see its message above; what helps where: docs/containers.md")
        os.replace(f"{folder}/image.sif", image)


if __name__ == "__main__":
    run_command(main)
