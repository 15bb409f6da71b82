"""Rehearsals: scripted days played through the real service on a simulated clock.

`script` reads a file strictly, `player` plays it on a `ward` (in process or over HTTP, same result), `expectation`
compares, `verdict` shows the differences. Does not: know any product, state or rule; those come from the workflow file
(its `[rehearsal]` table holds the routine) and from the script.
"""
