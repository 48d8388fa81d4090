"""Training problems that are eval problems in disguise: by statement, tests, program, behaviour; their fate."""
