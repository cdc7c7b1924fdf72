"""Make a script misbehave on its first runs; Python imports this when it starts.

ECHOES_FAULT says what happens, ECHOES_FAULT_FILE is a file that appears when it does, and from
then on nothing happens any more.
"""

import os
import sys
import time

fault = os.environ.get("ECHOES_FAULT")
if fault and sys.orig_argv[1:2] == ["scripts/loo_fold.py"]:
    try:
        with open(os.environ["ECHOES_FAULT_FILE"], "x"):  # noqa: PTH123
            pass
    except FileExistsError:
        pass
    else:
        memory = b"x" * (3 << 30) if fault == "memory" else b""
        time.sleep(10 if fault == "pause" else 600)
