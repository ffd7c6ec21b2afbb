"""Searches: reproducible, resumable, safe against kill -9, readable by Optuna."""

import json
import random
import sqlite3
import subprocess
import time
import unittest

from support import FolderTest, command, effort, run, study_text

STUDY = {
    "problem": {"dataset": "synthetic", "train": 60, "validation": 30,
                "network": ["dense $width", "relu", "dense 3"]},
    "training": {"epochs": 2, "batch": 16},
    "space": {"lr": {"low": 0.003, "high": 1.0, "scale": "log"},
              "width": {"low": 2, "high": 12, "type": "int"},
              "weight_decay": {"choices": [0.0, 0.001]}},
    "search": {"method": "gp", "trials": 14, "seed": 3},
}


def rows(storage, columns="number, state, assignment, loss, delta, memo"):
    with sqlite3.connect(f"file:{storage}?mode=ro", uri=True) as connection:
        return connection.execute(f"SELECT {columns} FROM trial ORDER BY number").fetchall()


class OptimizeTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.study = self.write("s.toml", study_text(STUDY))

    def optimize(self, storage, *arguments, code=0):
        result = run("optimize", self.study, "--storage", storage, "--quiet", *arguments,
                     cwd=self.folder)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout

    def test_one_worker_is_reproduced_bit_by_bit_also_after_an_interruption(self):
        self.optimize("a.db", "--no-race")
        self.optimize("b.db", "--no-race", "--trials", 5)
        self.optimize("b.db", "--no-race", "--trials", 9)
        self.optimize("b.db", "--no-race")
        first = rows(self.folder / "a.db")
        self.assertEqual(len(first), 14)
        self.assertEqual(first, rows(self.folder / "b.db"))
        self.assertTrue(all(state == "done" for _, state, *_ in first))

    def test_several_workers_are_reproduced_in_batches(self):
        for storage in ("a.db", "b.db"):
            self.optimize(storage, "--no-race", "--workers", 3, "--deterministic")
        self.assertEqual(rows(self.folder / "a.db"), rows(self.folder / "b.db"))

    def test_every_method_runs(self):
        for method in ("random", "sobol", "latin_hypercube", "tpe", "cma_es"):
            with self.subTest(method=method):
                self.write("s.toml", study_text({**STUDY, "search": {"method": method,
                                                                     "trials": 8}}))
                self.optimize(f"{method}.db", "--no-race")
                self.assertEqual(len(rows(self.folder / f"{method}.db")), 8)
        for acquisition in ("ei", "log_ei", "ucb", "thompson", "precision_aware"):
            with self.subTest(acquisition=acquisition):
                self.write("s.toml", study_text({**STUDY, "search": {
                    "method": "gp", "trials": 9, "acquisition": acquisition}}))
                self.optimize(f"{acquisition}.db", "--no-race")
                self.assertEqual(len(set(row[2] for row in rows(self.folder / f"{acquisition}.db"))), 9)

    def test_the_race_certifies_what_matters_and_is_not_run_twice(self):
        result = json.loads(self.optimize("a.db", "--json"))
        race = result["race"]
        self.assertTrue(race["decided"])
        self.assertLessEqual(race["certified"]["full"], 7)
        self.assertIn(race["winner"], race["indistinguishable"])
        self.assertEqual(len(race["verdicts"]), 13)
        by_number = {trial["number"]: trial for trial in result["trials"]}
        winner = by_number[race["winner"]]
        self.assertEqual(winner["enclosure"]["effort"], "full")
        for trial in result["trials"]:
            low, high = (float(trial["enclosure"][bound]) for bound in ("lower", "upper"))
            error = trial["certified_error"]
            self.assertLessEqual(error["lower"], error["upper"])
            self.assertLessEqual(low - error["upper"] * 1.001, trial["loss"])
            self.assertLessEqual(float(winner["enclosure"]["lower"]), high)
        before = rows(self.folder / "a.db", "attributes")
        again = json.loads(self.optimize("a.db", "--json"))
        self.assertEqual(again["race"]["winner"], race["winner"])
        self.assertEqual(again["race"]["indistinguishable"], race["indistinguishable"])
        self.assertEqual(rows(self.folder / "a.db", "attributes"), before)

    def test_certified_errors_in_place_of_the_estimate(self):
        self.optimize("a.db", "--delta", "certified", "--trials", 7)
        for attributes, delta in rows(self.folder / "a.db", "attributes, delta"):
            self.assertEqual(json.loads(attributes)["delta_upper"], delta)

    def test_no_trial_is_lost_or_duplicated_when_workers_are_killed(self):
        print("seed 17", flush=True)
        source = random.Random(17)
        trials = int(700 * effort())
        self.write("s.toml", study_text({**STUDY, "training": {"epochs": 30, "batch": 4},
                                         "search": {"method": "random", "trials": trials}}))
        arguments = command("optimize", self.study, "--storage", "k.db", "--workers", 2, "--no-race",
                            "--quiet")
        finished = {}
        kills = 0
        for _ in range(int(10 * effort())):
            group = subprocess.Popen(arguments, cwd=self.folder, stderr=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, start_new_session=True)
            time.sleep(0.1 + source.random() * 0.3)
            workers = subprocess.run(["pgrep", "-P", str(group.pid)], capture_output=True,
                                     text=True, check=False).stdout.split()
            # Half of the time one worker alone; then all of them.
            victims = [source.choice(workers)] if workers and source.random() < 0.5 else []
            for victim in [*victims, f"-{group.pid}"]:
                if group.poll() is None:
                    kills += 1
                    subprocess.run(["kill", "-9", "--", victim], check=False,
                                   stderr=subprocess.DEVNULL)
                    time.sleep(source.random() * 0.1)
            group.wait()
            finished = self.check_kept(finished)
        self.assertGreater(kills, 5)
        end = run(*arguments[1:], cwd=self.folder)
        self.assertEqual(end.returncode, 0, end.stderr)
        self.check_kept(finished)
        last = rows(self.folder / "k.db")
        self.assertEqual([row[0] for row in last], list(range(trials)))
        self.assertTrue(all(row[1] == "done" for row in last))
        with sqlite3.connect(self.folder / "k.db") as connection:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        print(f"{kills} kills", flush=True)

    def check_kept(self, finished):
        """All that was finished before is there unchanged; numbers have no gaps."""
        if not (self.folder / "k.db").exists():
            return finished
        try:
            now = rows(self.folder / "k.db", "number, state, assignment, loss, finished")
        except sqlite3.OperationalError:  # killed before the tables were there
            return finished
        self.assertEqual([row[0] for row in now], list(range(len(now))))
        done = {row[0]: row for row in now if row[1] == "done"}
        for number, row in finished.items():
            self.assertEqual(done.get(number), row)
        return done

    def test_ctrl_c_keeps_what_is_done(self):
        self.write("s.toml", study_text({**STUDY, "training": {"epochs": 60, "batch": 4},
                                         "search": {"method": "random", "trials": 100_000}}))
        with subprocess.Popen(command("optimize", self.study, "--storage", "c.db"), cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              start_new_session=True) as process:
            time.sleep(1.5)
            subprocess.run(["kill", "-INT", "--", f"-{process.pid}"], check=True)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("the same command goes on from", errors)
        states = [row[1] for row in rows(self.folder / "c.db")]
        self.assertGreater(states.count("done"), 0)
        self.assertLess(len(states), 100_000)

    def test_bad_storages_are_refused_with_one_line(self):
        (self.folder / "text").write_text("x" * 5000)
        (self.folder / "folder").mkdir()
        self.optimize("good.db", "--no-race", "--trials", 2)
        other = self.write("other.toml", study_text({**STUDY, "search": {"method": "random"}}))
        cases = [
            (["optimize", self.study, "--storage", "text"], "this is no SQLite database"),
            (["optimize", self.study, "--storage", "folder"], "cannot be opened"),
            (["optimize", self.study, "--storage", "no/such.db"], "cannot be opened"),
            (["optimize", other, "--storage", "good.db", "--study", "s"], "another definition"),
            (["optimize", self.study, "--storage", "good.db", "--workers", "2", "--deterministic"],
             "batches of 0, not 2"),
            (["study", "show", "--storage", "none.db"], "there is no such file"),
            (["study", "show", "--storage", "good.db", "--study", "x"], "no study 'x'"),
        ]
        for arguments, expected in cases:
            with self.subTest(arguments=arguments):
                result = run(*arguments, cwd=self.folder)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(expected, result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)
        self.assertEqual((self.folder / "text").read_text(), "x" * 5000)

    def test_a_configuration_that_makes_no_network_is_told_once(self):
        self.write("s.toml", study_text({**STUDY, "space": {"lr": 0.1, "width": {"choices": [4, 0]}},
                                         "search": {"method": "random", "trials": 30}}))
        for workers in (1, 3):
            with self.subTest(workers=workers):
                result = run("optimize", self.study, "--storage", "w.db", "--quiet", "--workers",
                             workers, cwd=self.folder)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertIn("'dense 0' is not a layer", result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)

    def test_a_study_does_not_go_on_with_other_data(self):
        rows_of = lambda shift: "".join(f"{i % (7 + shift)},{i % 5},{i % 3}\n" for i in range(90))
        self.write("d.csv", "a,b,label\n" + rows_of(0))
        self.write("s.toml", study_text({**STUDY, "problem": {**STUDY["problem"],
                                                              "dataset": "d.csv"}}))
        self.optimize("a.db", "--no-race", "--trials", 2)
        self.write("d.csv", "a,b,label\n" + rows_of(1))
        result = run("optimize", self.study, "--storage", "a.db", cwd=self.folder)
        self.assertEqual(result.returncode, 2)
        self.assertIn("other data", result.stderr)

    def test_tables_and_json(self):
        self.optimize("a.db", "--no-race")
        listed = run("study", "list", "--storage", "a.db", cwd=self.folder).stdout.splitlines()
        self.assertEqual(listed[1].split()[:4], ["s", "14", "0", "0"])
        table = run("study", "export", "--storage", "a.db", cwd=self.folder).stdout.splitlines()
        self.assertEqual(table[0].split(",")[:7],
                         ["number", "state", "loss", "delta", "lr", "weight_decay", "width"])
        self.assertEqual(len(table), 15)
        document = json.loads(run("study", "export", "--storage", "a.db", "--format", "json",
                                  cwd=self.folder).stdout)
        stored = rows(self.folder / "a.db", "assignment, loss, delta")
        for trial, (assignment, loss, delta) in zip(document["trials"], stored):
            self.assertEqual((trial["parameters"], trial["loss"], trial["delta"]),
                             (json.loads(assignment), loss, delta))
        best = json.loads(run("study", "best", "--storage", "a.db", "--json",
                              cwd=self.folder).stdout)
        losses = [loss for _, loss, _ in stored]
        self.assertEqual(best["best"], losses.index(min(losses)))

    def test_optuna_reads_the_journal(self):
        import optuna  # Debian's python3-optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optimize("a.db", "--trials", 8)
        run("study", "export", "--storage", "a.db", "--format", "optuna", "--out", "j.log",
            cwd=self.folder)
        storage = optuna.storages.JournalStorage(
            optuna.storages.JournalFileStorage(str(self.folder / "j.log")))
        study = optuna.load_study(study_name="s", storage=storage)
        stored = rows(self.folder / "a.db", "assignment, loss, delta, attributes")
        self.assertEqual(len(study.trials), len(stored))
        self.assertEqual(study.best_value, min(loss for _, loss, *_ in stored))
        for trial, (assignment, loss, delta, attributes) in zip(study.trials, stored):
            self.assertEqual((trial.params, trial.value), (json.loads(assignment), loss))
            self.assertEqual(trial.state, optuna.trial.TrialState.COMPLETE)
            known = json.loads(attributes)
            self.assertEqual(trial.user_attrs["delta"], delta)
            for name in ("phi", "delta_lower", "delta_upper"):
                self.assertEqual(trial.user_attrs[name], known[name])


class AskTellTest(FolderTest):
    STUDY = {"space": {"x": {"low": 0.0, "high": 1.0},
                       "kind": {"choices": ["a", "b"]},
                       "n": {"low": 1, "high": 4, "type": "int", "when": {"kind": "b"}}},
             "search": {"method": "gp", "seed": 1}}

    def setUp(self):
        super().setUp()
        self.study = self.write("e.toml", study_text(self.STUDY))

    def ask(self, *arguments):
        result = run("ask", self.study, "--storage", "e.db", *arguments, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def tell(self, *lines, code=0):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n"
                       for line in lines)
        result = run("tell", "--storage", "e.db", input=text, cwd=self.folder)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stderr

    def test_an_outside_trainer_is_led_to_the_minimum(self):
        for number in range(25):
            (asked,) = self.ask()
            self.assertEqual(asked["trial"], number)
            parameters = asked["parameters"]
            self.assertEqual("n" in parameters, parameters["kind"] == "b")
            loss = (parameters["x"] - 0.3) ** 2 + (0.1 * parameters["n"] if "n" in parameters else 0.5)
            self.tell({"trial": number, "loss": loss, "error_bound": 1e-9})
        best = json.loads(run("study", "best", "--storage", "e.db", "--json",
                              cwd=self.folder).stdout)
        trial = best["trials"][best["best"]]
        self.assertEqual((trial["parameters"]["kind"], trial["parameters"]["n"]), ("b", 1))
        self.assertAlmostEqual(trial["parameters"]["x"], 0.3, delta=0.05)
        self.assertEqual(best["reliable_pairs"]["with_best"], 24)
        self.assertGreater(best["reliable_pairs"]["reliable"], 20)

    def test_several_are_asked_at_once_and_told_in_any_order(self):
        asked = self.ask("--count", 3)
        self.assertEqual([one["trial"] for one in asked], [0, 1, 2])
        self.tell({"trial": 2, "loss": 1}, {"trial": 0, "failed": True}, {"trial": 1, "loss": "nan"})
        states = [row[0] for row in rows(self.folder / "e.db", "state")]
        self.assertEqual(states, ["failed", "done", "done"])

    def test_what_is_told_wrongly_gets_one_line_with_its_number(self):
        self.ask("--count", 2)
        for line, expected in [("{", "stdin:2: a JSON object"),
                               ("[1]", "stdin:2: an object expected"),
                               ({"loss": 1}, "stdin:2: the key trial is missing"),
                               ({"trial": 1}, "stdin:2: either loss"),
                               ({"trial": 1, "loss": "x"}, 'stdin:2: a number, "inf", "-inf" or "nan" expected'),
                               ({"trial": 1, "loss": 1, "error_bound": -1}, "stdin:2: error_bound"),
                               ({"trial": 9, "loss": 1}, "there is no trial 9"),
                               ({"trial": 1, "los": 1}, "stdin:2: los: unknown key")]:
            with self.subTest(line=line):
                self.assertIn(expected, self.tell("", line, code=2))
        self.tell({"trial": 0, "loss": 1})
        self.assertIn("finished already", self.tell({"trial": 0, "loss": 1}, code=2))


if __name__ == "__main__":
    unittest.main(verbosity=0)
