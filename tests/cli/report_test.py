"""`numgeom report`: pages and pictures of documents and of storages, and pages that follow them."""

import json
import re
import signal
import subprocess
import time
import unittest

from support import FolderTest, command, exact, run

DOCUMENT = re.compile(r'<script type="application/json" id="document">(.*?)</script', re.DOTALL)
SEARCH = {"search": {"method": "gp", "trials": 8, "seed": 1, "configurations": None},
          "space": {"lr": {"low": 0.01, "high": 0.5, "scale": "log"},
                    "weight_decay": {"low": 1e-6, "high": 1e-2, "scale": "log"}}}


def document_in(page):
    return json.loads(DOCUMENT.search(page.read_text()).group(1))


class ReportTest(FolderTest):
    def certified(self):
        self.write_study()
        result = run("certify", "study.toml", "--quiet", "--json", "result.json", cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads((self.folder / "result.json").read_text())

    def searched(self, *arguments):
        self.write_study(**SEARCH)
        result = run("optimize", "study.toml", "--storage", "trials.db", "--quiet", *arguments,
                     cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)

    def report(self, *arguments):
        result = run("report", *arguments, cwd=self.folder)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_a_certification(self):
        document = self.certified()
        self.report("result.json", "-o", "page.html", "--svg", "figures")
        found = document_in(self.folder / "page.html")
        self.assertEqual(found["trials"], document["trials"])
        kinds = found["ranking"]["verdict_kinds"]
        verdicts = [kinds[ord(one) - 0x23]["less"]
                    for row in found["ranking"]["verdicts"] for one in row]
        self.assertEqual(verdicts, [pair["less"] for pair in document["ranking"]["pairs"]])
        names = {path.name for path in (self.folder / "figures").iterdir()}
        self.assertEqual(names, {"estimates.svg", "growth.svg", "indistinguishable.svg", "ranks.svg",
                                 "uncertainty.svg"})
        for name in names:
            self.assertTrue((self.folder / "figures" / name).read_text().startswith("<svg"), name)

    def test_a_storage_says_as_much_as_its_search(self):
        self.searched("--json", "result.json")
        self.report("trials.db", "-o", "storage.html")
        self.report("result.json", "-o", "document.html")
        document = json.loads((self.folder / "result.json").read_text())
        storage = document_in(self.folder / "storage.html")
        race, known_race = storage.pop("race"), document.pop("race")
        for key in document.keys() - {"trials"}:
            self.assertEqual(storage[key], document[key], key)
        for key in known_race.keys() - {"membership"}:
            self.assertEqual(race[key], known_race[key], key)
        # Bounds that were written and read again have been rounded outward once more.
        for stored, known in zip(storage["trials"], document["trials"], strict=True):
            self.assertEqual((stored["number"], stored["loss"]), (known["number"], known["loss"]))
            self.assertEqual(stored["enclosure"]["status"], known["enclosure"]["status"])
            stored, known = stored["enclosure"], known["enclosure"]
            self.assertLessEqual(exact(stored["lower"]), exact(known["lower"]))
            self.assertGreaterEqual(exact(stored["upper"]), exact(known["upper"]))
            self.assertLess(exact(stored["upper"]) - exact(stored["lower"]), 1e-3)
        self.assertEqual(storage["problem"]["dataset"], "synthetic")
        self.assertEqual([axis["name"] for axis in storage["acquisition"]["axes"]],
                         ["lr", "weight_decay"])
        self.assertIn("acquisition", document_in(self.folder / "document.html"))

    def test_a_storage_without_a_race_has_no_winner(self):
        self.searched("--no-race")
        self.report("trials.db", "-o", "page.html")
        found = document_in(self.folder / "page.html")
        self.assertIsNone(found["race"]["winner"])
        self.assertEqual(found["race"]["certified"], {"full": 0, "coarse": 0})
        self.assertEqual({trial["enclosure"]["status"] for trial in found["trials"]}, {"undecided"})

    def test_nothing_is_certified_for_other_data(self):
        data = "".join(f"{i % 7},{i % 5},{i % 2}\n" for i in range(90))
        self.write("data.csv", data)
        changes = {**SEARCH, "problem": {"dataset": "data.csv", "network": ["dense 2"]}}
        self.write_study(**changes)
        self.assertEqual(run("optimize", "study.toml", "--storage", "trials.db", "--quiet",
                             cwd=self.folder).returncode, 0)
        self.report("trials.db", "-o", "page.html")
        self.assertIsNotNone(document_in(self.folder / "page.html")["race"]["winner"])
        self.write("data.csv", data.replace("6,", "5,"))
        self.report("trials.db", "-o", "page.html")
        self.assertIsNone(document_in(self.folder / "page.html")["race"]["winner"])
        (self.folder / "data.csv").unlink()
        self.report("trials.db", "-o", "page.html")
        found = document_in(self.folder / "page.html")
        self.assertNotIn("race", found)
        self.assertIn("Nothing is certified here: ", found["note"])
        self.assertIn("data.csv", found["note"])

    def test_a_page_follows_its_source(self):
        document = self.certified()
        source, page = self.folder / "result.json", self.folder / "page.html"
        process = subprocess.Popen(command("report", source, "-o", page, "--follow"),
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        self.assertIn("until Ctrl-C", process.stderr.readline())
        self.assertIn('data-live="true"', page.read_text())
        source.write_text("{")
        self.assertIn("result.json: ", process.stderr.readline())
        document["problem"]["dataset"] = "another one"
        source.write_text(json.dumps(document))
        deadline = time.monotonic() + 60
        while document_in(page)["problem"]["dataset"] != "another one":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)
        process.stderr.close()
        self.assertIn('data-live="false"', page.read_text())
        self.assertEqual([path.name for path in sorted(self.folder.iterdir())],
                         ["page.html", "result.json", "study.toml"])

    def test_bad_sources_are_refused_with_one_line(self):
        document = self.certified()
        self.write("torn.json", json.dumps(document)[:-40])
        self.write("newer.json", json.dumps({**document, "schema_version": 9}))
        self.write("other.json", json.dumps({"schema_version": 1, "kind": "poem"}))
        self.write("empty.json", "")
        self.write("text.txt", "not JSON\nat all\n")
        self.write("torn.db", b"SQLite format 3\0" + bytes(40))
        before = self.snapshot()
        for name, *parts in [("none.json", "cannot be opened"), ("empty.json", "empty"),
                             (".", "directory"), ("torn.json", "a JSON document of numgeom"),
                             ("newer.json", "schema_version: 1 expected, not 9"),
                             ("other.json", "poem"), ("text.txt", "a JSON document of numgeom"),
                             ("torn.db",)]:
            with self.subTest(name=name):
                for where in (["-o", "page.html"], ["--svg", "figures"]):
                    result = run("report", name, *where, cwd=self.folder)
                    self.assertEqual((result.returncode, result.stdout), (2, ""))
                    self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
                    for part in (name, *parts):
                        self.assertIn(part, result.stderr)
                    self.assertEqual(self.snapshot(), before)

    def test_wrong_usage_and_places_that_cannot_be_written(self):
        self.certified()
        for arguments, part in [(["result.json"], "-o FILE expected"),
                                (["result.json", "--svg", "x", "--follow"], "-o FILE expected"),
                                (["result.json", "-o", "none/page.html"], "none/page.html"),
                                (["result.json", "--svg", "study.toml"], "study.toml")]:
            with self.subTest(arguments=arguments):
                result = run("report", *arguments, cwd=self.folder)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
                self.assertIn(part, result.stderr)

    def test_without_node_there_are_pages_and_no_pictures(self):
        self.certified()
        empty = {"PATH": str(self.folder), "TMPDIR": str(self.folder)}
        result = run("report", "result.json", "-o", "page.html", cwd=self.folder, env=empty)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        result = run("report", "result.json", "--svg", "figures", cwd=self.folder, env=empty)
        self.assertEqual(result.returncode, 2)
        self.assertIn("node is not installed", result.stderr)
        self.assertFalse((self.folder / "figures").exists())

    def test_several_studies_need_a_name(self):
        self.searched()
        self.searched("--study", "second")
        result = run("report", "trials.db", "-o", "page.html", cwd=self.folder)
        self.assertEqual(result.returncode, 2)
        self.assertIn("trials.db: --study NAME expected, one of ", result.stderr)
        self.report("trials.db", "-o", "page.html", "--study", "second")
        self.assertEqual(document_in(self.folder / "page.html")["study"], "second")


if __name__ == "__main__":
    unittest.main()
