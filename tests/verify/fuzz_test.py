"""A short run of the fuzzer; scripts/fuzz alone makes a long one."""

import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).parents[2]
EXECUTIONS = int(10000 * float(os.environ.get("NUMGEOM_TEST_MULTIPLIER", "1")))


class FuzzTest(unittest.TestCase):
    def test_a_short_run_finds_nothing(self):
        result = subprocess.run([ROOT / "scripts" / "fuzz", str(EXECUTIONS)], check=False,
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn(f"stat::number_of_executed_units: {EXECUTIONS}", result.stdout)
        print(result.stdout, file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
