"""Why a runner could not start a script, as sentences that help."""

import errno

RUNNER_IS_ENDING = errno.ESHUTDOWN
"""What a runner answers that was asked to end: the next one takes the run."""

SENTENCES = {
    errno.ENOENT: "{script} could not be started: the file or its interpreter is not there any more.",
    errno.EACCES: "{script} could not be started: this user may not execute it or its interpreter.",
    errno.ENOEXEC: "{script} could not be started: its first line names no program that this machine can execute.",
    errno.E2BIG: "{script} could not be started: its arguments are too long.",
    errno.ETXTBSY: "{script} could not be started: it is being written right now. Try again in a moment.",
    errno.EAGAIN: "{script} could not be started: no more processes are allowed right now. Try again in a moment.",
    errno.ENOMEM: "{script} could not be started: there is not enough memory. Try again later.",
    errno.EMFILE: "{script} could not be started: too many files are open. Try again later.",
    errno.ENFILE: "{script} could not be started: too many files are open. Try again later.",
    errno.ENOSPC: "{script} could not be started: the disk of the data folder is full.",
    errno.EDQUOT: "{script} could not be started: the disk quota of the data folder is used up.",
}


def sentence_for(script: str, number: int | None, told: str) -> str:
    """The sentence for an errno; `told` is what the runner said, for those that need no explanation of ours."""
    known = SENTENCES.get(number or 0)
    return known.format(script=script) if known else f"{script} could not be started: {told}."
