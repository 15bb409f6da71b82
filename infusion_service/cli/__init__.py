"""The `infusion` command: one small module per command group.

Promises: stdout carries data and stderr talk; exit codes are those of `exits`; no secret is ever taken from argv.
Modules are imported by the command that needs them (`app`), so that `infusion --help` stays fast.
"""
