"""The record of chapter 24: other worlds, logs and networks. `rnncourse record 24` writes 24-query-completion.json."""

import functools
import sys

import numpy as np

from rnncourse.bench.record import definitions

SEEDS = 3
SLIPPED = ("endings", "counts", "network", "forms, endings", "forms, network")
INVENTED = ("endings", "forms", "counts", "network")


def record() -> dict:
    page = definitions(__file__, "setup", "forms")
    return {"runs": [run(page, seed) for seed in range(SEEDS)]}


def run(page, seed: int) -> dict:
    """One world and log: two networks, the rivals, and what they invent."""
    world, log, parts = page["split"](seed)
    valid, unseen = parts["valid, unseen"], parts["test, unseen"]
    print("seed", seed, {name: len(queries) for name, queries in parts.items()}, file=sys.stderr, flush=True)
    model, _ = page["trained"](sorted(log), valid, seed)
    by_log, _ = page["trained"](list(log.elements()), valid, seed)
    possible = page["everything"](world)
    compared = page["completers"](log, model, possible)
    counts, network = page["Counts"](page["once_each"](log), 9), page["Reader"](model)
    mixture = Mixture(network, counts)
    words = {word for query in log for word in query.split(" ")}
    more = {
        "mixture": page["searched"](mixture),
        "counts, known words": known(page, counts, words),
        "network, known words": known(page, network, words),
        "counts of the log": page["searched"](page["Counts"](log, 9)),
        "endings of the log": page["Endings"](log),
        "network learnt the log": page["searched"](page["Reader"](by_log)),
    }
    alone = {name: compared[name] for name in ("endings", "forms", "counts", "network")}
    print("seed", seed, "valid", file=sys.stderr, flush=True)
    on_valid = page["results"](alone | more, parts, "valid", ("unseen",))
    print("seed", seed, on_valid, file=sys.stderr, flush=True)
    slips = {"test, slipped": page["slipped"](unseen, seed)}
    tested = {name: more[name] for name in ("mixture", "counts, known words", "network, known words")}
    test = [page["collate"](unseen)]
    found = {
        "queries": {name: len(queries) for name, queries in parts.items()},
        "bits": {
            "network": bits(page, model, test),
            "network learnt the log": bits(page, by_log, test),
            "counts": round(float(counts.bits(unseen)), 3),
        },
        "valid": on_valid,
        "test": page["results"](compared | tested, parts, "test"),
        "slipped": page["results"]({n: compared[n] for n in SLIPPED}, slips, "test", ("slipped",)),
        "invented": {name: page["kinds"](compared[name], log, possible, unseen, 0.6) for name in INVENTED},
    }
    print("seed", seed, found["test"], found["slipped"], file=sys.stderr, flush=True)
    return found


def bits(page, model, batches) -> float:
    return round(page["training"].evaluate(model, page["loss"], batches) / np.log(2), 3)


class Mixture:
    """A reader: half the network's probability of the next character, half that of the counts."""

    def __init__(self, *readers):
        self.readers = readers

    def begin(self, prefix):
        return self.mixed([reader.begin(prefix) for reader in self.readers])

    def step(self, tokens, states):
        return self.mixed([reader.step(tokens, s) for reader, s in zip(self.readers, states, strict=True)])

    def mixed(self, answers):
        log_ps, states = zip(*answers, strict=True)
        return np.logaddexp(*log_ps) + np.log(0.5), states

    def pick(self, states, rows):
        return [reader.pick(s, rows) for reader, s in zip(self.readers, states, strict=True)]


def known(page, reader, words):
    """Of ten proposals of a beam of twenty, those whose words after the typed ones are all in the log."""

    @functools.cache
    def complete(prefix):
        allowed = words | set(prefix.split(" ")[:-1])
        found = page["complete"](reader, prefix, k=10, K=20)
        return [query for _, query in found if set(query.split(" ")) <= allowed]

    return complete
