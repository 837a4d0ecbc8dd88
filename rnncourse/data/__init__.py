"""Data sets that need no network (but for one that is optional), and what turns them into arrays.

    from rnncourse import data

    years, activity = data.sunspots()             # (309,), (309,)  yearly, 1700-2008
    months, degrees = data.elnino()               # (732,), (732,)  monthly, 1950-2010
    names = data.surnames()                       # {"fi_FI": ["Aalto", ...], ...}: surnames of 13 locales
    text = data.docstrings()                      # one string, about 1.1 million characters of English and code
    text = data.shakespeare()                     # as many characters of plays; downloads 1.1 MB, once
    vocabulary = data.Vocabulary(text)            # characters <-> ids: encode, decode, len
    ids = vocabulary.encode(text)                 # (N,) integers
    for x, y in data.streams(ids, T=64, B=32):    # (T, B) each; column b goes on where it left off
        ...
    p = data.witten_bell(train, held_out, order=5, V=len(vocabulary))     # the n-gram baseline: (N,) probabilities

Every loader asserts a SHA-256, so that all machines compute with the same numbers.
"""

from rnncourse.data.names import surnames
from rnncourse.data.ngram import witten_bell
from rnncourse.data.series import elnino, sunspots
from rnncourse.data.text import Vocabulary, docstrings, shakespeare, streams

__all__ = ["Vocabulary", "docstrings", "elnino", "shakespeare", "streams", "sunspots", "surnames", "witten_bell"]
