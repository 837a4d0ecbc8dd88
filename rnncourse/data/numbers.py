"""Number words, English and German: a small translation task whose sentences are generated."""

import operator

_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_GERMAN = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
).split()
_GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()


def number_words(number: int) -> tuple[list[str], str]:
    """A number from 0 to 999,999 in British English, as a list of words, and in German, where it is one word.

    "fünfhundertdreiundsechzig": German says units before tens, "drei und sechzig", and writes all of it together.
    ValueError for a number outside the range.

    The words are those of num2words 0.5.14 (tests hold their SHA-256), except in 101,000 and its like, where that says
    "einhunderteinstausend". Source: chapter 17.
    """
    number = operator.index(number)
    if not 0 <= number < 1_000_000:
        raise ValueError(f"number={number}, expected 0 to 999,999")
    if number == 0:
        return ["zero"], "null"
    thousands, rest = divmod(number, 1000)
    english, german = [], ""
    if thousands:
        english, german = [*_english(thousands), "thousand"], _german(thousands) + "tausend"
    if rest:
        english += ["and"] * (thousands > 0 and rest < 100) + _english(rest)
        german += _german(rest) + "s" * (rest % 100 == 1)  # eins at the end, ein before another part
    return english, german


def _english(number: int) -> list[str]:
    """1 to 999."""
    hundreds, rest = divmod(number, 100)
    words = [_ENGLISH[hundreds], "hundred"] if hundreds else []
    words += ["and"] * (hundreds > 0 and rest > 0)
    if rest >= 20:
        tens, rest = divmod(rest, 10)
        words.append(_ENGLISH_TENS[tens - 2])
    return words + [_ENGLISH[rest]] * (rest > 0)


def _german(number: int) -> str:
    """1 to 999."""
    hundreds, rest = divmod(number, 100)
    word = _GERMAN[hundreds] + "hundert" if hundreds else ""
    if rest < 20:
        return word + _GERMAN[rest] * (rest > 0)
    tens, units = divmod(rest, 10)
    return word + (_GERMAN[units] + "und") * (units > 0) + _GERMAN_TENS[tens - 2]
