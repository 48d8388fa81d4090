"""MultiPL-E: HumanEval and MBPP translated into 24 PLs, with prompts and tests in each; evaluation only.

In: the files of the configurations humaneval-{tag} and mbpp-{tag} as published, Parquet or JSON Lines, a row per
problem and PL. Out: one problem row per `name`, with prompts, harnesses and stop texts of all PLs that we have. A
program is prompt + answer, its harness comes after a newline, as in the benchmark's own evaluation; the answer ends
before the first stop text, which in many PLs is the brace that the test begins with.
Left out: PLs that we have not, rows without a test, the older revisions' ablations of the prompt (keep, remove,
verbatim), Java with tuples of a library that the judge has not, Elixir tests that no program passes. The tests use
libraries of Lua, Perl and Ruby that the judge has not either: their few functions come with the harness.
Source: Cassano et al. 2023, 10.1109/TSE.2023.3267446. Licence: MIT (the data set's card). The repository has BSD-3 with
a fourth clause, that its contents may not be training data: hence the split `eval` only.
"""

import re

from crosspl.errors import UserError
from crosspl.importers.exit_status import harness_of
from crosspl.importers.reading import files, rows, text_of
from crosspl.importers.rows import Drop, language_of, problem_row

HUB = "nuprl/MultiPL-E"
FILES = (
    "humaneval-*/*.parquet", "mbpp-*/*.parquet", "humaneval-*.jsonl", "mbpp-*.jsonl", "humaneval-*/*.jsonl",
    "mbpp-*/*.jsonl",
)  # fmt: skip
LICENSE = "MIT; not for training"
SOURCE = "multipl_e"
AS_PUBLISHED = ("transform", "reworded")  # doctests, prompt_terminology: all other values are ablations
TUPLES = re.compile(r"\bPair\s*[<.]")  # of the library javatuples
UNDEFINED = re.compile(r"apply\(HumanEval, (?!:|function_name\b)")  # some revisions name a variable that is not there

# In place of `lu = require('luaunit')`: assertEquals, and a runner for the one test function that these tests have.
LUA_UNIT = """
local function same(found, expected)
  if type(found) ~= "table" or type(expected) ~= "table" then return found == expected end
  for key, value in pairs(found) do if not same(value, expected[key]) then return false end end
  for key in pairs(expected) do if found[key] == nil then return false end end
  return true
end
lu = {assertEquals = function(found, expected) if not same(found, expected) then error("not equal") end end}
lu.LuaUnit = {run = function() test_humaneval() return 0 end}
"""
# In place of `use Test::Deep;`: eq_deeply for plain data, that is lists, hashes, undef and what `eq` compares.
PERL_DEEP = """
sub eq_deeply {
    my ($found, $expected) = @_;
    return !defined $found && !defined $expected unless defined $found && defined $expected;
    return 0 if ref $found ne ref $expected;
    return $found eq $expected unless ref $found eq "ARRAY" || ref $found eq "HASH";
    my $list = ref $found eq "ARRAY";
    return 0 if $list ? @$found != @$expected : keys %$found != keys %$expected;
    for my $key ($list ? 0 .. $#$found : keys %$found) {
        return 0 unless $list || exists $expected->{$key};
        return 0 unless eq_deeply($list ? ($found->[$key], $expected->[$key]) : ($found->{$key}, $expected->{$key}));
    }
    return 1;
}
"""
# In place of `require 'test/unit'`: assert_equal, and a run of each test method at the end of the program. An error
# there alone would leave the status at 0 when the program ended by exit.
RUBY_UNIT = """
module Test
  module Unit
    class TestCase
      def self.inherited(made)
        super
        at_exit do
          ended_well = $!.nil? || ($!.is_a?(SystemExit) && $!.success?)
          made.instance_methods(false).grep(/\\Atest_/).each { |name| made.new.send(name) } if ended_well
        rescue Exception => error
          warn error.full_message
          exit!(1)
        end
      end

      def assert_equal(expected, found)
        raise "expected #{expected.inspect}, found #{found.inspect}" unless expected == found
      end
    end
  end
end
"""
LIBRARIES = {
    "lua": ("lu = require('luaunit')", LUA_UNIT),
    "perl": ("use Test::Deep;", PERL_DEEP),
    "ruby": ("require 'test/unit'", RUBY_UNIT),
}


def read(folder, revision):
    """Yield Drops, then the problem rows; the rows of all PLs are joined in memory, a few ten megabytes."""
    problems = {}
    for path in files(folder, *FILES):
        for where, row in rows(path):
            language, part = part_of(where, row)
            if isinstance(part, Drop):
                yield part
                continue
            parts = problems.setdefault(row["name"], {})
            if language in parts:
                yield Drop("prompt", where, "PL occurs twice")
                continue
            parts[language] = part
    for name, parts in problems.items():
        yield problem(name, parts, folder, revision)


def part_of(where, row):
    """Return (PL, (prompt, harness, stop texts)) of one row, or (None, a Drop)."""
    label = text_of(where, row, "language")
    language, name = language_of(label), text_of(where, row, "name")
    if not re.fullmatch(r"(HumanEval|mbpp)_\d+_\w+", name):
        raise UserError(
            f"{where}: field name: {name!r} is not like HumanEval_0_name or mbpp_3_name: get the file again"
        )
    if (row.get("doctests"), row.get("prompt_terminology")) != AS_PUBLISHED:
        return None, Drop("prompt", where, "an ablation of the prompt")
    if language is None:
        return None, Drop("prompt", where, f"PL not known: {label}")
    if not (row.get("tests") or "").strip():
        return None, Drop("prompt", where, "no test")
    prompt, test = opening_of(language, text_of(where, row, "prompt")), text_of(where, row, "tests")
    if language == "java" and TUPLES.search(re.sub("//.*", "", prompt) + test):
        return None, Drop("prompt", where, "Java: tuples of org.javatuples")
    if language == "elixir" and UNDEFINED.search(test):
        return None, Drop("prompt", where, "Elixir: the test cannot pass")
    harness = harness_of(language, prompt, with_library(language, test))
    if not harness:
        return None, Drop("prompt", where, f"{label}: the test cannot fail")
    return language, (prompt, harness, list(row.get("stop_tokens") or []))


def with_library(language, test):
    """Return the test with what it uses of a library in place of the line that loads it."""
    return test.replace(*LIBRARIES[language], 1) if language in LIBRARIES else test


def opening_of(language, prompt):
    """Return the prompt, changed only where no program that begins with it could be judged.

    Go: the judge runs programs, not packages of tests. Java: it has no javatuples, and importing it is an error.
    """
    if language == "go":
        return re.sub(r"^package \w+", "package main", prompt, count=1, flags=re.M)
    if language == "java":
        return prompt.replace("import org.javatuples.*;\n", "")
    return prompt


def problem(name, parts, folder, revision):
    """Return the problem row of one name from {PL: (prompt, harness, stop texts)}."""
    return problem_row(
        f"{folder}, {name}", name, None, [], split="eval", source=SOURCE, license=LICENSE, revision=revision,
        prompts={language: part[0] for language, part in parts.items()},
        harness={language: part[1] for language, part in parts.items()},
        stop={language: part[2] for language, part in parts.items()},
    )  # fmt: skip
