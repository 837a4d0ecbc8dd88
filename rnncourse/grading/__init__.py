"""What instructors run: students' code in a sandbox, points, reports, feedback."""
