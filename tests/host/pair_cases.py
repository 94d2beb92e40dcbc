"""Key/value exchange."""

import re

from two_guests import START_DAEMON, STOP_DAEMON, TwoGuests


class PairCases(TwoGuests):
    def test_the_guests_facts(self):
        """57"""
        facts = self.pairs("auto")
        release, machine, name, version, full_name, services = self.web.output(
            "uname -r; uname -m; . /etc/os-release; echo $NAME; echo $VERSION_ID;"
            " awk '$1 == \"127.0.1.1\" {print $2}' /etc/hosts;"
            " sed -n 's/.*KVP LIC Version: *//p' /var/log/messages | tail -n 1").splitlines()
        expected = {"OSBuildNumber": release, "OSVersion": release.split("-")[0], "OSName": name, "OSMajorVersion": version,
                    "ProcessorArchitecture": machine, "FullyQualifiedDomainName": full_name,
                    "IntegrationServicesVersion": services}
        self.assertEqual({key: facts[key] for key in expected}, expected)
        self.assertEqual(services, "3.1")
        # The guest has no adapter but its loopback, which the daemon leaves out.
        addresses = re.findall(r"inet ([0-9.]+)", self.web.output("ip -4 addr show"))
        self.assertEqual(set(filter(None, facts["NetworkAddressIPv4"].split(";"))),
                         {address for address in addresses if not address.startswith("127.")})
        self.assertIn("NetworkAddressIPv6", facts)
        self.assertEqual(len(facts), 10, "and there is no eleventh")
        self.assertEqual(self.host.hvis("kvp", "get", "web", "OSName").json()["value"], facts["OSName"])

    def test_a_pair_from_the_host(self):
        """58, 62, 66"""
        pool = "/var/lib/hyperv/.kvp_pool_0"
        for value in ("555", "999"):
            self.host.hvis("kvp", "set", "web", "EEE", value)
            self.assertEqual(self.pairs("external").get("EEE"), value)
            # Records of 512 bytes of key and 2048 of value; behind each text is whatever the daemon had there.
            self.assertEqual(self.web.output(f"head -c 3 {pool}; head -c 515 {pool} | tail -c 3"), "EEE" + value)
        self.assertEqual(self.host.hvis("kvp", "add", "web", "EEE", "1", status=1).error()["code"], "failed")
        self.host.hvis("kvp", "delete", "web", "EEE")
        self.assertFalse(self.web.succeeds(f"grep -q EEE {pool}"))
        self.host.hvis("kvp", "delete", "web", "EEE", status=3)
        self.host.hvis("kvp", "get", "web", "EEE", "--pool", "external", status=3)

    def test_pairs_from_the_guest(self):
        """59, 60"""
        pool = "/var/lib/hyperv/.kvp_pool_1"
        self.web.output(f"probe pool-fill {pool} 250")
        pairs = self.pairs("guest")
        self.assertEqual(len(pairs), 250)
        self.assertEqual(pairs["key 250"], "value 250")
        self.web.output(f": >{pool}")
        self.assertEqual(self.pairs("guest"), {})

    def test_without_a_daemon(self):
        """64: who asks is told in time, the service is no longer ok; what comes late is not taken for another answer."""
        self.addCleanup(self.web.output, START_DAEMON)
        self.host.hvis("kvp", "set", "web", "role", "frontend")
        self.web.output(STOP_DAEMON)
        asked = self.host.begin("kvp", "list", "web", "--timeout", "2s")
        error = self.host.ends_with(asked, 4, patience=100).error()
        self.assertEqual((error["code"], error["outcome"]), ("timed_out", "timed_out"))
        self.host.await_service("web", "kvp", "lost_communication")
        self.host.await_service("web", "heartbeat", "ok")  # takes no notice
        self.assertEqual(self.host.hvis("kvp", "get", "web", "role", "--held").json()["value"], "frontend")
        self.assertIn({"key": "role", "value": "frontend"}, self.host.hvis("kvp", "list", "web", "--held").json()["pairs"])
        self.web.output(START_DAEMON)
        self.host.await_that("the daemon is back", lambda: self.host.try_hvis("kvp", "list", "web", "--timeout", "20s").status == 0)
        self.host.await_service("web", "kvp", "ok")
        self.assertEqual(self.pairs("auto")["OSBuildNumber"], self.web.output("uname -r"))

    def test_pairs_set_by_the_host_come_back_with_the_guest(self):
        """155, in part: what the host has set is the VM's, not the guest's."""
        self.host.hvis("kvp", "set", "web", "role", "frontend")
        self.host.hvis("vm", "restart", "web", "--timeout", "200s")
        self.host.await_ready("web")
        self.host.await_services("web")
        self.web.connect()
        self.web.read_until("HVIS-GUEST-READY\n|$")
        self.host.await_that("the pair is there again", lambda: self.pairs("external").get("role") == "frontend")
        self.host.hvis("kvp", "delete", "web", "role")
