"""Makes demo/corpus again; with --extra N --out DIR renders more labelled clips."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from demo.build import corpus, extra
from demo.build.voice import VoiceMissingError, available


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.build", description=__doc__)
    parser.add_argument("--out", type=Path, help="where to write (default: demo/corpus)")
    parser.add_argument("--extra", type=int, metavar="N", help="render N clips beyond the corpus")
    parser.add_argument("--seed", type=int, default=1, help="of the extra clips")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if not available():
        sys.stderr.write(
            "Rendering needs espeak-ng (Debian: apt-get install espeak-ng)."
            " Using the committed corpus does not.\n"
        )
        return 1
    try:
        if options.extra is None:
            count = corpus.write_corpus(options.out or corpus.FOLDER, jobs=options.jobs)
        else:
            if options.out is None or options.extra < 1:
                parser.error("--extra needs a number above 0 and --out DIR")
            count = options.extra
            extra.write_extra(options.out, count, seed=options.seed, jobs=options.jobs)
    except VoiceMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} clips written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
