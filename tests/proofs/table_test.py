"""The table of proofs names what exists: files, functions, theorems; and no theorem is without a page."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PROOFS = ROOT / "proofs"
COLUMNS = 5


def theorems():
    return [line for line in (PROOFS / "coq" / "theorems").read_text().split("\n") if line]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def rows(columns):
    """Rows of the tables with so many columns, without their heads."""
    result = []
    for line in (PROOFS / "README.md").read_text().split("\n"):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and cells[0].startswith("`"):
            result.append(cells)
    return result


def has_word(text, word):
    return re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", text) is not None


class TableTest(unittest.TestCase):
    def test_it_is_there(self):
        self.assertGreater(len(rows(COLUMNS)), 60)

    def test_code(self):
        for code, *_ in rows(COLUMNS):
            path = None
            names = 0
            for word in quoted(code):
                if re.search(r"/.*\.\w+$", word):
                    path = ROOT / word
                    self.assertTrue(path.is_file(), word)
                else:
                    names += 1
                    self.assertTrue(has_word(path.read_text(), word), f"{word} is not in {path.name}")
            self.assertGreater(names, 0, code)

    def test_pages(self):
        for _, page, *_ in rows(COLUMNS):
            self.assertTrue((PROOFS / page).is_file(), page)

    def test_theorems_exist_and_all_are_on_a_page(self):
        pages = "\n".join(path.read_text() for path in PROOFS.glob("*.md") if path.name != "README.md")
        for theorem in theorems():
            self.assertTrue(has_word(pages, theorem.split(".")[1]), f"{theorem} is on no page")

    def test_machine_checked(self):
        known = set(theorems())
        for code, _, checked, *_ in rows(COLUMNS):
            names = quoted(checked)
            self.assertTrue(names or checked == "–", f"{code}: {checked}")
            for name in names:
                self.assertIn(name, known)

    def test_guards(self):
        for code, *_, tests in rows(COLUMNS):
            self.assertTrue(quoted(tests), code)
            for path in quoted(tests):
                self.assertTrue((ROOT / path).is_file(), path)

    def test_list_of_pages(self):
        listed = re.findall(r"^\| \[(\S+\.md)\]\(\1\) \|", (PROOFS / "README.md").read_text(), re.M)
        self.assertEqual(sorted(listed), sorted(path.name for path in PROOFS.glob("*.md")
                                                if path.name != "README.md"))

    def test_counts(self):
        files = len(list((PROOFS / "coq").glob("*.v")))
        self.assertIn(f"{len(theorems())} theorems in {files} files", (PROOFS / "README.md").read_text())


if __name__ == "__main__":
    unittest.main()
