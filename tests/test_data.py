"""Loaders, vocabulary, streams and the n-gram baseline."""

import functools
import hashlib
import http.server
import importlib
import lzma
import subprocess
import sys
import threading
from collections import Counter

import numpy as np
import pytest
from typer.testing import CliRunner

from rnncourse import data
from rnncourse.authoring import datafiles
from rnncourse.cli import app
from rnncourse.data import checksum, series, text


def test_sunspots():
    years, activity = data.sunspots()
    assert years.tolist() == list(range(1700, 2009))
    assert activity.shape == (309,) and activity.dtype == np.float64
    assert activity[[0, 1, -1]].tolist() == [5.0, 11.0, 2.9]
    assert years[activity.argmax()] == 1957 and activity.max() == 190.2


def test_elnino():
    months, degrees = data.elnino()
    assert months.shape == degrees.shape == (732,)
    assert (str(months[0]), str(months[-1])) == ("1950-01", "2010-12")
    assert np.all(np.diff(months) == np.timedelta64(1, "M"))
    assert degrees[[0, 12, -1]].tolist() == [23.11, 24.19, 22.07]


def test_a_caller_cannot_change_what_the_next_one_gets():
    for load in (data.sunspots, data.elnino):
        load()[1][:] = 0
        assert load()[1].min() >= 0 and load()[1].max() > 20


def test_number_words():
    assert data.number_words(42) == (["forty", "two"], "zweiundvierzig")
    assert data.number_words(0) == (["zero"], "null") and data.number_words(1)[1] == "eins"
    assert data.number_words(np.int64(101_001))[1] == "einhunderteintausendeins"
    english, german = data.number_words(930_016)
    assert " ".join(english) == "nine hundred and thirty thousand and sixteen"
    assert german == "neunhundertdreißigtausendsechzehn"
    for number in (-1, 1_000_000):
        with pytest.raises(ValueError, match="expected 0 to 999,999"):
            data.number_words(number)


def test_number_words_are_those_that_were_compared_with_num2words():
    """0.5.14 differs only where hundreds end in one thousand: it says einhunderteinstausend."""
    content = hashlib.sha256()
    for number in range(0, 1_000_000, 7):
        english, german = data.number_words(number)
        content.update(f"{' '.join(english)}\t{german}\n".encode())
    assert content.hexdigest() == "9f0af2516b115e8f26709731b020388ce79787dbc9d3698d83f6186f71328601"
    words = {" ".join(data.number_words(number)[0]) for number in range(10_000)}
    assert len(words) == 10_000


def test_docstrings():
    corpus = data.docstrings()
    assert len(corpus) == 1_115_184 and len(set(corpus)) == 98
    documents = corpus.split(text.SEPARATOR)
    assert sum("Parameters\n----------" in document for document in documents) > 300
    assert "\r" not in corpus and "\t" not in corpus and " \n" not in corpus
    assert data.docstrings() is corpus


def test_docstrings_hold_nothing_of_this_machine():
    corpus = data.docstrings()
    assert sys.prefix not in corpus and "x86_64" not in corpus and "object at 0x7f" not in corpus


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 indents NumPy's docstrings differently")
def test_the_command_makes_the_docstrings_that_are_committed(monkeypatch, tmp_path):
    importlib.import_module("scipy.signal")  # writes into NumPy's
    monkeypatch.setattr(datafiles, "FILES", tmp_path)
    assert CliRunner().invoke(app, ["data", "docstrings"]).exit_code == 0
    kept = checksum.FILES / "docstrings.LICENSE.txt"
    assert (tmp_path / kept.name).read_text() == kept.read_text()
    monkeypatch.setattr(checksum, "FILES", tmp_path)
    assert data.docstrings.__wrapped__() == data.docstrings()


def test_the_command_refuses_another_text_and_another_name(monkeypatch, tmp_path):
    monkeypatch.setattr(datafiles, "FILES", tmp_path)
    monkeypatch.setattr(np, "sum", np.prod)
    result = CliRunner().invoke(app, ["data", "docstrings"])
    assert result.exit_code == 1 and "Python 3.11" in result.output and not list(tmp_path.iterdir())
    result = CliRunner().invoke(app, ["data", "docstring"])
    assert result.exit_code == 1 and "there are: docstrings" in result.output


def test_a_data_file_that_is_missing_or_damaged_is_told(monkeypatch, tmp_path):
    whole = (checksum.FILES / text.DOCSTRINGS).read_bytes()
    monkeypatch.setattr(checksum, "FILES", tmp_path)
    for content in (None, whole[:1000], lzma.compress(b"another text")):
        if content is not None:
            (tmp_path / text.DOCSTRINGS).write_bytes(content)
        with pytest.raises(RuntimeError, match=r"docstrings\.txt\.xz is missing or damaged: get a fresh copy"):
            data.docstrings.__wrapped__()


def test_data_md_lists_every_data_file(root):
    rows = [line for line in (root / "DATA.md").read_text().splitlines() if line.startswith("| `")]
    for path in checksum.FILES.glob("*.xz"):
        (row,) = (r for r in rows if f"`{path.name}`" in r)
        assert hashlib.sha256(lzma.decompress(path.read_bytes())).hexdigest() in row
        name = path.name.partition(".")[0]
        assert f"`{name}`" in row and name in datafiles.MAKERS
        assert (checksum.FILES / f"{name}.LICENSE.txt").is_file() and path.stat().st_size <= 900_000


def test_another_version_of_a_series_is_refused_with_advice(monkeypatch):
    monkeypatch.setattr(series, "_SHA256", {"sunspots": "0" * 64})
    with pytest.raises(RuntimeError, match=r"SHA-256.*requirements\.lock"):
        data.sunspots()


def test_the_loaders_need_no_network():
    code = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError("the network was used")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from rnncourse import data
data.sunspots(), data.elnino(), data.docstrings()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Stands for the host of Shakespeare on this machine: a folder, and requests counted."""
    (tmp_path / "served").mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(args)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=tmp_path / "served")
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(text, "SHAKESPEARE", f"http://127.0.0.1:{server.server_port}/input.txt")
    monkeypatch.setattr(text, "_SHAKESPEARE_SHA256", hashlib.sha256(b"To be\n").hexdigest())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "served" / "input.txt", requests
    server.shutdown()


def test_shakespeare_is_fetched_once(served):
    file, requests = served
    file.write_text("To be\n")
    assert data.shakespeare() == data.shakespeare() == "To be\n" and len(requests) == 1


def test_another_text_is_not_shakespeare(served):
    served[0].write_text("<html>Please log in</html>")
    with pytest.raises(RuntimeError, match="another file than the course was written with"):
        data.shakespeare()


def test_shakespeare_without_a_network_says_what_to_do(served):
    with pytest.raises(RuntimeError, match=r"cannot be downloaded.*docstrings\(\)"):  # there is no such page
        data.shakespeare()


def test_vocabulary_round_trip():
    vocabulary = data.Vocabulary("hello world")
    assert vocabulary.symbols == tuple(" dehlorw") and len(vocabulary) == 8
    ids = vocabulary.encode("hold her")
    assert ids.dtype == np.int64 and ids.shape == (8,)
    assert vocabulary.decode(ids) == "hold her"
    assert vocabulary.encode("").shape == (0,) and vocabulary.decode([]) == ""


def test_vocabulary_of_words():
    vocabulary = data.Vocabulary(["to", "be", "or", "not"])
    assert vocabulary.encode(["not", "to", "be"]).tolist() == [1, 3, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: v.encode("abx"), "'x' is not among the 3"),
        (lambda v: v.decode([0, -1]), "from -1 to 0"),
        (lambda v: v.decode([3]), "expected 0 to 2"),
        (lambda v: v.decode([[0], [1]]), r"shape \(2, 1\)"),
        (lambda v: v.decode([0.5]), "float64"),
        (lambda v: data.Vocabulary(""), "at least one"),
    ],
)
def test_vocabulary_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(data.Vocabulary("abc"))


@pytest.mark.parametrize(("N", "T", "B"), [(101, 5, 4), (100, 5, 4), (21, 5, 4), (57, 1, 1), (40, 13, 3)])
def test_streams_are_contiguous_and_shifted_by_one(N, T, B):
    ids = np.arange(N)
    batches = list(data.streams(ids, T, B))
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert all(part.shape == (T, B) for batch in batches for part in batch)
    assert np.array_equal(y, x + 1)
    assert np.all(np.diff(x, axis=0) == 1)
    assert np.unique(x).size == x.size
    assert np.array_equal(x[0, 1:], x[-1, :-1] + 1), "each stream begins where the one before ends"
    assert N - 1 - x.size < T * B + B


def test_streams_need_enough_tokens():
    with pytest.raises(ValueError, match="20 tokens.*T=5.*B=4"):
        data.streams(np.arange(20), 5, 4)
    with pytest.raises(ValueError, match=r"\(4, 5\)"):
        data.streams(np.zeros((4, 5)), 1, 1)


def slow_witten_bell(train, held_out, order, V):
    """The definition, word by word, with dictionaries."""
    train, held_out = train.tolist(), held_out.tolist()
    counts = [Counter(tuple(train[i : i + n]) for i in range(len(train) - n + 1)) for n in range(order + 1)]

    def probability(context, token):
        n = len(context) + 1
        followers = {gram: count for gram, count in counts[n].items() if gram[:-1] == context}
        lower = probability(context[1:], token) if context else 1 / V
        if not followers:
            return lower
        total, kinds = sum(followers.values()), len(followers)
        return (followers.get((*context, token), 0) + kinds * lower) / (total + kinds)

    return [probability(tuple(held_out[max(0, t - order + 1) : t]), token) for t, token in enumerate(held_out)]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_witten_bell_is_its_definition(order):
    rng = np.random.default_rng(order)
    train, held_out = rng.integers(0, 4, 60), rng.integers(0, 5, 30)
    expected = slow_witten_bell(train, held_out, order, 5)
    np.testing.assert_allclose(data.witten_bell(train, held_out, order, 5), expected, rtol=1e-12)


def slow_kneser_ney(train, held_out, order, V):
    """The definition, word by word, with dictionaries."""
    train, held_out = train.tolist(), held_out.tolist()

    def grams(n):
        return [tuple(train[i : i + n]) for i in range(len(train) - n + 1)]

    counts = {n: Counter(gram[1:] for gram in set(grams(n + 1))) for n in range(1, order)} | {
        order: Counter(grams(order))
    }

    def discount(n, count):
        n1, n2, n3, n4 = (sum(c == k for c in counts[n].values()) for k in (1, 2, 3, 4))
        if count == 0 or not n1 * n2 * n3 * n4:
            return 0.5 * (count > 0)
        Y = n1 / (n1 + 2 * n2)
        return {1: 1 - 2 * Y * n2 / n1, 2: 2 - 3 * Y * n3 / n2}.get(count, 3 - 4 * Y * n4 / n3)

    def probability(context, token):
        n = len(context) + 1
        lower = probability(context[1:], token) if context else 1 / V
        followers = {gram: count for gram, count in counts[n].items() if gram[:-1] == context}
        if not followers:
            return lower
        own = counts[n][(*context, token)]
        freed = sum(discount(n, count) for count in followers.values())
        return (own - discount(n, own) + freed * lower) / sum(followers.values())

    return [probability(tuple(held_out[max(0, t - order + 1) : t]), token) for t, token in enumerate(held_out)]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("N", [12, 300])  # few, so that no n-gram occurs four times; enough for all discounts
def test_kneser_ney_is_its_definition(order, N):
    rng = np.random.default_rng(order)
    train, held_out = rng.geometric(0.4, N).clip(1, 6) - 1, rng.integers(0, 7, 30)
    expected = slow_kneser_ney(train, held_out, order, 7)
    np.testing.assert_allclose(data.kneser_ney(train, held_out, order, 7), expected, rtol=1e-12)


def test_kneser_ney_beats_witten_bell_on_the_text_of_the_course():
    text = data.docstrings()[:300_000]
    ids, V = (v := data.Vocabulary(text)).encode(text), len(v)
    train, held_out = ids[:270_000], ids[270_000:]
    losses = [[-np.log(f(train, held_out, n, V)).mean() for n in (4, 8)] for f in (data.witten_bell, data.kneser_ney)]
    assert losses[1][0] < losses[0][0] and losses[1][1] < losses[0][1] - 0.05


both = pytest.mark.parametrize("smoothed", [data.witten_bell, data.kneser_ney])


@both
@pytest.mark.parametrize("order", [1, 2, 4])
def test_an_n_gram_sums_to_one(smoothed, order):
    rng = np.random.default_rng(order)
    train, context = rng.integers(0, 3, 50), rng.integers(0, 4, 3)
    last = [smoothed(train, np.append(context, token), order, 4)[-1] for token in range(4)]
    assert abs(sum(last) - 1) < 1e-12 and min(last) > 0


@both
def test_an_n_gram_at_its_edges(smoothed):
    empty = np.zeros(0, dtype=np.int64)
    assert np.array_equal(smoothed(empty, np.array([0, 1]), 3, 4), [0.25, 0.25])
    assert smoothed(np.array([1]), empty, 3, 4).shape == (0,)
    assert smoothed(np.array([1, 2, 3]), np.array([2]), 3, 4).shape == (1,)


@both
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [4], 2, 4), "held_out runs from 4"),
        (([0.5], [1], 2, 4), "float64"),
        (([0, 1], [1], 0, 4), "order=0"),
        (([0, 1], [1], 10, 98), "63 bits"),
    ],
)
def test_errors_of_an_n_gram(smoothed, arguments, message):
    with pytest.raises(ValueError, match=message):
        smoothed(*arguments)


@both
@pytest.mark.parametrize("dtype", [np.uint64, np.uint8, np.int8, np.int32])
@pytest.mark.parametrize("V", [5, np.int8(5), np.uint64(5)], ids=["int", "int8", "uint64"])
def test_an_n_gram_with_any_integers(smoothed, dtype, V):
    rng = np.random.default_rng(0)
    train, held_out = rng.integers(0, 5, 300), rng.integers(0, 5, 100)
    right = smoothed(train, held_out, 4, 5)
    np.testing.assert_array_equal(smoothed(train.astype(dtype), held_out.astype(dtype), 4, V), right)


@pytest.mark.parametrize("V", [5.0, 5.5, "5", None, 0])
def test_a_vocabulary_size_is_an_integer(V):
    with pytest.raises(ValueError, match="V="):
        data.witten_bell(np.arange(5), np.arange(5), 2, V)


def test_streams_go_round_again_and_share_nothing():
    ids = np.arange(25, dtype=np.uint8)
    batches = data.streams(ids, 4, 3)
    first = list(batches)
    assert len(batches) == len(first) == 2
    first[0][1][:] = 99  # a masked target
    for (x, y), (again, targets) in zip(first[1:], list(batches)[1:], strict=True):
        np.testing.assert_array_equal(x, again)
        np.testing.assert_array_equal(y, targets)
    assert ids.tolist() == list(range(25)) and list(batches)[0][1].max() < 25


@pytest.mark.parametrize("order", [2.0, "2", None])
def test_an_order_is_an_integer(order):
    with pytest.raises(ValueError, match="order=.* expected the number of tokens"):
        data.kneser_ney(np.arange(5), np.arange(5), order, 5)
    assert data.witten_bell(np.arange(5), np.arange(5), np.uint8(2), 5).shape == (5,)


def test_steps_and_streams_are_integers_of_any_kind():
    short = data.streams(np.arange(10_000), np.int8(100), np.uint8(50))
    assert len(short) == 1 and list(short)[0][0].shape == (100, 50)
    for T, B in ((2.0, 2), (2, 2.5), ("2", 2), (2, None)):
        with pytest.raises(ValueError, match="pass an int"):
            data.streams(np.arange(20), T, B)


@pytest.mark.parametrize(("T", "B"), [(0, 3), (3, 0), (-1, 2)])
def test_streams_without_steps_say_so(T, B):
    with pytest.raises(ValueError, match="both must be 1 or more"):
        data.streams(np.arange(20), T, B)


def test_a_vocabulary_of_words_has_a_symbol_for_what_it_lacks():
    tokens = data.words("The cat sat,\nthe end.")
    assert tokens == ["The", "cat", "sat", ",", "\n", "the", "end", "."]
    vocabulary = data.Vocabulary(tokens[:4], unknown="<unk>", between=" ")
    assert len(vocabulary) == 5 and "<unk>" in vocabulary.symbols
    assert vocabulary.decode(vocabulary.encode(tokens)) == "The cat sat , <unk> <unk> <unk> <unk>"
    with pytest.raises(ValueError, match="'the' is not among"):
        data.Vocabulary(tokens[:4]).encode(["the"])
