"""A small channel with a preview on the web, as t.me serves it, and a model, as the Hugging Face Hub does."""
import hashlib
import html
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

NAME, PAGE = "BugurtTest", 20
MODEL, COMMIT = "test/base", "c0ffee" + 34 * "0"


class Server(ThreadingHTTPServer):
    """Serves the texts as posts with ids from 2 on, and the files in the folder as a model, in threads."""

    daemon_threads = True

    def __init__(self, texts, folder):
        self.posts = dict(enumerate(texts, 2))
        self.files = {}
        for name in os.listdir(folder):
            with open(f"{folder}/{name}", "rb") as file:
                self.files[name] = file.read()
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def page(self, before, after):
        ids = [id for id in self.posts if (not before or id < before) and (not after or id > after)]
        ids = ids[:PAGE] if after else ids[-PAGE:]
        links, first, last = [], min(self.posts), max(self.posts)
        if ids and ids[0] > first:
            links.append(f'<link rel="prev" href="/s/{NAME}?before={ids[0]}">')
        if ids and ids[-1] < last:
            links.append(f'<link rel="next" href="/s/{NAME}?after={ids[-1]}">')
        empty = '<div class="tme_no_messages_found">No posts found</div>'
        posts = "".join(self.block(id) for id in ids) or empty
        return (
            f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>Test – Telegram</title>'
            f'<meta property="og:title" content="Test">{"".join(links)}</head><body class="widget_frame_base">'
            f'<main class="tgme_main" data-url="/{NAME}"><section class="tgme_channel_history js-message_history">'
            f'{posts}</section></main></body></html>')

    def block(self, id):
        text = html.escape(self.posts[id]).replace("\n", "<br/>")
        return (
            f'<div class="tgme_widget_message_wrap js-widget_message_wrap"><div class="tgme_widget_message '
            f'js-widget_message" data-post="{NAME}/{id}"><div class="tgme_widget_message_bubble">'
            f'<div class="tgme_widget_message_text js-message_text" dir="auto">{text}</div>'
            f'<div class="tgme_widget_message_footer"><a class="tgme_widget_message_date" '
            f'href="https://t.me/{NAME}/{id}"><time datetime="2020-01-0{id % 9 + 1}T12:00:00+00:00" class="time">'
            f'12:00</time></a></div></div></div></div>')

    def listing(self):
        files = [{"rfilename": name, "size": len(content),
                  "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}
                 for name, content in sorted(self.files.items())]
        return json.dumps({"id": MODEL, "sha": COMMIT, "siblings": files})


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlparse(self.path)
        query = parse_qs(address.query)
        body, kind = None, "text/html; charset=utf-8"
        if address.path.lower() == f"/s/{NAME}".lower():
            body = self.server.page(*(int(query.get(key, ["0"])[0]) for key in ("before", "after"))).encode()
        elif address.path == f"/api/models/{MODEL}/revision/main":
            body, kind = self.server.listing().encode(), "application/json"
        elif address.path.startswith(f"/{MODEL}/resolve/{COMMIT}/"):
            body, kind = self.server.files.get(address.path.split("/")[-1]), "application/octet-stream"
        self.send_response(404 if body is None else 200)
        body = body or b""
        self.send_header("Content-Type", kind)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass
