"""Real guests under hvisd, through `hvis` as an administrator types it: two at once, with different services.

Acceptance cases 29-31, 33, 35-39, 41, 42, 57-60, 62-66, 144-150, 153, 155 and 156 (docs/acceptance.md); the numbers stand with the
tests, docs/acceptance.md says what they do not assert.
Together the tests have every verb of `hvis` at work on a real guest.
"""

import unittest

from pair_cases import PairCases
from power_cases import PowerCases
from service_cases import ServiceCases
from verb_cases import VerbCases


class HostTest(ServiceCases, PairCases, PowerCases, VerbCases):
    """All on the same two guests: a start of one takes a minute in the lab."""


class ResultAtOnce(unittest.TextTestResult):
    """Tells what failed when it fails: later cases take minutes."""

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.stream.writeln(self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.stream.writeln(self.errors[-1][1])


if __name__ == "__main__":
    unittest.main(defaultTest="HostTest", verbosity=2, testRunner=unittest.TextTestRunner(verbosity=2, resultclass=ResultAtOnce))
