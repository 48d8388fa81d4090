"""Programs by a teacher model, where people have written none: what is asked, of whom, what is kept, what came out.

In: problems, verified programs in other PLs, a model behind an endpoint or in a folder. Out: candidate programs, which
nobody has judged yet. A teacher is a function (messages, sample) -> answer {"text", "finish", "model", "tokens"}; it
raises Again, Refused (crosspl.teacher.calls) or UserError. docs/teacher.md describes the whole.
"""
