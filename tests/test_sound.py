"""Sounds: what a notebook stores, what the book makes of it, and what is refused."""

import base64
import io
import subprocess
import sys
import wave
from pathlib import Path
from urllib.parse import unquote

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from rnncourse import plot
from rnncourse.authoring import notebooks
from rnncourse.plot.sound import RATE, SECONDS, SOUND

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / RATE)


def decoded(data):
    with wave.open(io.BytesIO(base64.b64decode(data["wav"]))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 1, RATE)
        return (np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8) - 128.0) / 127


def stored():
    """A notebook as it is stored whose only cell has played a tone."""
    bundle = plot.sound(TONE, RATE, "A tone of 440 Hz")._repr_mimebundle_()
    bundle["image/png"] = base64.b64encode(bundle["image/png"]).decode()
    output = new_output("execute_result", bundle, execution_count=1)
    notebook = new_notebook(cells=[new_code_cell("tone", id="tone", execution_count=1, outputs=[output])])
    notebooks.normalise(notebook)
    return notebook


def test_the_file_holds_the_samples_in_eight_bits():
    data = plot.sound(TONE, RATE, "A tone")._repr_mimebundle_()[SOUND]
    assert data["seconds"] == 0.5 and np.abs(decoded(data) - TONE).max() <= 0.5 / 127 + 1e-12
    ends = decoded(plot.sound([-1, 0, 1], RATE, "Ends")._repr_mimebundle_()[SOUND])
    assert ends.tolist() == [-1, 0, 1]


def test_jupyterlab_gets_a_player_with_a_name_and_print_the_waveform():
    bundle = plot.sound(TONE, RATE, 'A "tone" <b>')._repr_mimebundle_()
    assert 'aria-label="A &quot;tone&quot; &lt;b&gt;"' in bundle["text/html"] and "controls" in bundle["text/html"]
    assert bundle[SOUND]["wav"] in bundle["text/html"] and bundle["image/png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("samples", "rate", "label", "said"),
    [
        (np.zeros((2, 8)), RATE, "a", r"shape \(2, 8\)"),
        ([], RATE, "a", "one row"),
        ([0, np.nan], RATE, "a", "NaN"),
        ([0, -1.5], RATE, "a", "1.5, expected -1 to 1"),
        ([0.0], 22050, "a", "resample_poly"),
        ([0.0], 0, "a", "at most 8000"),
        (np.zeros(SECONDS * RATE + 1), RATE, "a", "at most 20 on a page"),
        ([0.0], RATE, " ", "what one hears"),
    ],
)
def test_what_cannot_be_played_is_refused(samples, rate, label, said):
    with pytest.raises(ValueError, match=said):
        plot.sound(samples, rate, label)


def test_a_notebook_stores_a_sound_once():
    data = stored().cells[0].outputs[0].data
    assert "text/html" not in data and decoded(data[SOUND]).size == TONE.size


@pytest.mark.slow
@pytest.mark.parametrize(("shown", "passes"), [("plot.sound(tone, 8000, 'A tone of 440 Hz')", True), ("'none'", False)])
def test_the_samples_are_not_compared_but_that_there_are_some(tmp_path, root, shown, passes):
    """nbval runs the notebook with another sound, or with none, in the sound's place."""
    notebook = stored()
    notebook.cells[0].source = f"import numpy as np\nfrom rnncourse import plot\ntone = np.zeros(4000)\n{shown}"
    nbformat.write(notebook, tmp_path / "a.ipynb")
    (tmp_path / "conftest.py").write_text((root / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, *"-m pytest -q -p no:cacheprovider --nbval --nbval-current-env a.ipynb".split()]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode == 0) == passes, run.stdout[-3000:]


@pytest.mark.slow
def test_the_book_writes_a_file_that_the_page_loads_when_it_is_played(tmp_path, root):
    """A page in a folder: the address is from the page, and the page itself holds no sound."""
    (tmp_path / "conf.py").write_text(
        f"""import sys
sys.path.insert(0, {str(root / "_ext")!r})
extensions, nb_execution_mode = ["myst_nb"], "off"
def setup(app):
    import course
    app.add_post_transform(course.PicturesIntoFigures)
""",
        encoding="utf-8",
    )
    (tmp_path / "part").mkdir()
    notebook = stored()
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# A page"))
    nbformat.write(notebook, tmp_path / "part" / "page.ipynb")
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\npart/page\n```\n", encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "-q", str(tmp_path), str(tmp_path / "out")]
    subprocess.run(command, check=True)
    page = Path(tmp_path, "out", "part", "page.html")
    text = page.read_text(encoding="utf-8")
    before, player = text.split('<audio controls preload="none"', 1)
    source = unquote(player.split('src="', 1)[1].split('"', 1)[0])
    assert "base64" not in text and source.startswith("../_sounds/")
    with wave.open(str(page.parent / source)) as file:
        assert file.getnframes() == TONE.size
    assert "<img" in before.split('<div class="sound">', 1)[1] and text.count("<img") == 1
