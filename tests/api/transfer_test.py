"""Export and import of a VM: whole, and nothing else."""

import hashlib
import json
import os
import shutil
import subprocess
import time
import unittest

from contract import the_contract
from daemon import PATIENCE, Daemon

VM = "/api/v1/vms/web"


class TransferTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(contract=the_contract())
        self.daemon.__enter__()
        self.addCleanup(self.daemon.__exit__)
        self.kernel = os.path.join(self.daemon.directory, "kernel")
        with open(self.kernel, "wb") as file:
            file.write(os.urandom(3_000_000))
        self.export = os.path.join(self.daemon.directory, "export")
        definition = {"name": "web", "memory": "64M", "kernel": self.kernel}
        made = self.daemon.request("POST", "/api/v1/vms", definition)
        self.assertEqual(made.status, 201, made.text)
        self.daemon.request("PUT", f"{VM}/kvp/external/role", {"value": "frontend"})

    def write(self):
        return self.daemon.operation("POST", f"{VM}/export", {"path": self.export})

    def seal(self, text, files):
        """Writes the manifest's text, with checksums of it and of these files."""
        with open(os.path.join(self.export, "manifest.json"), "w", encoding="utf-8") as file:
            file.write(text)
        sums = {file["name"]: file["sha256"] for file in files}
        sums["manifest.json"] = hashlib.sha256(text.encode()).hexdigest()
        with open(os.path.join(self.export, "SHA256SUMS"), "w", encoding="utf-8") as file:
            file.writelines(f"{sum}  {name}\n" for name, sum in sums.items())

    def read(self, **more):
        return self.daemon.operation("POST", "/api/v1/vms/import", {"path": self.export, **more})

    def test_a_vm_comes_back_as_it_was(self):
        self.assertEqual(self.write()["state"], "succeeded")
        self.assertEqual(sorted(os.listdir(self.export)), ["SHA256SUMS", "kernel", "manifest.json"])
        check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
        self.assertEqual(subprocess.run(check, cwd=self.export).returncode, 0)
        self.assertEqual(self.write()["state"], "failed", "the directory is there already")
        before = self.daemon.get(VM).json()["definition"]
        self.daemon.request("DELETE", VM)
        done = self.read()
        self.assertEqual(done["state"], "succeeded", done)
        after = self.daemon.get(VM).json()["definition"]
        with open(after.pop("kernel"), "rb") as copy, open(before.pop("kernel"), "rb") as original:
            self.assertEqual(copy.read(), original.read())
        self.assertEqual(after, before)
        self.assertEqual(self.daemon.get(f"{VM}/kvp/external/role").json()["value"], "frontend")

    def test_images_go_with_the_last_vm_that_uses_them(self):
        self.write()
        self.assertEqual(self.read(name="web2", new_id=True)["state"], "succeeded")
        images = os.path.join(self.daemon.directory, "state", "images")
        (folder,) = os.listdir(images)
        kernel = self.daemon.get("/api/v1/vms/web2").json()["definition"]["kernel"]
        self.assertEqual(self.daemon.request("PATCH", VM, {"kernel": kernel}).status, 200)
        self.assertEqual(self.daemon.request("DELETE", "/api/v1/vms/web2").status, 200)
        time.sleep(0.5)
        self.assertEqual(os.listdir(images), [folder])
        self.assertTrue(os.path.exists(kernel))
        self.assertEqual(self.daemon.request("DELETE", VM).status, 200)
        self.until(lambda: os.listdir(images) == [])

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def events(self, name):
        return [event for event in self.daemon.get("/api/v1/events").json()["events"] if event["name"] == name]

    def test_an_import_cut_short_by_a_kill_is_swept(self):
        with open(self.kernel, "r+b") as file:
            file.truncate(256 << 20)
        self.write()
        images = os.path.join(self.daemon.directory, "state", "images")
        begun = self.daemon.request("POST", "/api/v1/vms/import", {"path": self.export, "name": "web2", "new_id": True})
        self.assertEqual(begun.status, 202, begun.text)

        def copied():
            (folder,) = os.listdir(images) if os.path.isdir(images) and os.listdir(images) else (None,)
            kernel = os.path.join(images, folder or "", "kernel")
            return folder if os.path.exists(kernel) and os.path.getsize(kernel) > 1 << 20 else None

        self.until(copied)
        self.daemon.kill()
        self.assertIn(".partial-", copied() or "", "killed between copy and commit")
        # Between commit and definition the folder has its name, and the mark still.
        committed = os.path.join(images, "0d6e0d3c-3d6b-4ba6-b4c6-6ed1ef7ba2a5")
        os.mkdir(committed)
        for name in (".unfinished-import", "kernel"):
            with open(os.path.join(committed, name), "w", encoding="utf-8") as file:
                file.write("1234567")
        mine = os.path.join(images, "mine")
        os.mkdir(mine)
        self.daemon.start()
        self.until(lambda: len(self.events("import_swept")) == 2)
        self.assertEqual(os.listdir(images), ["mine"])
        swept = {event["fields"]["folder"]: int(event["fields"]["bytes"]) for event in self.events("import_swept")}
        self.assertEqual(swept[committed], 7)
        self.assertGreater(max(swept.values()), 1 << 20)
        self.assertEqual([vm["name"] for vm in self.daemon.get("/api/v1/vms").json()["vms"]], ["web"])

    def test_a_finished_import_is_not_swept(self):
        self.write()
        self.assertEqual(self.read(name="web2", new_id=True)["state"], "succeeded")
        kernel = self.daemon.get("/api/v1/vms/web2").json()["definition"]["kernel"]
        self.assertEqual(os.listdir(os.path.dirname(kernel)), ["kernel"], "the mark went with the definition")
        self.daemon.kill()
        self.daemon.start()
        self.assertTrue(os.path.exists(kernel))
        self.assertEqual(self.events("import_swept"), [])

    def test_limits_of_versions_go_along(self):
        limits = {"kvp": "4.0", "shutdown": "3.0"}
        self.assertEqual(self.daemon.request("PATCH", VM, {"service_versions": limits}).status, 200)
        self.write()
        self.daemon.request("DELETE", VM)
        self.assertEqual(self.read()["state"], "succeeded")
        self.assertEqual(self.daemon.get(VM).json()["definition"]["service_versions"], limits)

    def test_the_same_vm_twice_needs_another_name_and_id(self):
        self.write()
        self.assertEqual(self.read()["state"], "failed")
        self.assertEqual(self.read(name="web2")["state"], "failed")
        done = self.read(name="web2", new_id=True)
        self.assertEqual(done["state"], "succeeded", done)
        self.assertEqual(done["result"]["name"], "web2")

    def test_half_and_changed_exports_are_refused(self):
        self.write()
        self.daemon.request("DELETE", VM)
        manifest = os.path.join(self.export, "manifest.json")
        with open(manifest, encoding="utf-8") as file:
            good = file.read()

        def with_manifest(change):
            document = json.loads(good)
            change(document)
            self.seal(json.dumps(document), document["files"])

        def set_name(name):
            return lambda document: document["files"][0].update(name=name)

        outside = os.path.join(self.daemon.directory, "outside")
        shutil.copy(self.kernel, outside)
        os.symlink(outside, os.path.join(self.export, "link"))
        os.mkfifo(os.path.join(self.export, "pipe"))
        for name in ("../outside", outside, ".", "..", "", "manifest.json", "link", "pipe", "none", "a/b", "x\0y"):
            with self.subTest(name=name):
                with_manifest(set_name(name))
                self.assertEqual(self.read()["state"], "failed")
        for label, change in {
            "size": lambda d: d["files"][0].update(size=5),
            "checksum": lambda d: d["files"][0].update(sha256="0" * 64),
            "role": lambda d: d["files"][0].update(role="../kernel"),
            "newer": lambda d: d.update(version=2),
            "format": lambda d: d.update(format="other"),
            "unknown": lambda d: d.update(more=1),
            "no files": lambda d: d.update(files=[]),
            "pool": lambda d: d["pairs"][0].update(pool="guest"),
            "definition": lambda d: d["definition"].update(memory=-1),
        }.items():
            with self.subTest(change=label):
                with_manifest(change)
                done = self.read()
                self.assertEqual(done["state"], "failed", done)
                self.assertEqual(done["error"]["code"], "usage", done)
        self.seal(good, json.loads(good)["files"])
        with open(os.path.join(self.export, "kernel"), "r+b") as file:
            file.truncate(1_000_000)
        self.assertEqual(self.read()["state"], "failed")
        os.unlink(manifest)
        done = self.read()
        self.assertIn("not complete", done["error"]["hint"])
        images = os.path.join(self.daemon.directory, "state", "images")
        self.assertEqual(os.listdir(images), [], "nothing may be left of what was refused")
        self.assertEqual(self.daemon.get("/api/v1/vms").json()["vms"], [])

    def test_what_the_checksums_do_not_cover_is_refused(self):
        self.write()
        self.daemon.request("DELETE", VM)
        with open(os.path.join(self.export, "manifest.json"), encoding="utf-8") as file:
            good = file.read()
        sums = os.path.join(self.export, "SHA256SUMS")

        def refusal(words):
            done = self.read()
            self.assertEqual((done["state"], done["error"]["code"]), ("failed", "usage"), done)
            self.assertIn(words, done["error"]["message"])
            return done["error"]["hint"]

        self.seal(good, [])
        refusal("kernel is not in SHA256SUMS")
        self.seal(good, json.loads(good)["files"])
        with open(os.path.join(self.export, "manifest.json"), "w", encoding="utf-8") as file:
            file.write(good.replace("frontend", "backend!"))
        refusal("manifest.json is not what SHA256SUMS says")
        os.unlink(sums)
        self.assertIn("'sha256sum * > SHA256SUMS'", refusal("cannot open SHA256SUMS"))
        # As for an export of an earlier version.
        subprocess.run("sha256sum * > SHA256SUMS", shell=True, check=True, cwd=self.export)
        self.assertEqual(self.read()["state"], "succeeded")


if __name__ == "__main__":
    unittest.main()
