"""An interrupted certification goes on from its journal, and ends as if nothing had happened."""

import json
import signal
import subprocess
import time
import unittest

from support import FolderTest, certify, command, run, without_seconds

# Trials long enough that a signal after the first comes before the last.
STUDY = {
    "problem": {"dataset": "synthetic", "train": 200, "validation": 100,
                "network": ["dense 12", "relu", "dense 3"]},
    "training": {"epochs": 4, "batch": 16},
    "native": {"precision": ["fp32"]},
    "search": {"method": "list",
               "configurations": [{"lr": 0.01 * (i + 1)} for i in range(8)]},
}
DEADLINE = 300


class InterruptTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.study = self.write_study(STUDY)
        self.journal = self.folder / "journal"

    def lines(self):
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def interrupted_run(self, *arguments, stop=signal.SIGINT):
        """Runs with a new journal until it has a trial, then sends the signal."""
        self.journal.unlink(missing_ok=True)
        with subprocess.Popen(command("certify", self.study, "--threads", 1, "--quiet", "--journal",
                                      self.journal, *arguments), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            end = time.monotonic() + DEADLINE
            while not self.lines() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
            process.send_signal(stop)
            out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, out, err

    def test_the_run_is_completed_from_the_journal(self):
        for stop in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(stop=stop):
                code, out, err = self.interrupted_run(stop=stop)
                kept = self.lines()
                self.assertEqual(code, 1, err)
                self.assertRegex(err, rf"^numgeom: interrupted: {len(kept)} of 8 trials finished; "
                                      rf"the same command goes on from {self.journal}\n$")
                self.assertTrue(1 <= len(kept) < 8)
                self.assertIn(f"{len(kept)} of {len(kept)} trials certified", out)
                completed = certify(self.study, "--journal", self.journal)
                self.assertEqual(self.lines()[:len(kept)], kept)
                self.assertEqual(len(self.lines()), 8)
                self.assertEqual(without_seconds(completed), without_seconds(certify(self.study)))

    def test_interrupted_without_a_journal_or_before_the_first_trial(self):
        with subprocess.Popen(command("certify", self.study, "--threads", 1), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertTrue(process.stderr.readline().startswith(f"{self.study}: "))
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(err, r"^numgeom: interrupted: \d of 8 trials finished; --journal FILE ")
        self.assertEqual(err.count("\n"), 1)
        self.assertTrue(out)

    def test_interrupted_with_json_no_half_document_is_printed(self):
        code, out, _ = self.interrupted_run("--json")
        self.assertEqual((code, out), (1, ""))
        code, _, _ = self.interrupted_run("--json", self.folder / "x.json")
        self.assertEqual(code, 1)
        self.assertEqual(set(self.snapshot()), {"study.toml", "journal"})


class JournalTest(FolderTest):
    """A finished journal, damaged or used for another study."""

    def setUp(self):
        super().setUp()
        # The subnormal weight decay and the diverged trial must survive being written as text.
        self.study = self.write_study(search={"configurations": [
            {"lr": 0.01, "weight_decay": 1e-310}, {"lr": 0.1, "weight_decay": 0.001}, {"lr": 1e30}]})
        self.journal = self.folder / "journal"
        self.first = self.certify_all()

    def certify_all(self):
        result = run("certify", self.study, "--quiet", "--json", "--journal", self.journal)
        self.assertEqual(result.stderr, "")
        return json.loads(result.stdout)

    def test_known_trials_are_taken_with_their_timings(self):
        content = self.journal.read_bytes()
        self.assertEqual(self.certify_all(), self.first)
        self.assertEqual(self.journal.read_bytes(), content)

    def test_a_last_line_that_was_cut_off_is_run_again(self):
        content = self.journal.read_bytes()
        last = content.rstrip(b"\n").rfind(b"\n") + 1
        for size in (last, last + 1, last + 20, (last + len(content)) // 2, len(content) - 1):
            with self.subTest(size=size):
                self.journal.write_bytes(content[:size])
                self.assertEqual(without_seconds(self.certify_all()), without_seconds(self.first))
                self.assertEqual(self.journal.read_bytes()[:last], content[:last])
                self.assertEqual(self.journal.read_bytes().count(b"\n"), 3)
        self.journal.write_bytes(content[:10])
        self.assertEqual(without_seconds(self.certify_all()), without_seconds(self.first))

    def test_trials_of_another_study_are_not_taken(self):
        own = self.journal.read_text().splitlines()
        for changes in ({"training": {"epochs": 1}}, {"problem": {"synthetic": {"seed": 7}}},
                        {"native": {"precision": ["fp64"]}}, {"certify": {"width": 1e-8}},
                        {"problem": {"network": ["dense 7", "relu", "dense 3"]}},
                        {"training": {"initialization": "glorot"}}, {"training": {"seed": 9}}):
            with self.subTest(changes=changes):
                self.journal.write_text("\n".join(own) + "\n")
                other = self.write_study(**changes)
                with_journal = certify(other, "--journal", self.journal)
                self.assertEqual(without_seconds(with_journal), without_seconds(certify(other)))
                self.assertEqual(self.journal.read_text().splitlines()[:3], own)
                self.assertEqual(len(self.journal.read_text().splitlines()), 6)

    def test_a_damaged_line_is_an_error_and_nothing_is_overwritten(self):
        lines = self.journal.read_text().splitlines()
        for damaged in ("", "{}", lines[1][:-20], lines[1].replace('"loss":', '"lost":'),
                        lines[1].replace("0x", "0y"), lines[1].replace('"rung":[0', '"rung":[7')):
            with self.subTest(damaged=damaged[:60]):
                self.assertNotEqual(damaged, lines[1])
                content = "\n".join([lines[0], damaged, lines[2]]) + "\n"
                self.journal.write_text(content)
                result = run("certify", self.study, "--journal", self.journal)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertEqual(result.stderr, f"numgeom: {self.journal}:2: not a line of a journal; "
                                                "move the file away to start afresh\n")
                self.assertEqual(self.journal.read_text(), content)


if __name__ == "__main__":
    unittest.main()
