"""What the API tests have met of the contract: all of it, but for what is named here."""

import json
import os
import unittest

import seen
from contract import the_contract

EXCEPT = {
    "DefinedVm.status": "a VM that was just defined has had no worker",
    "MadeToken.last_used": "a token that was just made has not been used",
    "Pairs.truncated": "needs a guest with more pairs than a listing has: src/ic/kvp_host_test.cc",
    "Pairs.unreadable": "needs a guest that gives a pair's number and not the pair: src/ic/kvp_host_test.cc",
    "Status.guest.os_build": "a loopback guest does not say it; Debian does: tests/guests",
    "Status.guest.services_version": "the same",
}


class SeenTest(unittest.TestCase):
    def test_every_field_and_parameter_was_met(self):
        met = set()
        for name in os.listdir(seen.FOLDER):
            with open(os.path.join(seen.FOLDER, name), encoding="utf-8") as file:
                met.update(json.load(file))
        everything = seen.everything(the_contract())
        excepted = set(EXCEPT)
        self.assertLessEqual(excepted, everything, "excepted, but not in the contract")
        self.assertEqual(excepted & met, set(), "excepted, but met: take it out of the list")
        self.assertEqual(sorted(everything - met - excepted), [], "never met by any test")


if __name__ == "__main__":
    unittest.main()
