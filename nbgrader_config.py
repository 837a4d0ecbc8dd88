"""nbgrader for this course: its folders, and nothing of the instructors' in the students' copies."""

import json
from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "grading/submitted"
c.CourseDirectory.autograded_directory = "grading/autograded"
c.CourseDirectory.feedback_directory = "grading/feedback"
c.CourseDirectory.db_url = "sqlite:///grading/gradebook.db"
# Without this, generate_assignment and autograde copy checks.py and mistakes.py beside the student's code
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "checks.py", "mistakes.py"]
c.Execute.timeout = 60


def as_nbgrader_reads_it(assignment, student, notebooks):
    """Rewrite a submission that other editors saved as UTF-16, with a byte order mark or with null for metadata."""
    for path in map(Path, notebooks):
        data = path.read_bytes()
        notebook = json.loads(data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"))
        null = [part for part in (notebook, *notebook["cells"]) if part.get("metadata", {}) is None]
        if null or data[:1] in (b"\xff", b"\xfe", b"\xef"):
            for part in null:
                part["metadata"] = {}
            path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")


c.Autograde.pre_convert_hook = as_nbgrader_reads_it
