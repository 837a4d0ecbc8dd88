"""nbgrader for this course: its folders, and nothing of the instructors' in the students' copies."""

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
