"""Run a command that ends when its parent does: `python -IS tether.py PARENT SIGNAL COMMAND …`.

On Linux the kernel is asked to send SIGNAL to this process when the thread that started it ends
(`prctl(PR_SET_PDEATHSIG)`), and then the command takes the process over; the request survives that.
So even after SIGKILL of the parent nothing is left running. Elsewhere the command just runs.
A file of its own, free of imports, because it must start in milliseconds.
"""

import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, signal: int, command: list[str]) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the request was made
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
