"""The conductor: takes what happened, has it decided, commits it, answers; and sees to it that time counts too."""
