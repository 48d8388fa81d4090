"""What the rules need that ask a teacher and take its programs: files and options.

In: the checked config. Out: lists of paths, strings. No rule waits for itself: a teacher is given what is verified
without it, also where a PL is both in `from` and in `into`.
"""

from crosspl.errors import UserError, stop_on_user_error
from crosspl.problems import source_data
from crosspl.storage import own
from crosspl.workflow import as_json


def verified(config, language):
    """Return the file of a PL's verified programs that no teacher wrote."""
    asked = config["teacher"] and language in config["teacher"]["into"]
    return f"results/{'teacher/existing' if asked else 'programs'}/{language}.jsonl.gz"


def teacher_programs(config, language):
    """Return the files of verified programs that a teacher is given, with those of the PL that it writes in."""
    with stop_on_user_error():
        if not config["teacher"]:
            raise UserError(f"results/teacher/{language}.jsonl.gz: no teacher in the config; docs/teacher.md says how")
    return list(dict.fromkeys(verified(config, name) for name in [*config["teacher"]["from"], language]))


def teacher_files(config):
    """Return the files of a teacher in a folder; of one behind an endpoint there are none."""
    teacher = config["teacher"]
    local = teacher and not teacher["calls"]["base_url"]
    return own(source_data({"folder": teacher["model"]} if local else {}))


def teacher_languages(config, language):
    """Return the files of the PLs that a teacher reads and writes."""
    return own([f"languages/{name}.yaml" for name in dict.fromkeys([*config["teacher"]["from"], language])])


def calls(config):
    """Return how a teacher is asked, as JSON: a resource of its rule, because it decides no program."""
    return as_json((config["teacher"] or {}).get("calls"))


def teacher_answers(config, language):
    """Return the file of candidates by a teacher, where the PL has one."""
    teacher = config["teacher"]
    return [f"results/teacher/{language}.jsonl.gz"] if teacher and language in teacher["into"] else []


def answers_option(config, language):
    """Return what scripts.build_programs is told of a teacher's candidates."""
    return " ".join(["--answers", *found]) if (found := teacher_answers(config, language)) else ""
