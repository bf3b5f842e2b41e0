"""An OpenAI-compatible /v1/embeddings on a port of this machine, which misbehaves as the model's name asks for.

Prints {"url": …} once it serves; ends when its input does. GET /requests says what it was sent.
"""
import hashlib
import http.server
import json
import sys
import threading

DIMENSIONS = 16
requests = []
busy = {"left": 2}


def vector(text, size):
    digest = hashlib.sha512(text.encode()).digest()
    return [(digest[i % 64] - 127.5) / 100 for i in range(size)]


def answer(body, model):
    size = body.get("dimensions", DIMENSIONS)
    data = [{"object": "embedding", "index": i, "embedding": vector(text, size)}
            for i, text in enumerate(body["input"])]
    if model == "shuffled":
        data.reverse()
    if model == "without-index":
        for entry in data:
            del entry["index"]
    if model == "short":
        data.pop()
    if model == "twice":
        data[-1]["index"] = 0
    if model == "far":
        data[0]["index"] = 1 << 62
    if model == "zeros":
        data[0]["embedding"] = [0.0] * size
    if model == "wrong-size" and len(data) > 0 and "probe" not in body["input"][0] and body["input"] != ["a"]:
        data[0]["embedding"] = vector("x", size + 1)
    if model == "words":
        data[0]["embedding"][3] = "0.5"
    if model == "base64":
        data[0]["embedding"] = "AAAA"
    text = json.dumps({"object": "list", "data": data, "model": model})
    if model == "nan":
        text = text.replace("[", "[NaN, ", 2)
    if model == "infinite":
        text = text.replace('"embedding": [', '"embedding": [1e999, ')
    if model == "no-json":
        text = "<html>"
    if model == "no-data":
        text = "{}"
    if model == "long":
        text += " " * (1 << 22)
    return text.encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def reply(self, status, bytes_, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(bytes_)))
        self.end_headers()
        self.wfile.write(bytes_)

    def do_GET(self):
        self.reply(200, json.dumps(requests).encode())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        requests.append({"path": self.path, "key": self.headers.get("authorization"), "body": body})
        model = body["model"]
        if self.path != "/v1/embeddings":
            return self.reply(404, b"{}")
        if model == "poisoned" and any("poison" in text for text in body["input"]):
            return self.reply(400, b"{}")
        if model == "locked":
            return self.reply(401, b"bad key " + (self.headers.get("authorization") or "").encode())
        if model == "elsewhere":
            return self.reply(302, b"", [("location", "http://127.0.0.1:1/v1/embeddings")])
        if model == "always-busy" or model == "busy" and busy["left"] > 0:
            busy["left"] -= 1
            return self.reply(503, b"", [("retry-after", "2")])
        if model == "hangs-up":
            return self.connection.close()
        self.reply(200, answer(body, model))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}/v1"}), flush=True)
sys.stdin.read()
