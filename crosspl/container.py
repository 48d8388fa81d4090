"""The container image: its two definitions, made from one recipe, and the file it lies in.

In: envs/container/recipe.yaml, a config's `container` block laid over it, languages/*.yaml. Out: the texts of
Apptainer.def and Containerfile; the values of their build arguments; the image's path, whose name changes with all of
these. The Snakefile reads this, so it imports nothing heavy.
"""

import re
from pathlib import Path

import yaml

from crosspl.errors import UserError
from crosspl.languages import known_languages, load_languages
from crosspl.provenance import digest

FOLDER = Path("envs/container")
DEFINITION = FOLDER / "Apptainer.def"
HEAD = "# Made from recipe.yaml beside this file by `make container`: edit that one.\n"


def read_recipe(overrides):
    """Return the recipe with `overrides` (base, requirements, languages) laid over it."""
    return yaml.safe_load((FOLDER / "recipe.yaml").read_text()) | overrides


def build_arguments(recipe):
    """Return {name: text} of the build arguments. REQUIREMENTS is the first file: the builder joins several."""
    languages = known_languages() if recipe["languages"] == "all" else recipe["languages"]
    packages = [entry["packages"] for entry in load_languages(languages).values()]
    names = {kind: sorted({name for one in packages for name in one.get(kind, [])}) for kind in ("apt", "npm")}
    apt = sorted({*recipe["packages"], *names["apt"], *(["npm"] if names["npm"] else [])})
    bootstrap, _, base = recipe["base"].rpartition("://")
    return {
        "BOOTSTRAP": bootstrap or "localimage", "BASE": base, "REQUIREMENTS": requirement_files(recipe)[0],
        "PACKAGES": " ".join(apt), "NPM": " ".join(names["npm"]),
    }  # fmt: skip


def requirement_files(recipe):
    """Return the recipe's requirements as a list of paths."""
    files = recipe["requirements"]
    return [files] if isinstance(files, str) else files


def requirements_text(recipe):
    """Return one text of pinned packages; where files pin the same package, the last one counts."""
    pins = {}
    for path in requirement_files(recipe):
        if not Path(path).is_file():
            raise UserError(f"container.requirements: there is no file {path}")
        for line in Path(path).read_text().splitlines():
            pin = line.partition("#")[0].strip()
            if pin:
                pins[re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", pin)[0]).lower()] = pin
    return "".join(f"{pin}\n" for pin in pins.values())


def image_file(overrides):
    """Return the path of the image. Its name holds a hash of definition, base, packages and requirements."""
    recipe = read_recipe(overrides)
    arguments = {name: value for name, value in build_arguments(recipe).items() if name != "REQUIREMENTS"}
    return f"{FOLDER}/crosspl-{digest(DEFINITION, requirements_text(recipe), arguments)}.sif"


def require_image(path, methods):
    """Raise a UserError when jobs are to run in the image and it is not there. `methods`: Snakemake's --sdm."""
    if any(method.name == "APPTAINER" for method in methods) and not Path(path).exists():
        raise UserError(f"--sdm apptainer: there is no image {path}; build it: make container, see docs/containers.md")


def render_apptainer(recipe):
    """Return the text of Apptainer.def."""
    arguments = build_arguments(recipe)
    parts = {
        "%arguments": [f"{name}={value}" for name, value in arguments.items()],
        "%files": ["{{ REQUIREMENTS }} /opt/crosspl/requirements.lock"],
        "%post": ["set -eu", *commands(recipe["install"], arguments, "{{ NAME }}")],
        "%environment": [f"export {name}={value}" for name, value in recipe["environment"].items()],
        "%test": ["set -eu", *commands(recipe["test"])],
    }
    blocks = ["\n".join([title, *(f"    {line}" for line in lines)]) for title, lines in parts.items()]
    return "\n\n".join([f"{HEAD}Bootstrap: {{{{ BOOTSTRAP }}}}\nFrom: {{{{ BASE }}}}", *blocks]) + "\n"


def render_containerfile(recipe):
    """Return the text of Containerfile, for Docker, Podman and Buildah."""
    arguments = build_arguments(recipe)
    lines = [f"ARG BASE={arguments['BASE']}", "FROM ${BASE}"]
    lines += [f'ARG {name}="{arguments[name]}"' for name in ("REQUIREMENTS", "PACKAGES", "NPM")]
    lines += ["COPY ${REQUIREMENTS} /opt/crosspl/requirements.lock"]
    lines += [run_lines(commands(recipe["install"], arguments, "${NAME}"))]
    lines += [f'ENV {name}="{value}"' for name, value in recipe["environment"].items()]
    lines += [run_lines(commands(recipe["test"]))]
    return HEAD + "\n".join(lines) + "\n"


def run_lines(lines):
    """Return one RUN instruction that ends at the first command that fails."""
    return "; \\\n    ".join(["RUN set -eu", *lines])


def commands(text, arguments=(), form=""):
    """Return the commands of a recipe, with every $ARGUMENT written in the way of `form`."""
    for name in arguments:
        text = text.replace(f"${name}", form.replace("NAME", name))
    return text.splitlines()
