"""Known mistakes of unit 24-query-completion."""

import numpy as np
from checks import grow, merged, popular, scores

from rnncourse.authoring import mistakes, slips

# 1. popular

slips(
    popular,
    {
        "query.startswith(prefix) and len(query) > len(prefix) -> query.startswith(prefix)": "The prefix itself is among the completions: a completion is longer.",
        "query.startswith(prefix) and -> prefix in query and": "The prefix is looked for anywhere in a query: a completion begins with it.",
        "total.get(query, 0) + int(count) -> int(count)": "Of a query that comes on several days only the last day counts: its counts are added.",
        "total.get(query, 0) + int(count) -> total.get(query, 0) + 1": "The days on which a query was typed are counted, not how often it was typed.",
        "total.get(query, 0) + int(count) -> max(total.get(query, 0), int(count))": "Of a query that comes on several days only the best day counts: its counts are added.",
        "key=lambda query: (-total[query], query)": {
            "key=lambda query: -total[query]": "Equal totals stay in the order of the log: among equals the alphabetically first comes first.",
            "key=lambda query: (total[query], query)": "The rarest come first: the most popular should.",
            "key=lambda query: (total[query], query), reverse=True": "Reversing the sort also reverses the names: among equal totals the alphabetically last then comes first.",
            "key=lambda query: (len(query), query)": "The shortest come first: popularity decides.",
            "key=lambda query: query": "The completions are in alphabetical order: popularity decides, the names only among equals.",
        },
        "held / max(1, sum(total.values())) -> held / max(1, int(sum(counts)))": "The share is taken of the whole log: it is a share of the queries that complete the prefix.",
        "held / max(1, sum(total.values())) -> len(found) / max(1, len(total))": "The share counts distinct queries: each counts as often as it was typed.",
        "held / max(1, sum(total.values())) -> held / max(1, sum(int(c) for q, c in zip(queries, counts, strict=True) if q.startswith(prefix)))": "The share is also of those who typed just the prefix: only longer queries count.",
    },
)


def each_day_alone(queries, counts, prefix, k):
    rows = [(-int(c), q) for q, c in zip(queries, counts, strict=True) if q.startswith(prefix) and q != prefix]
    best = sorted(rows)[:k]
    return [q for _, q in best], sum(c for c, _ in best) / (sum(c for c, _ in rows) or -1)


mistakes(
    popular,
    each_day_alone=("Each line of the log is ranked alone: the days of one query belong together.", each_day_alone),
)

# 2. merged

slips(
    merged,
    {
        "for query in dict.fromkeys(second.tolist()) if query not in first] -> for query in dict.fromkeys(second.tolist())]": "A proposal that both lists hold counts as new, and the box shows it twice.",
        "for query in dict.fromkeys(second.tolist()) if -> for query in second.tolist() if": "The second list's repetitions are shown again.",
        "first = list(dict.fromkeys(first.tolist())) -> first = first.tolist()": "The first list's repetitions are shown again.",
        "if query not in first] -> if query not in first[: k - least]]": "What the first list holds further down counts as new: it stands in its whole list.",
        "reserved = min(least, len(new)) -> reserved = least": "Places are kept free for new proposals that do not exist: they go back to the first list.",
        "reserved = min(least, len(new)) -> reserved = min(least, len(set(second.tolist())))": "Places are kept free for proposals of the second list that the first one has too: only new ones need a place.",
        "reserved = min(least, len(new)) -> reserved = 0": "No place is reserved: a long first list fills the box.",
        "reserved = min(least, len(new)) -> reserved = len(new)": "The second list may push out as many as it has new proposals: only `least` places are reserved.",
        "np.array(shown + new[: k - len(shown)]) -> np.array(shown + new[:reserved])": "The second list gets its reserved places and no more: where the first list is short, it fills the rest.",
        "np.array(shown + new[: k - len(shown)]) -> np.array(shown + new)": "The box has only k places.",
        "np.array(shown + new[: k - len(shown)]) -> np.array(new[: k - len(shown)] + shown)": "The new proposals are shown on top: the first list's come first.",
        "new = [query for query in dict.fromkeys(second.tolist()) if query not in first] -> new = sorted({*second.tolist()} - {*first})": "The new proposals are in alphabetical order: they keep the order of their list.",
    },
)


def alternating(first, second, k, least):
    first, second, shown = first.tolist(), second.tolist(), []
    while first or second:
        for queue in (first, second):
            while queue:
                query = queue.pop(0)
                if query not in shown:
                    shown.append(query)
                    break
    return np.array(shown[:k])


def cut_before(first, second, k, least):
    """Cuts the lists first and looks for repetitions afterwards."""
    return np.array(list(dict.fromkeys([*first[: k - least], *second[:least]])))


def united_then_cut(first, second, k, least):
    return np.array(list(dict.fromkeys([*first[: k - least], *second]))[:k])


mistakes(
    merged,
    alternating=("The lists take turns: the first list's proposals come first.", alternating),
    cut_before=("The lists are cut before repetitions are taken out: places stay empty.", cut_before),
    united_then_cut=(
        "The first list is cut to what is not reserved, and what it loses can come back through the second one.",
        united_then_cut,
    ),
)

# 3. scores

slips(
    scores,
    {
        "list(dict.fromkeys(proposals))[:k] -> list(proposals)[:k]": "A repeated proposal takes a place: it is not shown again, and those below move up.",
        "list(dict.fromkeys(proposals))[:k] -> list(dict.fromkeys(proposals[:k]))": "The list is cut to k before repetitions are taken out: a target that moves up into the box is missed.",
        "list(dict.fromkeys(proposals))[:k] -> [q for q, above in zip(proposals, ['', *proposals], strict=False) if q != above][:k]": "A repetition is only seen right below: it may stand anywhere further up.",
        "list(dict.fromkeys(proposals))[:k] -> list(dict.fromkeys(proposals))": "All proposals are searched: the box shows only k.",
        "list(dict.fromkeys(proposals))[:k] -> sorted(set(proposals))[:k]": "The proposals are in alphabetical order: their own order is the ranking.",
        "list(dict.fromkeys(proposals))[:k] -> list(dict.fromkeys(reversed(proposals)))[:k]": "The list is read from its end: the best stands first.",
        "reciprocal += count / (shown.index(target) + 1) -> reciprocal += count / k": "Every hit counts 1/k: its own place decides.",
        "reciprocal += count / (shown.index(target) + 1) -> reciprocal += count / (proposals.index(target) + 1)": "The place is looked up with the repetitions in the list: those below a repetition move up.",
        "reciprocal += count / (shown.index(target) + 1) -> reciprocal += count / (shown.index(target) + 2)": "The first place counts 1/2: places begin at 1.",
        "reciprocal += count / (shown.index(target) + 1) -> reciprocal += count * (shown.index(target) + 1)": "The mean rank is computed, not that of the reciprocal ranks.",
        "reciprocal += count / (shown.index(target) + 1) -> reciprocal += count * (1 - shown.index(target) / k)": "The value falls by the same amount from place to place: it is the reciprocal of the place.",
        "return hit / np.sum(counts), reciprocal / np.sum(counts) -> return hit / np.sum(counts), reciprocal / max(1, hit)": "The reciprocal ranks are averaged over those who found their query: a miss counts 0, and counts.",
        "return hit / np.sum(counts), reciprocal / np.sum(counts) -> return hit / len(lists), reciprocal / len(lists)": "The sums are divided by the number of queries: divide by that of users.",
        "hit, reciprocal = 0.0, 0.0 -> hit, reciprocal, counts = 0.0, 0.0, np.ones(len(lists))": "Each query counts once: it counts as often as users wanted it.",
    },
)


def cut_for_hits_only(lists, targets, counts, k):
    whole = [list(dict.fromkeys(p)) for p in lists]
    places = np.array([p.index(t) + 1 if t in p else np.inf for p, t in zip(whole, targets, strict=True)])
    return np.average(places <= k, weights=counts), np.average(1 / places, weights=counts)


mistakes(
    scores,
    cut_for_hits_only=(
        "Hits are cut at k, reciprocal ranks are not: what is not shown counts 0 in both.",
        cut_for_hits_only,
    ),
)

# 4. grow

slips(
    grow,
    {
        "total[:, end] = -np.inf -> pass": "Endings stay among the open hypotheses: a finished query takes no further token.",
        "total[:, end] = -np.inf -> total[:, end] = 0": "An ending is set to 0 to take it out, but 0 is larger than any sum of log-probabilities.",
        "np.sort(np.concatenate([ended, total[:, end]]))[::-1][: len(ended)] -> np.sort(total[:, end])[::-1][: len(ended)]": "The queries that finished earlier are forgotten.",
        "np.sort(np.concatenate([ended, total[:, end]]))[::-1][: len(ended)] -> np.concatenate([ended, total[:, end]])[: len(ended)]": "Old and new finished queries are joined but not sorted: a new one may be better than an old one.",
        "np.sort(np.concatenate([ended, total[:, end]]))[::-1][: len(ended)] -> np.sort(np.concatenate([ended, log_p[:, end]]))[::-1][: len(ended)]": "An ending is valued by its last token alone: the total of its hypothesis belongs to it.",
        "order // total.shape[1], order % total.shape[1] -> order // total.shape[0], order % total.shape[0]": "The flat index is divided by the number of hypotheses: a row has V entries.",
        "open_totals = total[rows, tokens] -> open_totals = log_p[rows, tokens]": "The last token's log-probability is returned instead of the sum.",
        "open_totals[0] <= best[-1]": {
            "open_totals[0] <= best[0]": "The best finished query is compared: the list is only safe if its last one cannot be beaten.",
            "open_totals[-1] <= best[-1]": "The worst open hypothesis is compared: the best one decides whether the list can still change.",
            "open_totals[0] <= ended[-1]": "The finished queries before this step are compared: the new ones count already.",
            "open_totals[0] >= best[-1]": "The comparison is the wrong way round: the search is done when nothing open is better than the last of the finished.",
            "np.isfinite(best).all()": "The search stops as soon as enough queries have finished: an open hypothesis may still beat one of them.",
        },
    },
)


def endings_take_places(log_p, totals, ended, K, end):
    total = totals[:, None] + log_p
    order = np.argsort(-total, axis=None)[:K]
    best = np.sort(np.concatenate([ended, total[:, end]]))[::-1][: len(ended)]
    order = order[order % total.shape[1] != end]
    rows, tokens = order // total.shape[1], order % total.shape[1]
    new = total[rows, tokens]
    return rows, tokens, new, best, bool(new[0] <= best[-1])


def best_of_each(log_p, totals, ended, K, end):
    """The best K of the first hypothesis, then of the second, and so on."""
    total = totals[:, None] + log_p
    best = np.sort(np.concatenate([ended, total[:, end]]))[::-1][: len(ended)]
    total[:, end] = -np.inf
    order = np.argsort(-total, axis=1)[:, : -(-K // len(totals))]
    rows = np.repeat(np.arange(len(totals)), order.shape[1])[:K]
    tokens = order.ravel()[:K]
    new = total[rows, tokens]
    return rows, tokens, new, best, bool(new.max() <= best[-1])


mistakes(
    grow,
    endings_take_places=("Endings take places of the beam: K open hypotheses are asked for.", endings_take_places),
    best_of_each=("Each hypothesis keeps its own best extensions: all extensions compete.", best_of_each),
)
