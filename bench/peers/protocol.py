"""How a driver talks to a peer, so that it can alternate between both sides: the peer prints `ready` after its warm-up, then
answers each line on stdin with one line of JSON. Every peer knows `mem` ({"peak_rss_bytes", "rss_bytes"}) and `quit`.
"""

import gc
import json
import resource
import sys
import time


def clock(run):
    start = time.perf_counter()
    run()
    return round((time.perf_counter() - start) * 1000, 4)


def memory():
    with open("/proc/self/statm") as file:
        resident_pages = int(file.read().split()[1])
    return {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "rss_bytes": resident_pages * resource.getpagesize()}


def serve(commands):
    """`commands`: word to a function of the line's other words that returns what to print."""
    print("ready", flush=True)
    for line in sys.stdin:
        word, *rest = line.split() or ["nothing"]
        if word == "quit":
            return
        answer = {"mem": memory, **commands}.get(word)
        print(json.dumps(answer(*rest) if answer else {"error": f"no command {word}"}), flush=True)


def serve_cases(families):
    """`open FAMILY WORDS…` makes a case, a function without arguments, and calls it once; `run REPS TIMES` times it: {"ms": [...]}."""
    current = None

    def open_case(family, *words):
        nonlocal current
        current = None
        gc.collect()
        current = families[family](*(int(word) if word.isdigit() else word for word in words))
        current()
        return {}

    def run(reps, times):
        def all_times():
            for _ in range(int(times)):
                current()

        return {"ms": [clock(all_times) / int(times) for _ in range(int(reps))]}

    serve({"open": open_case, "run": run})
