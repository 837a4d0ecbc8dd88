"""Data sets that need no network (but for one that is optional), and what turns them into arrays::

    from rnncourse import data

    years, activity = data.sunspots()           # (309,), (309,)  yearly, 1700-2008
    months, degrees = data.elnino()             # (732,), (732,)  monthly, 1950-2010
    names = data.surnames()                     # surnames of 13 locales, by locale
    english, german = data.number_words(42)     # ["forty", "two"], "zweiundvierzig"
    texts, praise = data.reviews("aclImdb/train")  # from a folder of your own
    pairs = data.sentence_pairs("deu.txt")      # from a file of your own: sentences and translations
    names = data.world()                        # countries, languages, currencies, in English
    sentences = data.entities("eng.train")      # (words, BIO tags), from a file of your own
    calls = data.dialogues("calls.jsonl")       # from a file of your own
    text = data.docstrings()                    # 1.1 million characters
    text = data.shakespeare()                   # as many; downloads 1.1 MB, once
    vocabulary = data.Vocabulary(text)          # characters <-> ids
    ids = vocabulary.encode(text)               # (N,) integers
    for x, y in data.streams(ids, T=64, B=32):  # (T, B) each
        ...
    V = len(vocabulary)                         # the n-gram baselines:
    p = data.witten_bell(train, held_out, order=5, V=V)  # (N,) probabilities
    p = data.kneser_ney(train, held_out, order=5, V=V)   # stronger

Every loader asserts a SHA-256, so that all machines compute with the same numbers.
"""

from rnncourse.data.dialogues import Dialogue, dialogues
from rnncourse.data.entities import entities
from rnncourse.data.names import surnames
from rnncourse.data.ngram import kneser_ney, witten_bell
from rnncourse.data.numbers import number_words
from rnncourse.data.pairs import sentence_pairs
from rnncourse.data.queries import query_log, world
from rnncourse.data.reviews import reviews
from rnncourse.data.series import elnino, sunspots
from rnncourse.data.text import Vocabulary, docstrings, shakespeare, streams, words

__all__ = [
    "sunspots",
    "elnino",
    "surnames",
    "number_words",
    "reviews",
    "sentence_pairs",
    "world",
    "query_log",
    "entities",
    "Dialogue",
    "dialogues",
    "docstrings",
    "shakespeare",
    "Vocabulary",
    "streams",
    "words",
    "witten_bell",
    "kneser_ney",
]
