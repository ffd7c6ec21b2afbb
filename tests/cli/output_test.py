"""Output that cannot be written is found out early, is an error, and leaves what was there alone."""

import os
import stat
import unittest

from support import FolderTest, run


class OutputTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.write_study()

    def assert_refused(self, arguments, *parts, **options):
        before = self.snapshot()
        result = run(*arguments, cwd=self.folder, **options)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertFalse(result.stdout)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.assertEqual(self.snapshot(), before)

    def test_json_to_where_no_file_can_be(self):
        (self.folder / "folder").mkdir()
        for name, *parts in [("missing/x.json", "the directory", "missing does not exist"),
                             ("folder", "a file name expected, this is a directory"),
                             ("study.toml/x.json", "does not exist"),
                             ("/proc/x.json", "no file can be written to /proc")]:
            with self.subTest(name=name):
                self.assert_refused(["certify", "study.toml", "--json", name],
                                    f"--json {name}: ", *parts)

    def test_json_does_not_replace_a_pipe(self):
        os.mkfifo(self.folder / "pipe")
        self.assert_refused(["certify", "study.toml", "--json", "pipe"],
                            "--json pipe: a regular file expected")
        self.assertTrue(stat.S_ISFIFO((self.folder / "pipe").stat().st_mode))

    def test_json_replaces_a_file_and_leaves_nothing_else(self):
        self.write("x.json", "old")
        result = run("certify", "study.toml", "--json", "x.json", "--quiet", cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("3 of 3 trials certified", result.stdout)
        self.assertEqual(set(self.snapshot()), {"study.toml", "x.json"})
        self.assertTrue((self.folder / "x.json").read_text().startswith('{\n  "schema_version": 1,'))

    def test_an_export_where_something_is(self):
        (self.folder / "full").mkdir()
        self.write("full/precious", "data")
        self.write("file", "data")
        for name, *parts in [("full", "a new or empty directory expected"),
                             ("file", "a new or empty directory expected"),
                             ("file/inside", "cannot be written"),
                             ("/proc/inside/it", "cannot be written")]:
            with self.subTest(name=name):
                self.assert_refused(["export", "study.toml", "--trial", 0, "--out", name],
                                    f"{name}: ", *parts)

    def test_an_export_into_an_empty_directory(self):
        (self.folder / "empty").mkdir()
        result = run("export", "study.toml", "--trial", 2, "--out", "empty", cwd=self.folder)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "empty\n", ""))
        self.assertTrue((self.folder / "empty" / "trial.json").is_file())

    def test_a_journal_that_cannot_be_one(self):
        (self.folder / "folder").mkdir()
        os.mkfifo(self.folder / "pipe")
        for name, *parts in [("missing/journal", "the journal cannot be written"),
                             ("study.toml/journal", "the journal cannot be written"),
                             ("folder", "a journal is a regular file, this is not"),
                             ("pipe", "a journal is a regular file, this is not")]:
            with self.subTest(name=name):
                self.assert_refused(["certify", "study.toml", "--journal", name],
                                    f"{name}: ", *parts)

    def test_another_file_named_as_the_journal_stays_as_it_was(self):
        for content in ("not a journal\n", "not a journal, and no line end", '{"schema_version": 1}',
                        "\n", "{}\n"):
            with self.subTest(content=content):
                self.write("mine", content)
                self.assert_refused(["certify", "study.toml", "--journal", "mine"],
                                    "mine:1: not a line of a journal; move the file away")

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_full_disk_behind_stdout(self):
        for arguments in [("certify", "study.toml", "--quiet"),
                          ("certify", "study.toml", "--quiet", "--json"),
                          ("export", "study.toml", "--trial", 0, "--out", self.folder / "exported"),
                          ("data", "list")]:
            with self.subTest(arguments=arguments), open("/dev/full", "w", encoding="utf-8") as full:
                result = run(*arguments, cwd=self.folder, capture_output=False, stdout=full,
                             stderr=-1)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(result.stderr,
                                 "numgeom: stdout: cannot be written: No space left on device\n")

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_full_disk_behind_stderr_stops_nothing(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = run("certify", "study.toml", cwd=self.folder, capture_output=False, stdout=-1,
                         stderr=full)
            self.assertEqual(result.returncode, 0)
            self.assertIn("3 of 3 trials certified", result.stdout)
            self.assertEqual(run("train", capture_output=False, stderr=full).returncode, 2)


if __name__ == "__main__":
    unittest.main()
