"""Share a cache of models with Python's huggingface_hub: what one fetched, the other finds.

usage: hub_interop.py --gpt-sample PROGRAM --model FOLDER SCRATCH

A small server plays the hub: it lists a repository, and redirects to the content of its files.
"""

import argparse
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

NAME = "org/tiny"


def blob_id(data):
    """git's name of the blob `data`."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Repository:
    def __init__(self, folder):
        self.files = {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}
        self.files["README.md"] = b"# A model\n"
        self.commit = hashlib.sha1(repr(sorted(self.files)).encode()).hexdigest()

    def is_large(self, name):
        return name.endswith(".safetensors")

    def etag(self, name):
        data = self.files[name]
        return hashlib.sha256(data).hexdigest() if self.is_large(name) else blob_id(data)

    def siblings(self):
        for name, data in self.files.items():
            sibling = {"rfilename": name, "size": len(data), "blobId": blob_id(data)}
            if self.is_large(name):
                sibling["lfs"] = {"sha256": self.etag(name), "size": len(data), "pointerSize": 130}
            yield sibling

    def tree(self):
        for name, data in self.files.items():
            entry = {"type": "file", "oid": blob_id(data), "size": len(data), "path": name}
            if self.is_large(name):
                entry["lfs"] = {"oid": self.etag(name), "size": len(data), "pointerSize": 130}
            yield entry


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repository = None
    sent = []  # the names of the files whose content was sent

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **fields):
        self.send_response(status)
        for field, value in {"Content-Length": len(body), **fields}.items():
            self.send_header(field.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        repository, path = self.repository, self.path.partition("?")[0]
        if path == f"/api/models/{NAME}/revision/main" or path == f"/api/models/{NAME}":
            listing = {"id": NAME, "sha": repository.commit, "siblings": list(repository.siblings())}
            return self.answer(200, json.dumps(listing).encode(), Content_Type="application/json")
        if path.startswith(f"/api/models/{NAME}/tree/"):
            return self.answer(
                200, json.dumps(list(repository.tree())).encode(), Content_Type="application/json")
        kind, name = path.split("/")[1], path.split("/")[-1]
        if name not in repository.files:
            return self.answer(
                404, X_Error_Code="EntryNotFound", X_Repo_Commit=repository.commit)
        data, etag = repository.files[name], f'"{repository.etag(name)}"'
        if kind == "content":
            if self.command == "GET":
                self.sent.append(name)
            return self.answer(200, data, ETag=etag, X_Repo_Commit=repository.commit)
        return self.answer(
            302 if repository.is_large(name) else 307, Location=f"/content/{name}",
            X_Repo_Commit=repository.commit, X_Linked_ETag=etag, X_Linked_Size=len(data))

    do_HEAD = do_GET


class Check:
    def __init__(self, arguments):
        self.arguments = arguments
        self.scratch = pathlib.Path(arguments.scratch).absolute()
        shutil.rmtree(self.scratch, ignore_errors=True)
        Hub.repository = Repository(arguments.model)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{server.server_port}"
        self.expected = self.ours(arguments.model, "unused", offline=True)

    def run(self, command, cache, offline):
        environment = os.environ | {
            "HF_ENDPOINT": self.address, "HF_HUB_CACHE": str(self.scratch / cache),
            "HF_HUB_OFFLINE": "1" if offline else "0", "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(self.scratch / "home")}
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout

    def ours(self, model, cache, offline):
        command = [self.arguments.gpt_sample, model, "--prompt", "КОТ", "--logits"]
        return self.run(command, cache, offline)

    def theirs(self, cache, offline):
        script = f"from huggingface_hub import snapshot_download; print(snapshot_download('{NAME}'))"
        return pathlib.Path(self.run([sys.executable, "-c", script], cache, offline).strip())

    def failures(self):
        # Python fetches, we find.
        self.theirs("python", offline=False)
        if self.ours(NAME, "python", offline=True) != self.expected:
            yield "what Python fetched gives other logits, offline"
        Hub.sent.clear()
        if self.ours(NAME, "python", offline=False) != self.expected or Hub.sent:
            yield f"of what Python fetched we fetched again {Hub.sent}"

        # We fetch, Python finds.
        if self.ours(NAME, "ours", offline=False) != self.expected:
            yield "what we fetched gives other logits"
        fetched = sorted(Hub.sent)
        folder = self.theirs("ours", offline=True)
        if folder.name != Hub.repository.commit:
            yield f"Python finds {folder} offline"
        for name in fetched:
            if (folder / name).read_bytes() != Hub.repository.files[name]:
                yield f"Python finds another {name}"
        script = (
            "from transformers import AutoModelForCausalLM, AutoTokenizer;"
            f"ids = AutoTokenizer.from_pretrained('{NAME}')('КОТ')['input_ids'];"
            f"AutoModelForCausalLM.from_pretrained('{NAME}'); print(ids)")
        ids = json.loads(self.run([sys.executable, "-c", script], "ours", offline=True))
        if ids != json.loads(self.expected)["prompt_ids"]:
            yield f"transformers has the ids {ids}"
        Hub.sent.clear()
        self.theirs("ours", offline=False)
        again = sorted(set(Hub.sent) & set(fetched))
        if again or "README.md" not in Hub.sent:
            yield f"of what we fetched Python fetched again {again}"
        print(f"shared: {', '.join(fetched)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt-sample", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("scratch")
    found = list(Check(parser.parse_args()).failures())
    for failure in found:
        print(f"hub_interop: {failure}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
