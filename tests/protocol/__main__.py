"""Search everything that can happen to the protocol of takeovers: `python -m tests.protocol [--most STATES]`.

Without a name all searches run, short ones first. Exit status 1 if one finds something, 2 if one is cut off.
"""

import argparse
import sys

from tests.protocol.search import Search
from tests.protocol.searches import LONG, SHORT


def main():
    """Run searches and print what each found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="searches to run; all if none is named")
    parser.add_argument("--most", type=int, default=1_500_000, help="states at which a search is cut off")
    asked = parser.parse_args()
    models = [one for one in (*SHORT.values(), *LONG) if not asked.names or one.name in asked.names]
    results = []
    for model in models:
        results.append(Search(model, asked.most).run())
        print(results[-1], flush=True)
    cut_off = any(not result.complete for result in results)
    sys.exit(1 if any(result.wrong for result in results) else 2 * cut_off)


if __name__ == "__main__":
    main()
