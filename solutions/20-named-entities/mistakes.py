"""Known mistakes of unit 20-named-entities."""

import numpy as np
from checks import leave_out, marginals, spans, type_scores

from rnncourse.authoring import mistakes, slips

# 1. spans

slips(
    spans,
    {
        "if not (strict and inside) -> if True": "Under the strict rule too, names that begin with I- are kept: they are thrown away there.",
        "if not (strict and inside) -> if not inside": "Names that begin with I- are thrown away under the lenient rule too: it counts them.",
        "if not (strict and inside) -> if strict or not inside": "The two rules are exchanged: strict throws away what begins with I-.",
        "tags[t] == 2 * kind + 2 -> tags[t] > 0 and tags[t] % 2 == 0": "An I- of another type goes on with the name: it ends it, and begins another.",
        "tags[t] == 2 * kind + 2 -> tags[t] in (2 * kind + 1, 2 * kind + 2)": "A B- right after a name of its type goes on with that name: B- always begins a new one.",
        "tags[t] == 2 * kind + 2 -> tags[t] > 0": "Neighbouring names become one: a B-, or an I- of another type, begins a new one.",
        "[begin, t, kind] -> [begin, t - 1, kind]": "`end` is the position of the last word: here it is the one after it.",
        "[begin, t, kind] -> [begin, t - begin, kind]": "The length of each name is returned in the place of its end.",
        "[begin, t, kind] -> [begin, t, kind + 1]": "Types are counted from 1: the first type is 0.",
        "(tags[t] - 1) // 2 -> tags[t] // 2": "The type of an I- is one too high: B- and I- of one type have neighbouring numbers, the odd one first.",
        "if not (strict and inside) -> if not (strict and inside and (begin == 0 or tags[begin - 1] == 0))": "An I- after a name of another type is kept under the strict rule: it is as illegal there as after O.",
        "while t < len(tags): -> while t < len(tags) - 1:": "A name that begins at the last word is lost.",
    },
)


# 2. type_scores

slips(
    type_scores,
    {
        "tuple(row) in needed for row in found.tolist() -> tuple(row[1:]) in {r[1:] for r in needed} for row in found.tolist()": "The sentence is not compared: a name at the same place in another sentence counts as right.",
        "tuple(row) in needed for row in found.tolist() -> tuple(row[:3]) in {r[:3] for r in needed} for row in found.tolist()": "The type is not compared: a person found as a company counts as right.",
        "tuple(row) in needed for row in found.tolist() -> (row[0], row[1], row[3]) in {(r[0], r[1], r[3]) for r in needed} for row in found.tolist()": "The end is not compared: a name that is cut short counts as right.",
        "precision = hits / np.maximum(said, 1) -> precision = hits / np.maximum(there, 1)": "Precision is divided by how many are true: that is recall.",
        "recall = hits / np.maximum(there, 1) -> recall = hits / np.maximum(said, 1)": "Recall is divided by how many were found: that is precision.",
        "precision = hits / np.maximum(said, 1) -> precision = hits / np.maximum(said.sum(), 1)": "Precision of a type is divided by everything that was found: only what was found of that type counts.",
        "f1 = 2 * hits / np.maximum(said + there, 1) -> f1 = (precision + recall) / 2": "F1 is the arithmetic mean of precision and recall: it is the harmonic one.",
        "f1 = 2 * hits / np.maximum(said + there, 1) -> f1 = np.sqrt(precision * recall)": "F1 is the geometric mean of precision and recall: it is the harmonic one.",
        "micro = 2 * hits.sum() / max(said.sum() + there.sum(), 1) -> micro = f1.mean()": "The mean of the types' F1 is the macro F1: micro puts the counts of all types together first.",
        "micro = 2 * hits.sum() / max(said.sum() + there.sum(), 1) -> micro = (f1 * there).sum() / max(there.sum(), 1)": "This is the weighted F1, a mean of the types' values: micro puts the counts together first.",
        "micro = 2 * hits.sum() / max(said.sum() + there.sum(), 1) -> micro = hits.sum() / max(said.sum(), 1)": "Micro is the precision of all types together: its F1 also has the recall in it.",
        "micro = 2 * hits.sum() / max(said.sum() + there.sum(), 1) -> micro = hits.sum() / max(said.sum() + there.sum() - hits.sum(), 1)": "Right ones over all that is true or found is the Jaccard index: F1 counts what is right twice.",
        "precision = hits / np.maximum(said, 1) -> precision = np.where(said, hits / np.maximum(said, 1), 1.0)": "A type that was never found has precision 1: by the agreement here it is 0.",
        "f1 = 2 * hits / np.maximum(said + there, 1) -> f1 = hits / np.maximum(said + there, 1)": "F1 lacks its factor of two: perfect precision and recall have to give 1.",
    },
)


def overlap(true, found, K):
    near = (true[:, None, 0] == found[:, 0]) & (true[:, None, 3] == found[:, 3])
    near &= (true[:, None, 1] < found[:, 2]) & (found[:, 1] < true[:, None, 2])
    hits = np.bincount(found[near.any(axis=0), 3], minlength=K)
    return ratios(hits, np.bincount(true[:, 3], minlength=K), np.bincount(found[:, 3], minlength=K))


def by_word(true, found, K):
    def words(rows):
        return {(s, t, k) for s, b, e, k in rows.tolist() for t in range(b, e)}

    a, b = words(true), words(found)
    return ratios(*(np.array([sum(w[2] == k for w in each) for k in range(K)]) for each in (a & b, a, b)))


def ratios(hits, needed, said):
    total = max(needed.sum() + said.sum(), 1)
    p, r = hits / np.maximum(said, 1), hits / np.maximum(needed, 1)
    return p, r, 2 * hits / np.maximum(needed + said, 1), 2 * hits.sum() / total


mistakes(
    type_scores,
    overlap=("Names that merely overlap count as right: begin and end have to be the same.", overlap),
    by_word=("Words are counted instead of names: a name is right as a whole or not at all.", by_word),
)

# 3. marginals

slips(
    marginals,
    {
        "np.exp(ahead + behind - log_Z) -> np.exp(ahead - np.logaddexp.reduce(ahead, axis=1)[:, None])": "Only what comes before a word is summed over: a marginal also needs everything after it.",
        "np.exp(ahead + behind - log_Z) -> np.exp(scores - np.logaddexp.reduce(scores, axis=1)[:, None])": "This is the softmax of each word's scores: the transitions to its neighbours change it.",
        "np.exp(ahead + behind - log_Z) -> np.exp(ahead + behind + scores - log_Z)": "The score of the word itself is counted twice, in the pass before and in the one after.",
        "np.exp(ahead + behind - log_Z) -> ahead + behind - log_Z": "The logarithm of the probability is returned.",
        "transitions + scores[t + 1] + behind[t + 1] -> transitions + behind[t + 1]": "The backward pass leaves out the scores of the words after: every later word has its score.",
        "transitions + scores[t + 1] + behind[t + 1] -> transitions + scores[t] + behind[t + 1]": "The backward pass adds the score of the word itself, not of the next one.",
        "transitions + scores[t + 1] + behind[t + 1] -> transitions.T + scores[t + 1] + behind[t + 1]": "In the backward pass the transitions are turned round: rows are the tag before, columns the tag after.",
        "np.logaddexp.reduce(ways, axis=0) + scores[t] -> ways.max(axis=0) + scores[t]": "The forward pass takes the best way: that is Viterbi; a partition sums over all ways.",
        "np.logaddexp.reduce(ways, axis=1) -> ways.max(axis=1)": "The backward pass takes the best way: a marginal sums over all ways.",
        "np.logaddexp.reduce(ways, axis=0) -> np.log(np.exp(ways).sum(axis=0))": "The forward pass leaves log space: scores in the hundreds then overflow or vanish.",
        "start + scores[0] -> scores[0]": "The start scores are left out: they belong to the first word's tag.",
        "np.logaddexp.reduce(ways, axis=1) -> np.logaddexp.reduce(ways, axis=0)": "The backward pass sums over the tag before: for what follows a word, sum over the tag after it.",
        "np.logaddexp.reduce(ways, axis=0) + scores[t] -> np.logaddexp.reduce(ways, axis=1) + scores[t]": "The forward pass sums over the tag after: sum over the tag before, from which one comes.",
        "log_Z = np.logaddexp.reduce(ahead[-1]) -> log_Z = ahead[-1].max()": "The score of the best sequence stands for ln Z, which sums over all sequences.",
        "range(1, T) -> range(1, max(T - 1, 1))": "The forward pass stops one word early.",
    },
)


# 4. leave_out

slips(
    leave_out,
    {
        "new_form + 2 * new_person -> 2 * new_form + new_person": "New forms and new people are exchanged: 1 is new forms, 2 is new people.",
        "np.where(mixed, -1, new_form + 2 * new_person) -> new_form + 2 * new_person": "A sentence with a held-out form and another one goes to a test part: half of it was seen in training, so it belongs nowhere.",
        "(ids >= 0) & ~new -> ~new": "The filling, -1, counts as a form or a person that is not held out: it is neither.",
        "(new_form & old_form) | (new_person & old_person) -> new_form & old_form": "A mixture of people is let in: a sentence with a held-out person and another one belongs nowhere.",
        "(new_form & old_form) | (new_person & old_person) -> new_person & old_person": "A mixture of forms is let in: a sentence with a held-out form and another one belongs nowhere.",
        "(new_form & old_form) | (new_person & old_person) -> (new_form & old_form) & (new_person & old_person)": "Only a sentence with both mixtures is dropped: either of them is enough.",
        "(new_form & old_form) | (new_person & old_person) -> (new_form & old_form) | (new_person & old_person) | (new_form ^ new_person)": "Sentences with only new forms or only new people are dropped: they are parts 1 and 2.",
        "(new_form & old_form) | (new_person & old_person) -> (new_form & old_form) | (new_person & old_person) | ~(new_person | old_person)": "Sentences that mention nobody are dropped: they count as without held-out people.",
        "np.where(mixed, -1, -> np.where(mixed, 0,": "Mixtures go to training: what is held out then leaks into it.",
        "return new.any(axis=1), -> return new[:, 0],": "Only the first form and the first person of a sentence are looked at.",
    },
)


def training_is_the_rest(forms, people, held_forms, held_people):
    """Test parts only if all is new; whatever is left is for training."""

    def all_new(ids, held):
        return ((ids < 0) | np.isin(ids, held)).all(axis=1) & (ids >= 0).any(axis=1)

    return all_new(forms, held_forms) + 2 * all_new(people, held_people)


def nobody_is_new(forms, people, held_forms, held_people):
    def kinds(ids, held):
        return ((ids < 0) | np.isin(ids, held)).all(axis=1), ((ids >= 0) & np.isin(ids, held)).any(axis=1)

    all_forms, any_form = kinds(forms, held_forms)
    all_people, any_person = kinds(people, held_people)
    mixed = (any_form & ~all_forms) | (any_person & ~all_people)
    return np.where(mixed, -1, all_forms + 2 * all_people)


mistakes(
    leave_out,
    training_is_the_rest=(
        "Whatever is not wholly new goes to training, mixtures too: what is held out then leaks into it.",
        training_is_the_rest,
    ),
    nobody_is_new=(
        "A sentence that mentions nobody counts as one with new people: nobody in it is held out.",
        nobody_is_new,
    ),
)
