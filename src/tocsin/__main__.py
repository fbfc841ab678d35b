"""`tocsin`, and `python -m tocsin`: what is loaded first, so that ctrl-C is heard."""

from __future__ import annotations

import gc
import os
import signal  # and no more than that


def main() -> None:
    """Run the command line. Ctrl-C while it is loaded ends it with a line, and 130."""
    # Whoever starts us in the background may have us pass over ctrl-C.
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, _leave)
    from tocsin.views import cli  # noqa: PLC0415 - it takes a moment

    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        cli.main()
    except KeyboardInterrupt:  # before the command line answers for it, or after
        _leave(signal.SIGINT, None)
    finally:
        # Python looks for garbage once more when it ends: through all that was loaded,
        # which takes a tenth of a second. It passes over what is frozen.
        gc.freeze()


def _leave(_number: int, _frame: object) -> None:
    """End at once: nothing has begun that could be left in disorder."""
    try:
        os.write(2, b"\ntocsin: interrupted\n")  # ^C stands in the line before
    finally:
        os._exit(130)


if __name__ == "__main__":
    main()
