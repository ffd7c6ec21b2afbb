"""Bad input gets exit code 2 and one line that names the file, the key or row and what was expected.

Nothing goes to stdout, and no file is made, changed or left behind.
"""

import gzip
import io
import struct
import unittest

import numpy

import support
from support import SMALL_STUDY, FolderTest, run, study_text

NAN = float("nan")
INFINITY = float("inf")


def line_of(text, key):
    """The line of `table.key` (or of the table itself) in a study that `study_text` wrote."""
    table, _, name = key.partition(".")
    lines = text.splitlines()
    start = lines.index(f"[{table}]")
    if not name:
        return start + 1
    return next(i for i in range(start, len(lines)) if lines[i].startswith(f"{name} =")) + 1


class BadInputTest(FolderTest):
    def assert_refused(self, arguments, *parts):
        before = self.snapshot()
        result = run(*arguments, cwd=self.folder)
        message = f"{arguments}\nstdout: {result.stdout}\nstderr: {result.stderr}"
        self.assertEqual(result.returncode, 2, message)
        self.assertEqual(result.stdout, "", message)
        self.assertEqual(result.stderr.count("\n"), 1, message)
        self.assertTrue(result.stderr.startswith("numgeom: "), message)
        self.assertTrue(result.stderr.endswith("\n"), message)
        for part in parts:
            self.assertIn(str(part), result.stderr, message)
        self.assertEqual(self.snapshot(), before, message)

    def assert_study_refused(self, *parts, base=None, **changes):
        self.write_study(base, **changes)
        self.assert_refused(["certify", "study.toml"], "study.toml", *parts)
        self.assert_refused(["certify", "study.toml", "--json", "result.json"], *parts)
        self.assert_refused(["export", "study.toml", "--trial", 0, "--out", "exported"], *parts)


class UsageTest(BadInputTest):
    CASES = [
        ([], "subcommand is required", "--help"),
        (["train"], "'train' is not known here", "--help"),
        (["data"], "subcommand is required"),
        (["data", "steal"], "'steal' is not known here"),
        (["data", "fetch"], "name is required"),
        (["data", "fetch", "imagenet"], '"imagenet"', "expected one of: mnist, cifar10, digits"),
        (["certify"], "study is required"),
        (["certify", "study.toml", "--fast"], "--fast", "not expected"),
        (["certify", "study.toml", "other.toml"], "other.toml", "not expected"),
        (["certify", "study.toml", "--threads", "-1"], "--threads", "-1", "0 to 1024"),
        (["certify", "study.toml", "--threads", "many"], "--threads", "many"),
        (["export", "study.toml", "--trial", "0"], "--out DIR or --weights FILE expected"),
        (["export", "study.toml", "--out", "exported"], "--trial is required"),
        (["export", "study.toml", "--trial", "-1", "--out", "exported"], "--trial", "-1"),
        (["export", "study.toml", "--trial", "one", "--out", "exported"], "--trial", "one"),
        (["export", "study.toml", "--trial", "3", "--out", "exported"],
         "--trial 3", "3 trials", "from 0"),
    ]

    def test_wrong_usage(self):
        self.write_study()
        for arguments, *parts in self.CASES:
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, *parts)


class StudyFileTest(BadInputTest):
    def test_files_that_are_no_study(self):
        (self.folder / "folder.toml").mkdir()
        self.write("empty.toml", "")
        self.write("open.toml", "[problem]\ndataset = \"synthetic\ntrain = 3\n")
        self.write("twice.toml", study_text() + "[problem]\n")
        self.write("binary.toml", bytes(range(256)))
        for name, *parts in [("missing.toml", "cannot be opened", "No such file"),
                             ("folder.toml", "cannot be read", "Is a directory"),
                             ("empty.toml", "empty", "expected"),
                             ("open.toml", "open.toml:2: TOML: "),
                             ("twice.toml", "twice.toml:14: TOML: ", "problem"),
                             ("binary.toml", "binary.toml:1: TOML: ")]:
            with self.subTest(name=name):
                self.assert_refused(["certify", name], name, *parts)
                self.assert_refused(["export", name, "--trial", 0, "--out", "x"], name, *parts)

    def test_an_unknown_table(self):
        self.assert_study_refused("study.toml:14: optimiser: unknown key; expected one of ",
                                  "problem", "training", optimiser={"lr": 0.1})

    def test_missing_tables_and_keys(self):
        self.assert_study_refused("[problem] is missing", problem=None)
        for key in ("dataset", "network"):
            with self.subTest(key=key):
                self.assert_study_refused(f"problem: the key {key} is missing",
                                          problem={key: None})

    def test_a_table_that_is_a_value(self):
        self.write("study.toml", 'training = 3\n' + study_text(training=None))
        self.assert_refused(["certify", "study.toml"],
                            "study.toml:1: training: a table expected, not an integer")

    def test_an_unknown_key_in_every_table(self):
        tables = {**SMALL_STUDY, "space": {"lr": 0.1}, "certify": {"width": 1e-6}}
        for table in tables:
            with self.subTest(table=table):
                text = study_text(tables, **{table: {"speling": 1}})
                self.assert_study_refused(
                    f"study.toml:{line_of(text, table + '.speling')}: {table}.speling: unknown key",
                    "expected one of ", base=tables, **{table: {"speling": 1}})
        self.assert_study_refused("problem.synthetic.speling: unknown key", "informative",
                                  problem={"synthetic": {"speling": 1}})
        self.assert_study_refused("space.lr.speling: unknown key", "high, low, scale",
                                  space={"lr": {"low": 0.1, "high": 0.2, "speling": 1}})
        self.assert_study_refused("search.configurations[2].speling: unknown key",
                                  search={"configurations": [{"lr": 1}, {"lr": 2, "speling": 1}]})

    def test_a_key_with_a_line_break_stays_on_one_line(self):
        self.assert_study_refused("problem.a b: unknown key", problem={'"a\\nb"': 1})


class StudyValuesTest(BadInputTest):
    """Each: table.key, its bad value, what the message says after file, line and key."""

    CASES = [
        # Wrong types.
        ("problem.dataset", 3, "a string expected, not an integer"),
        ("problem.train", "many", "an integer expected, not a string"),
        ("problem.train", 10.5, "an integer expected, not a number"),
        ("problem.network", "dense 3", "an array of layers expected, not a string"),
        ("problem.network", ["dense 3", 3], "entry 2 is an integer"),
        ("problem.synthetic", 1, "a table expected"),
        ("problem.grayscale", 1, "true or false expected, not an integer"),
        ("problem.target_columns", "y", "an array of strings expected"),
        ("training.seed", True, "an integer expected, not a boolean"),
        ("native.precision", "fp32", "an array of strings expected"),
        ("search.configurations", {"lr": 0.1}, "an array of tables expected, not a table"),
        ("search.configurations", [0.1], "an array of tables expected, entry 1 is a number"),
        ("space.lr", "fast", "a number expected, not a string"),
        ("certify.width", "thin", "a number expected, not a string"),
        # Out of range.
        ("problem.train", 0, "an integer from 1 to 100000000 expected, not 0"),
        ("problem.validation", -5, "an integer from 1 to 100000000 expected, not -5"),
        ("problem.pool", 0, "an integer from 1 to 2147483647 expected, not 0"),
        ("problem.scale", "log", "expected automatic, none, unit or standardise"),
        ("problem.loss", "hinge", "one of cross_entropy, binary_cross_entropy, squared_error, huber "
                                  "expected, not 'hinge'"),
        ("problem.loss", "huber", "huber needs real targets, the data have classes"),
        ("problem.loss", "binary_cross_entropy", "binary_cross_entropy needs 2 classes"),
        ("problem.label_smoothing", 1.5, "label_smoothing: a number ≥ 0 and < 1 expected, not 1.5"),
        ("problem.network", ["conv 3x3x4", "dense 3"],
         "'conv 3x3x4': images expected, not rows of 20 entries"),
        ("problem.network", ["conv 3x3", "dense 3"], "'conv 3x3' is not a layer"),
        ("problem.network", ["dropout 1", "dense 3"], "0 ≤ P < 1"),
        ("problem.network", ["dense 4", "dense 5", "residual 1", "dense 3"],
         "'residual 1': the input of the 1 layers before is 4, their output 5"),
        ("training.optimizer", "lion", "one of sgd, momentum, nesterov, adam, adamw, rmsprop "
                                       "expected, not 'lion'"),
        ("training.schedule", "cyclic", "one of constant, step, cosine, linear expected"),
        ("training.momentum", 1, "momentum: a number ≥ 0 and < 1 expected, not 1"),
        ("training.beta2", -0.5, "beta2: a number ≥ 0 and < 1 expected, not -0.5"),
        ("training.epsilon", 0, "epsilon: a finite number ≥ 1e-100 expected, not 0"),
        ("training.clip_norm", -1, "clip_norm: a finite number ≥ 0 expected, not -1"),
        ("training.warmup_steps", -1, "warmup_steps"),
        ("training.initialization", "zero", "'he' or 'glorot' expected, not 'zero'"),
        ("training.epochs", 0, "an integer from 1 to 2147483647 expected, not 0"),
        ("training.batch", 0, "an integer from 1 to 100000000 expected, not 0"),
        ("training.seed", -1, "expected, not -1"),
        ("native.precision", ["fp12"], "'fp12' is unknown; expected fp64, fp32, tf32, fp16 or bf16"),
        ("native.precision", ["fp32", "fp64", "fp32"], "'fp32' is named twice"),
        ("native.precision", [], "at least one precision expected"),
        ("certify.max_bits", 52, "an integer from 53 to 1048576 expected, not 52"),
        ("certify.max_bits", 1 << 21, "an integer from 53 to 1048576 expected, not 2097152"),
        ("certify.max_bits", 64.0, "an integer expected, not a number"),
        # Networks.
        ("problem.network", [], "at least one layer expected"),
        ("problem.network", ["dens 3"], "'dens 3' is not a layer; expected 'dense UNITS'"),
        ("problem.network", ["dense"], "'dense' is not a layer"),
        ("problem.network", ["dense 0"], "'dense 0' is not a layer"),
        ("problem.network", ["dense -3"], "'dense -3' is not a layer"),
        ("problem.network", ["dense 3x"], "'dense 3x' is not a layer"),
        ("problem.network", ["dense 3", "relu"], "the last layer must be dense, not 'relu'"),
        # The space.
        ("space.lr", -0.1, "a finite number ≥ 0 expected, not -0.1"),
        ("space.lr", NAN, "a finite number ≥ 0 expected, not nan"),
        ("space.lr", INFINITY, "a finite number ≥ 0 expected, not inf"),
        ("space.lr", {"low": 0.1}, "low and high expected"),
        ("space.lr", {"low": 0.2, "high": 0.1}, "high must be a finite number ≥ low = 0.2, not 0.1"),
        ("space.lr", {"low": 0.1, "high": INFINITY}, "high must be a finite number"),
        ("space.lr", {"low": 0, "high": 0.1, "scale": "log"}, "low must be > 0 on a logarithmic"),
        ("space.lr", {"low": 0.1, "high": 0.2, "scale": "cubic"},
         "'linear' or 'log' expected, not 'cubic'"),
        ("space.weight_decay", -1e-4, "a finite number ≥ 0 expected, not -0.0001"),
        # Configurations.
        ("search.configurations", [], "at least one entry in configurations"),
        ("search.configurations", [{"weight_decay": 0.1}], "the key lr is missing"),
        ("search.configurations", [{"lr": 1}, {"lr": -1}], "lr: a finite number ≥ 0 expected, not -1"),
        ("search.configurations", [{"lr": NAN}], "lr: a finite number ≥ 0 expected, not nan"),
        ("search.configurations", [{"lr": INFINITY}], "lr: a finite number ≥ 0 expected, not inf"),
        ("search.configurations", [{"lr": 0.1, "weight_decay": NAN}],
         "weight_decay: a finite number ≥ 0 expected, not nan"),
        ("search.method", "hope", "one of list, grid, random, sobol, latin_hypercube, tpe, gp, cma_es expected, not 'hope'"),
        # Synthetic data.
        ("problem.synthetic", {"classes": 1}, "an integer from 2 to "),
        ("problem.synthetic", {"features": 4, "informative": 5}, "expected 1 to features (4)"),
        ("problem.synthetic", {"noise": 1.5}, "noise = 1.5: expected 0 to 1"),
        ("problem.synthetic", {"separation": NAN}, "separation = nan: expected a finite number"),
    ]

    def test_one_bad_value(self):
        for key, value, message in self.CASES:
            table, name = key.split(".")
            with self.subTest(key=key, value=value):
                changes = {table: {name: value}}
                line = line_of(study_text(**changes), key)
                self.write_study(**changes)
                self.assert_refused(["certify", "study.toml"], f"study.toml:{line}: {key}", message)

    def test_a_schedule_beyond_doubles(self):
        self.assert_study_refused("schedule: in step", "beyond the range of doubles", training={
            "epochs": 5, "schedule": "step", "step_epochs": 1, "step_factor": 1e300})

    def test_goals_out_of_range(self):
        for key, value in [("width", 0), ("width", -1e-9), ("width", NAN), ("width", INFINITY),
                           ("tightness", 1), ("tightness", 0.5), ("tightness", NAN)]:
            with self.subTest(key=key, value=value):
                self.assert_study_refused(
                    f"study.toml:14: certify: {key}: a finite number > {int(key == 'tightness')} "
                    f"expected, not {value}", certify={key: value})

    def test_methods_without_their_keys_or_with_those_of_others(self):
        self.assert_study_refused("study.toml:11: search: ", "at least one entry in configurations",
                                  search={"configurations": None})
        self.assert_study_refused("search.trials: unknown key", search={"trials": 3})
        none = {"configurations": None}
        self.assert_study_refused("search.trials: an integer from 1 to 1000000 expected, not 0",
                                  search={**none, "method": "sobol", "trials": 0})
        self.assert_study_refused("search.points: an integer from 1 to 1000 expected, not 0",
                                  search={**none, "method": "grid", "points": 0})
        self.assert_study_refused("search.seed: unknown key",
                                  search={**none, "method": "grid", "seed": 1})

    def test_values_that_do_not_fit_the_data(self):
        self.assert_study_refused("the last layer has 4 outputs, the data set has 3 classes",
                                  problem={"network": ["dense 4"]})
        self.assert_study_refused("pool", "image", problem={"pool": 2})
        self.assert_study_refused("problem.synthetic: only for dataset = \"synthetic\" or "
                                  "\"synthetic_regression\", not \"iris\"",
                                  problem={"dataset": "iris", "synthetic": {"noise": 0.1}})
        self.assert_study_refused("synthetic data: noise = -1: expected a finite number",
                                  problem={"dataset": "synthetic_regression",
                                           "synthetic": {"noise": -1}})
        self.assert_study_refused("\"no-such-data\": there is no such file", "mnist",
                                  problem={"dataset": "no-such-data"})


def idx(magic, shape, body):
    return bytes([0, 0, 8, magic]) + struct.pack(f">{len(shape)}I", *shape) + body


def npy(array):
    stream = io.BytesIO()
    numpy.save(stream, array)
    return stream.getvalue()


class DataFileTest(BadInputTest):
    ROWS = 12
    IMAGES = idx(3, (ROWS, 6, 6), bytes(i % 251 for i in range(ROWS * 36)))
    LABELS = idx(1, (ROWS,), bytes(i % 3 for i in range(ROWS)))
    FEATURES = npy(numpy.arange(ROWS * 2, dtype=numpy.float32).reshape(ROWS, 2))
    CLASSES = npy(numpy.arange(ROWS) % 3)
    TABLE = "".join(f"{i},{i * i},{i % 3}\n" for i in range(ROWS))

    def assert_data_refused(self, *parts, dataset, **problem):
        self.assert_study_refused(*parts, problem={"dataset": dataset, "train": 8, "validation": 4,
                                                   "network": ["dense 3"], **problem})

    def write_pair(self, images=IMAGES, labels=LABELS, suffix=""):
        self.write("a-images-idx3-ubyte" + suffix, images)
        self.write("a-labels-idx1-ubyte" + suffix, labels)

    def write_arrays(self, features=FEATURES, labels=CLASSES):
        self.write("x.npy", features)
        self.write("y.npy", labels)

    def test_the_files_themselves_are_good(self):
        self.write_pair()
        self.write_arrays()
        self.write("t.csv", self.TABLE)
        for dataset in ("a", "x.npy", "t.csv"):
            with self.subTest(dataset=dataset):
                support.certify(self.write_study(problem={
                    "dataset": dataset, "train": 8, "validation": 4, "network": ["dense 3"]}))

    def test_too_few_rows(self):
        self.write("t.csv", self.TABLE)
        self.assert_data_refused("t.csv", "found 12 rows, expected at least 13",
                                 dataset="t.csv", train=9)

    def test_pooling_that_does_not_divide_or_no_images(self):
        self.write_pair()
        self.assert_data_refused("pool", "6", "4", dataset="a", pool=4)
        self.write("t.csv", self.TABLE)
        self.assert_data_refused("t.csv", "pool", dataset="t.csv", pool=2)
        self.assert_data_refused("grayscale: the images in", "have 1 channels, expected 3",
                                 dataset="a", grayscale=True)
        self.assert_data_refused("grayscale", "holds no images", dataset="t.csv", grayscale=True)

    def test_idx(self):
        for images, *parts in [
                (self.IMAGES[:-1], "truncated: found 447 bytes, expected 448"),
                (self.IMAGES + b"x", "too long: found 449 bytes, expected 448"),
                (self.IMAGES[:9], "expected an IDX header"),
                (b"PK" + self.IMAGES[2:], "byte 0: found 50 4b, expected the IDX magic 00 00"),
                (b"\0\0\7" + self.IMAGES[3:], "byte 2: found type 07"),
                (b"\0\0\x08\0" + self.IMAGES[4:], "byte 3: found 0 dimensions"),
                (b"", "empty")]:
            with self.subTest(parts=parts):
                self.write_pair(images)
                self.assert_data_refused("a-images-idx3-ubyte", *parts, dataset="a")

    def test_half_a_pair(self):
        self.write("a-images-idx3-ubyte", self.IMAGES)
        self.assert_data_refused("a-labels-idx1-ubyte", "there is no such file", dataset="a")
        (self.folder / "nothing").mkdir()
        self.assert_data_refused("nothing", "found no IDX files, expected", dataset="nothing")

    def test_gzip(self):
        packed = gzip.compress(self.IMAGES)
        labels = gzip.compress(self.LABELS)
        self.write_pair(packed[:-9], labels, ".gz")
        self.assert_data_refused("a-images-idx3-ubyte.gz: byte ", "the gzip data end too early",
                                 dataset="a")
        self.write_pair(packed[:20] + b"\xff\xff\xff" + packed[23:], labels, ".gz")
        self.assert_data_refused("a-images-idx3-ubyte.gz: byte ", "damaged gzip data", dataset="a")
        self.write("t.csv.gz", gzip.compress(self.TABLE.encode())[:-9])
        self.assert_data_refused("t.csv.gz: byte ", "end too early", dataset="t.csv.gz")

    def test_csv(self):
        header = "a,b,label\n"
        for broken, *parts in [
                (self.TABLE.replace("4,16,1", "4,nan,1"), "row 5 (line 5), column 2", "nan"),
                (self.TABLE.replace("4,16,1", "4,inf,1"), "row 5 (line 5), column 2", "inf"),
                (self.TABLE.replace("4,16,1", "4,1e999,1"), "row 5 (line 5), column 2", "1e999"),
                (self.TABLE.replace("4,16,1", "4,red,1"), "row 5 (line 5), column 2", "red"),
                (header + self.TABLE.replace("4,16,1", "4,,1"), "row 5 (line 6), column 2"),
                (self.TABLE.replace("4,16,1", "4,1"), "row 5 (line 5)", "3"),
                (self.TABLE.replace("4,16,1", "4,16,1,1"), "row 5 (line 5)", "3"),
                (self.TABLE.replace("4,16,1", "4,16,1.5"), "row 5 (line 5), column 3", "1.5"),
                (self.TABLE.replace("4,16,1", "4,16,-1"), "row 5 (line 5), column 3", "-1"),
                (header, "row"),
                ("", "empty")]:
            with self.subTest(parts=parts):
                self.write("t.csv", broken)
                self.assert_data_refused("t.csv", *parts, dataset="t.csv")
        self.write("t.csv", header + self.TABLE)
        self.assert_data_refused("t.csv", "colour", dataset="t.csv", label_column="colour")
        self.assert_data_refused("t.csv", "colour", dataset="t.csv", target_columns=["a", "colour"])
        self.assert_data_refused("target_columns: not together with label_column", dataset="t.csv",
                                 label_column="label", target_columns=["b"])
        self.assert_data_refused("target_columns: at least one", dataset="t.csv", target_columns=[])
        self.assert_data_refused("target_columns: only for CSV", dataset="iris",
                                 target_columns=["b"])

    def test_npy(self):
        for features, *parts in [
                (self.FEATURES[:-1], "found", "expected"),
                (self.FEATURES + b"x", "found", "expected"),
                (b"\x92" + self.FEATURES[1:], "NPY"),
                (self.FEATURES.replace(b"'shape': (12, 2)", b"'shape': (12, x)"), "shape"),
                (self.FEATURES.replace(b"<f4", b"<c8"), "<c8"),
                (npy(numpy.array([["a", "b"]] * 12)), "<U1"),
                (npy(numpy.full((12, 2), NAN)), "row 1", "nan")]:
            with self.subTest(parts=parts):
                self.write_arrays(features)
                self.assert_data_refused("x.npy", *parts, dataset="x.npy")

    def test_labels_that_do_not_fit(self):
        for labels, *parts in [(npy(numpy.arange(11) % 3), "11", "12"),
                               (npy(numpy.full(12, -1)), "-1"),
                               (npy(numpy.full(12, 0.5)), "0.5")]:
            with self.subTest(parts=parts):
                self.write_arrays(labels=labels)
                self.assert_data_refused(".npy", *parts, dataset="x.npy")
        (self.folder / "y.npy").unlink()
        self.assert_data_refused("y.npy", dataset="x.npy")
        self.write("features.npy", self.FEATURES)
        self.assert_data_refused("features.npy: found no file of labels", dataset="features.npy")
        self.write_pair(labels=idx(1, (11,), bytes(11)))
        self.assert_data_refused("a-labels-idx1-ubyte: found 11 labels, expected 12", dataset="a")


if __name__ == "__main__":
    unittest.main()
